"""The tables of docs/reference/configuration.md are those of the plugins' own structs."""

from __future__ import annotations

import re
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from polypod.config.polypod_conf import _FIELDS

PAGE = (Path(__file__).parents[2] / "docs/reference/configuration.md").read_text()
ROWS = re.findall(r"^\| `plugin\.(\w+)\.([a-z]+)` \| `(\w+)` \| (\S+) \|", PAGE, re.M)


def test_there_are_rows() -> None:
    assert len(ROWS) >= 7


@pytest.mark.parametrize(("group", "name", "key", "default"), ROWS)
def test_key_and_default(group: str, name: str, key: str, default: str) -> None:
    (found,) = {entry.value: entry for entry in entry_points(group=f"polypod.{group}.v1", name=name)}.values()
    value = getattr(found.load().Config(), key)
    shown = {True: "true", False: "false", "": '""'}.get(value, str(value))
    assert shown == default


def test_fields_of_polypod_conf() -> None:
    assert [name for name in _FIELDS if f"`{name}`" not in PAGE] == []


def test_links_lead_somewhere() -> None:
    assert _broken(Path(__file__).parents[2] / "docs") == []


def _broken(docs: Path) -> list[str]:
    """Relative links of the documentation that lead nowhere."""
    return [
        f"{page.name}: {target}"
        for page in [*docs.rglob("*.md"), docs.parent / "README.md"]
        for target in re.findall(r"\]\(([^)#:\s]+)\)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
