"""Subcommands from plugins (group ``polypod.command.v1``); see :mod:`polypod.spec.command`."""

from __future__ import annotations

from ..errors import CompositionError, PolypodError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..spec.command import CommandSpec
    from .context import Context


def installed(flags: Mapping[str, Any]) -> dict[str, str]:
    """Return ``{path: module:attribute}`` of the subcommands that plugins bring.

    Empty when the engine cannot be put together: whoever asks is about to show the
    help or to refuse a word, and the engine's own error comes with the next command.
    """
    from ..kit.log import debug

    try:
        from ..assembly import compose

        names = compose(flags).commands()
    except (PolypodError, ImportError) as error:
        debug(f"subcommands of plugins are not known: {error}")
        return {}
    return {name.replace(".", " "): target for name, target in names.items()}


def find(flags: Mapping[str, Any], path: str, words: list[str]) -> tuple[str, str, int] | None:
    """Return path, target and number of words used of the subcommand that ``words`` begin with."""
    known = installed(flags)
    for count in range(len(words), 0, -1):
        candidate = " ".join((path, *words[:count])).strip()
        if candidate in known:
            return candidate, known[candidate], count
    return None


def load(path: str, target: str) -> CommandSpec:
    """Import the subcommand's module; a broken one is a :class:`CompositionError`."""
    from importlib import import_module

    module, _, attribute = target.partition(":")
    try:
        spec = getattr(import_module(module), attribute or "COMMAND")
    except Exception as error:
        raise CompositionError(
            f"plugin command {path!r} ({target}) cannot be loaded: {type(error).__name__}: {error}; "
            "upgrade or remove its package"
        ) from error
    found: CommandSpec = getattr(spec, "COMMAND", spec)
    return found


def run(ctx: Context, target: str, args: list[str]) -> int:
    """Run the subcommand over an open engine; return its exit code."""
    spec = load(ctx.path, target)
    from .. import Engine

    flags = {name.replace("-", "_"): value for name, value in ctx.flags.items()}
    make: Any = Engine  # a lazy name of the package, which has no static type
    with make(**flags) as engine:
        return int(spec.run(engine, args) or 0)  # type: ignore[operator]


def rows(flags: Mapping[str, Any], group: str) -> list[tuple[str, str]]:
    """Return ``(name, summary)`` of the plugins' subcommands directly below ``group``."""
    found = []
    for path, target in sorted(installed(flags).items()):
        parent, _, name = path.rpartition(" ")
        if parent != group:
            continue
        try:
            summary = load(path, target).summary
        except CompositionError as error:
            summary = f"broken: {error}"
        found.append((name, summary))
    return found
