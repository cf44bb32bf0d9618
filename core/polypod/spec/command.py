"""Plugin group ``polypod.command.v1``: subcommands of the command line.

The entry point's name is the subcommand; one of a group is written with a dot
(``image.scan``). It names a :class:`CommandSpec`; its module is imported only when that
subcommand is called or when help lists it. polypod's own subcommands cannot be replaced.
"""

from __future__ import annotations

from ..model.struct import Struct

GROUP = "polypod.command.v1"


class CommandSpec(Struct):
    """A subcommand from a plugin.

    ``run(engine, args)`` gets an open ``polypod.Engine`` and the arguments as
    typed after the subcommand; it returns the exit code. ``summary`` is one line for the help.
    """

    summary: str
    run: object  # Callable[[Engine, list[str]], int]
    usage: str = ""
