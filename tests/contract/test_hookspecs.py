"""Hooks, ports and pages say the same; markers are pluggy's."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import TYPE_CHECKING

import pluggy
import pytest
from polypod.spec import markers

if TYPE_CHECKING:
    from types import ModuleType

TREE = Path(__file__).resolve().parents[2]
GROUPS = ("state", "runtime", "network", "storage", "monitor")
PREFIXES = {"observer": ("observe_", "amend_")}


def spec(group: str) -> ModuleType:
    return importlib.import_module(f"polypod.spec.{group}")


def hooks(group: str) -> dict[str, object]:
    return {name: hook for name, hook in vars(spec(group)).items() if hasattr(hook, "polypod_spec")}


@pytest.mark.parametrize("group", [*GROUPS, "observer"])
def test_specifications_are_valid_and_documented(group: str) -> None:
    manager = pluggy.PluginManager(markers.PROJECT)
    manager.add_hookspecs(spec(group))
    assert f"polypod.{group}.v1" == spec(group).GROUP
    for name, hook in hooks(group).items():
        assert name.startswith(PREFIXES.get(group, (group + "_",))), name
        assert (inspect.getdoc(hook) or "").strip(), f"{name} has no text"
        assert getattr(manager.hook, name).spec is not None
        assert inspect.signature(hook).return_annotation is not inspect.Signature.empty  # type: ignore[arg-type]


@pytest.mark.parametrize("group", [*GROUPS, "observer"])
def test_every_hook_has_its_place_in_the_authors_guide(group: str) -> None:
    page = (TREE / f"docs/plugins/{group}.md").read_text()
    for name in hooks(group):
        assert f"`{name}" in page, f"docs/plugins/{group}.md does not show {name}"


def test_the_guide_names_every_group() -> None:
    index = (TREE / "docs/plugins/index.md").read_text()
    for group in (*GROUPS, "observer", "command"):
        assert f"polypod.{group}.v1" in index
        assert f"({group}.md)" in index


@pytest.mark.parametrize("group", GROUPS)
def test_ports_are_their_hooks_without_the_prefix(group: str) -> None:
    port = next(
        found
        for name, found in vars(importlib.import_module(f"polypod.ports.{group}")).items()
        if name.endswith("Port") and name != "Port"
    )
    for name, hook in hooks(group).items():
        method = getattr(port, name.removeprefix(group + "_"), None)
        assert method is not None, f"{port.__name__} lacks {name}"
        wanted = inspect.signature(hook)  # type: ignore[arg-type]
        given = inspect.signature(method)
        assert list(given.parameters)[1:] == list(wanted.parameters), name
        without = str(given.return_annotation).replace("_list[", "list[")
        assert without == wanted.return_annotation, name


@pytest.mark.parametrize("firstresult", [False, True])
def test_hookspec_marker_is_pluggys(firstresult: bool) -> None:
    def ours() -> None: ...
    def theirs() -> None: ...

    markers.hookspec(firstresult=firstresult)(ours)
    pluggy.HookspecMarker(markers.PROJECT)(firstresult=firstresult)(theirs)
    assert ours.polypod_spec == theirs.polypod_spec  # type: ignore[attr-defined]


def test_hookimpl_marker_is_pluggys() -> None:
    def ours() -> None: ...
    def theirs() -> None: ...

    markers.hookimpl(ours)
    pluggy.HookimplMarker(markers.PROJECT)(theirs)
    assert ours.polypod_impl == theirs.polypod_impl  # type: ignore[attr-defined]


def test_optional_hooks() -> None:
    required = {"runtime": "runtime_state", "monitor": "monitor_start", "state": "state_get"}
    for group, name in required.items():
        assert not hooks(group)[name].polypod_optional  # type: ignore[attr-defined]
    assert hooks("runtime")["runtime_pause"].polypod_optional  # type: ignore[attr-defined]
    assert all(hook.polypod_optional for hook in hooks("observer").values())  # type: ignore[attr-defined]
