"""What others build on: names that must not vanish or appear unseen."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from pathlib import Path

import polypod
import pytest
from polypod import errors, model, spec
from polypod.model.schema import schema
from polypod.model.struct import Struct

TREE = Path(polypod.__file__).parent


def own_classes(module: object, base: type) -> set[str]:
    name = module.__name__  # type: ignore[attr-defined]
    return {
        key
        for key, found in vars(module).items()
        if inspect.isclass(found) and issubclass(found, base) and found.__module__ == name
    }


def test_the_package() -> None:
    assert set(polypod.__all__) == {"AsyncEngine", "Engine", "PolypodError", "__version__"}
    assert all(getattr(polypod, name) for name in polypod.__all__)


def test_assembly() -> None:
    from polypod import assembly

    public = {name for name in vars(assembly) if not name.startswith("_")}
    assert {"compose", "open_runtime"} <= public


def test_the_error_tree_is_the_one_that_is_drawn() -> None:
    """Every class stands in the drawing at the top of the file, below its base."""
    drawn: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        words = line.strip().split("  ")[0]
        names = [word.strip() for word in words.split(",")]
        if not words or not all(hasattr(errors, name) for name in names):
            continue
        depth = len(line) - len(line.lstrip())
        above = [(at, name) for at, name in above if at < depth]
        for name in names:
            drawn[name] = above[-1][1] if above else "Exception"
        above.append((depth, names[0]))
    real = {name: getattr(errors, name).__bases__[0].__name__ for name in own_classes(errors, Exception)}
    assert drawn == real


GROUPS = ("state", "runtime", "network", "storage", "monitor", "observer", "command")


def test_contracts() -> None:
    modules = {info.name for info in pkgutil.iter_modules(spec.__path__)}
    assert modules == {*GROUPS, "markers"}


#: Hooks of v1. One that vanishes or is renamed breaks plugins; one that is new must be optional.
REQUIRED = {
    "state": "get list apply check info close",
    "runtime": "command features start state kill delete",
    "monitor": "start exec attach",
}


@pytest.mark.parametrize("group", REQUIRED)
def test_hooks_of_v1_stay(group: str) -> None:
    module = importlib.import_module(f"polypod.spec.{group}")
    for name in REQUIRED[group].split():
        assert hasattr(getattr(module, f"{group}_{name}"), "polypod_spec")


def nouns() -> list[type[Struct]]:
    found = []
    for info in pkgutil.iter_modules(model.__path__):
        if info.name in ("schema", "struct"):
            continue
        module = importlib.import_module(f"polypod.model.{info.name}")
        found += [getattr(module, name) for name in sorted(own_classes(module, Struct))]
    return found


@pytest.mark.parametrize("noun", nouns(), ids=lambda noun: noun.__name__)
def test_every_noun_has_a_schema_and_a_text(noun: type[Struct]) -> None:
    made = schema(noun, strict=True)
    assert tuple(made.__struct_fields__) == noun._fields_
    assert (noun.__doc__ or "").strip()
    assert set(noun._nested_) <= set(noun._fields_)


def test_modules_have_texts() -> None:
    missing = [
        str(path.relative_to(TREE))
        for path in TREE.rglob("*.py")
        if path.name != "__main__.py"
        and len((ast.get_docstring(ast.parse(path.read_text())) or "").strip(" .")) < 3
    ]
    assert not missing
