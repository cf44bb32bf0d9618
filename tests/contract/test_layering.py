"""Rooms import rooms to their left only, plugins import the author's rooms only.

errors <- model <- kit <- spec <- ports <- records, store, oci <- registry <- engine <- assembly
<- cli;
config stands beside (model, errors, kit) and only assembly and cli look at it.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

TREE = Path(__file__).resolve().parents[2]
CORE = TREE / "core/polypod"

BASE = {"errors", "model", "kit"}
LOWER = BASE | {"spec", "ports"}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "model": {"errors"},
    "kit": {"errors", "model", "spec.markers"},  # base classes of drivers mark their hooks
    "spec": {"errors", "model"},
    "ports": {"errors", "model", "spec"},
    "records": LOWER,
    "store": LOWER | {"oci"},
    "oci": LOWER,
    "registry": LOWER | {"oci"},
    "config": BASE,
    "engine": LOWER | {"records", "store", "oci", "registry"},
    "assembly": LOWER | {"config", "records", "store", "oci", "registry", "engine", "startcache"},
    "startcache": set(),  # how modules are loaded, before any of them is
    "api": LOWER | {"records", "store", "oci", "registry", "engine", "assembly"},
    "cli": LOWER
    | {"config", "records", "store", "oci", "registry", "engine", "assembly", "testing"}
    | {"api", "startcache"},
    "testing": LOWER | {"records", "store", "oci", "registry", "engine", "config", "assembly"},
    "__main__": {"cli"},
    "__init__": {"api", "errors"},
}
PLUGIN_MAY = BASE | {"spec"}

#: Third-party libraries that only one room may use, wherever in its functions.
RESERVED = {"stevedore": "assembly", "pluggy": "assembly"}

DRIVERS = {
    "sqlite", "kv", "crun", "runc", "youki", "vfs", "netavark",
}  # fmt: skip


def sources(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*.py") if "__pycache__" not in path.parts]


def room_of(path: Path) -> str:
    first = path.relative_to(CORE).parts[0]
    return first.removesuffix(".py")


def typing_only(tree: ast.Module) -> set[ast.AST]:
    """Nodes below ``if TYPE_CHECKING:``, which are no imports at run time."""
    found: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            for child in node.body:
                found.update(ast.walk(child))
    return found


def imports(path: Path, package: str) -> Iterator[tuple[str, int, bool]]:
    """Absolute names of what a file imports, the line, and whether for types alone."""
    tree = ast.parse(path.read_text(), str(path))
    types = typing_only(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno, node in types
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                parts = package.split(".")
                base = parts[: len(parts) - node.level + 1]
                module = ".".join([*base, module] if module else base)
            yield module, node.lineno, node in types
            for alias in node.names:
                if module in ("polypod", package):
                    yield f"{module}.{alias.name}", node.lineno, node in types


def package_of(path: Path) -> str:
    return ".".join(path.relative_to(CORE.parent).parent.parts)


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_room(room: str) -> None:
    wrong = []
    for path in sources(CORE):
        if room_of(path) != room:
            continue
        for name, line, for_types in imports(path, package_of(path)):
            where = f"{path.relative_to(TREE)}:{line}"
            target = name.split(".")[1] if name.startswith("polypod.") else ""
            top = name.split(".")[0]
            if top in RESERVED and RESERVED[top] != room:
                wrong.append(f"{where} imports {name}, which is {RESERVED[top]}'s")
            if top.startswith("polypod_"):
                wrong.append(f"{where} imports plugin {name}")
            if name.removeprefix("polypod.") in MAY_IMPORT[room]:
                continue
            known = target in MAY_IMPORT and target != "__init__"
            # A composition's type may be named below assembly; nothing of it is imported.
            if known and target != room and target not in MAY_IMPORT[room] and not for_types:
                wrong.append(f"{where} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_every_room_is_known() -> None:
    rooms = {room_of(path) for path in sources(CORE)}
    assert rooms <= set(MAY_IMPORT), "tell this test what the new room may import"


PLUGINS = sorted((TREE / "plugins").iterdir()) + [TREE / "docs/plugins/example"]


@pytest.mark.parametrize("folder", PLUGINS, ids=lambda path: path.name)
def test_plugin(folder: Path) -> None:
    wrong = []
    own = {path.name for path in folder.glob("polypod_*")}
    for path in sources(folder):
        in_tests = "tests" in path.relative_to(folder).parts
        allowed = PLUGIN_MAY | {"testing"} if in_tests else PLUGIN_MAY
        package = ".".join(path.relative_to(folder).parent.parts)
        for name, line, _ in imports(path, package):
            where = f"{path.relative_to(TREE)}:{line}"
            parts = name.split(".")
            if parts[0].startswith("polypod_") and parts[0] not in own and not in_tests:
                wrong.append(f"{where} imports another plugin, {name}")
            if parts[0] == "polypod" and len(parts) > 1 and parts[1] not in allowed:
                wrong.append(f"{where} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_driver_names_stand_in_configuration_defaults_only() -> None:
    """Strings that are driver names, in rooms that must not know any.

    ``conmon`` is left out: podman's flag and key of ``info`` have that name.
    """
    wrong = []
    for path in sources(CORE):
        room = room_of(path)
        if room in ("config", "testing") or path.name == "__main__.py":
            continue
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            text = node.value if isinstance(node, ast.Constant) else None
            if isinstance(text, str) and text in DRIVERS:
                wrong.append(f"{path.relative_to(TREE)}:{node.lineno} names {text!r}")
    assert not wrong, "\n".join(wrong)
