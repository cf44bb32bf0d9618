"""docs/reference/security.md says what the code does."""

from __future__ import annotations

from pathlib import Path

from polypod.oci.spec_linux import MASKED, READ_ONLY

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "security.md"


def test_paths_are_listed():
    text = PAGE.read_text()
    for path in (*MASKED, *READ_ONLY):
        assert f"`{path}`" in text


def test_default_capabilities_are_listed():
    from polypod.config.defaults import CONTAINERS

    names = " ".join(sorted(name[4:] for name in CONTAINERS["default_capabilities"]))
    text = " ".join(PAGE.read_text().split())
    assert f"`{names}`" in text
