"""What a command of the command line is: its flags, words and function.

The same tables serve the parser, the help, the completion and the comparison
with podman's man pages. The classes are plain ones, because ``run`` alone
declares more than a hundred flags on every start.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .context import Context
    from .parse import Options

# What an unset flag reads when its ``default`` is None: the type's zero, as in Go.
# "array" and "slice" read a new [] and "map" a new {}.
ZERO: dict[str, Any] = {
    "bool": False,
    "string": "",
    "int": 0,
    "uint": 0,
    "float": 0.0,
    "duration": 0.0,
    "size": 0,
}


class Flag:
    """One flag.

    ``type``: ``bool``, ``string``, ``int``, ``uint``, ``float``, ``duration`` (seconds as
    float; Go's ``1m30s`` on the command line), ``size`` (bytes as int; ``512m`` on the
    command line, -1 allowed), ``array`` (a list, each value verbatim), ``slice`` (a list,
    each value split as CSV), ``map`` (a dict of ``key=value``).

    An unset flag reads its ``default``, or the zero of its type where that is None.
    ``no_value`` is the value of a flag given without ``=value``; such a flag never takes
    the next argument. ``complete`` names a completer (``containers``, ``images``,
    ``volumes``, ``networks``, ``copy``, ``imagepaths``, ``sysctl``, ``files``, ``dirs``, ``none``) or lists values
    (``values:always,missing,never``). ``aliases`` are further long names, hidden;
    ``shown`` replaces the default's text in the help ("" hides it).
    """

    __slots__ = (
        "aliases", "complete", "default", "hidden", "metavar", "name", "no_value", "short",
        "shown", "type", "usage",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        short: str = "",
        type: str = "bool",
        default: Any = None,
        usage: str = "",
        metavar: str = "",
        no_value: str = "",
        hidden: bool = False,
        complete: str = "",
        aliases: tuple[str, ...] = (),
        shown: str | None = None,
    ) -> None:
        self.name = name
        self.short = short
        self.type = type
        self.default = default
        self.usage = usage
        self.metavar = metavar
        self.no_value = no_value or ("true" if type == "bool" else "")
        self.hidden = hidden
        self.complete = complete
        self.aliases = aliases
        self.shown = shown

    def __repr__(self) -> str:
        return f"Flag(--{self.name}, {self.type})"


class Command:
    """One command.

    ``run(ctx, opts, args)`` returns the exit code. ``path`` is the canonical one
    (``ps``); the paths under which it can be called stand in :mod:`polypod.cli.tree`.
    ``usage`` follows the path in the help. ``examples`` start with the command
    itself, without the program's name (``ps -a``). With ``interspersed=False``
    the first positional ends the flags. ``min_args``/``max_args`` bound the
    positionals (``max_args=None``: any number); a command that words its own
    error leaves them alone. ``complete_args`` names the completer of the positionals
    as in :class:`Flag`; several, split by spaces, serve one position each, the last
    one repeated when it ends in ``...``.
    """

    __slots__ = (
        "aliases", "complete_args", "examples", "flags", "interspersed", "long", "max_args",
        "min_args", "path", "run", "summary", "usage",
    )  # fmt: skip

    def __init__(
        self,
        path: str,
        summary: str,
        run: Callable[[Context, Options, list[str]], int],
        usage: str = "",
        long: str = "",
        flags: tuple[Flag, ...] = (),
        examples: tuple[str, ...] = (),
        aliases: tuple[str, ...] = (),
        interspersed: bool = True,
        min_args: int = 0,
        max_args: int | None = None,
        complete_args: str = "",
    ) -> None:
        self.path = path
        self.summary = summary
        self.run = run
        self.usage = usage
        self.long = long
        self.flags = flags
        self.examples = examples
        self.aliases = aliases
        self.interspersed = interspersed
        self.min_args = min_args
        self.max_args = max_args
        self.complete_args = complete_args

    def __repr__(self) -> str:
        return f"Command({self.path!r})"
