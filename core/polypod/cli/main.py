"""Entry point: find the command, import only its module, run it, word its errors."""

from __future__ import annotations

import gc
import os
import sys

from ..errors import PolypodError, UsageError
from ..startcache import open_standard_files
from .context import Context
from .parse import FlagSet, HelpRequested, Options, parse
from .tree import ALIASES, GROUPS, TREE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from .command import Command

PROG = "polypod"
PODMAN_VERSION = "5.7.0"  # whose command line and formats these are
COMMANDS = "polypod.cli.commands."

# Commands whose runtime joins a cgroup: polypod.kit.grace.
_JOIN_CGROUPS = frozenset({"exec", "init", "restart", "run", "start"})

_EXIT_ERROR = 125


def main(argv: list[str] | None = None) -> NoReturn:
    """Run one command line and leave the process.

    ``os._exit`` spares the interpreter's shutdown, 1-2 ms; nothing is buffered.
    """
    argv = sys.argv if argv is None else argv
    open_standard_files()
    # A command lives for milliseconds: collecting cycles costs more than it frees.
    gc.disable()
    if sys.flags.no_site:
        from .late import LateSite

        sys.meta_path.append(LateSite())
    ctx = context_of(argv)  # held to the end: the kernel closes its files sooner than we could
    code = run(argv, ctx)
    cache = sys.modules.get("polypod.startcache")
    if cache is not None:
        cache.keep()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass  # closed by the reader or by the command
    os._exit(code)


def context_of(argv: list[str]) -> Context:
    """What the command line of a program of that name works with."""
    # As a symlink named podman it speaks as podman, whose scripts look for that word.
    ctx = Context(os.path.basename(argv[0]) or PROG)
    if ctx.prog in ("__main__.py", "-c", "-m"):
        ctx.prog = PROG
    return ctx


def run(argv: list[str], ctx: Context | None = None) -> int:
    """Run one command line; return the exit code. Never raises but for ``SystemExit``."""
    ctx = ctx or context_of(argv)
    try:
        try:
            return dispatch(ctx, argv[1:])
        finally:
            _log_the_end()
    except PolypodError as error:
        return _say(ctx, str(error), error.exit_code)
    except BrokenPipeError:
        return 141  # as if SIGPIPE had ended us
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        return _say_bug(ctx, error)


def _log_the_end() -> None:
    log = sys.modules.get("polypod.kit.log")
    if log is not None and log.level >= log.DEBUG:
        log.debug("Shutting down engines")


def dispatch(ctx: Context, args: list[str]) -> int:
    """Find the command that ``args`` name and run it."""
    if args and args[0] in ("__complete", "__completeNoDesc"):
        from .complete import answer

        return answer(ctx, args[1:], descriptions=args[0] == "__complete")
    found = GlobalFlags()
    rest: list[str] = []
    try:
        ctx.path, rest = traverse(ctx, args, found)
    except HelpRequested:
        found.options.help = True
    if ctx.path in TREE:
        module = TREE[ctx.path][0]
        if module in _JOIN_CGROUPS:
            from ..kit.grace import begin

            begin()
        return _call(ctx, load(module), rest, found)
    if found.plugin:
        from .plugin_commands import run as run_plugin

        return run_plugin(ctx, found.plugin, rest)
    return _group(ctx, rest, found)


class GlobalFlags:
    """The global flags met so far; their tables are imported on the first one only.

    ``plugin`` is the target of the plugin's subcommand that the words led to, "" if none.
    """

    def __init__(self) -> None:
        self._options: Options | None = None
        self.plugin = ""

    @property
    def options(self) -> Options:
        """The global options; all defaults until a flag was met."""
        if self._options is None:
            from .globals import LOCAL, PERSISTENT

            self._options = Options((*LOCAL, *PERSISTENT))
        return self._options

    @property
    def met(self) -> Options | None:
        """The global options when any flag was looked up, else None."""
        return self._options

    def everywhere(self) -> FlagSet:
        """The flags allowed after the subcommand too."""
        from .globals import PERSISTENT

        return FlagSet(PERSISTENT, self.options)

    def before_command(self) -> FlagSet:
        """All global flags."""
        from .globals import LOCAL, PERSISTENT

        return FlagSet((*LOCAL, *PERSISTENT), self.options)


def traverse(ctx: Context, args: list[str], found: GlobalFlags) -> tuple[str, list[str]]:
    """Return the command or group that ``args`` name and the arguments that it gets.

    Flags between the words are set in ``found``. ``ctx.path`` follows, for errors and help.
    """
    path = ""
    while path not in TREE:
        ctx.path = path
        rest = args
        if args and args[0][:1] == "-":
            flags = found.everywhere() if path else found.before_command()
            rest = _parse(ctx, args, flags, interspersed=False)
        if not rest:
            return path, rest
        child = f"{path} {rest[0]}" if path else rest[0]
        child = ALIASES.get(child, child)
        if child not in TREE and child not in GROUPS:
            used = 0 if child == "help" else _plugin(ctx, rest, found)
            if used:
                return ctx.path, rest[used:]
            flags = found.everywhere() if path else found.before_command()
            return path, _parse(ctx, rest, flags, interspersed=True)
        path, args = child, rest[1:]
    return path, args


def _plugin(ctx: Context, words: list[str], found: GlobalFlags) -> int:
    """Return how many words lead to a plugin's subcommand, 0 if none; ``ctx`` is ready for it."""
    from .plugin_commands import find

    hit = find(found.options.given(), ctx.path, words)
    if hit is None:
        return 0
    from .setup import apply_globals

    apply_globals(ctx, found.options)
    ctx.require_local()
    ctx.path, found.plugin, used = hit
    return used


def load(module: str) -> Command:
    """Import one command's module and return its ``COMMAND``."""
    name = COMMANDS + module
    __import__(name)
    command: Command = sys.modules[name].COMMAND
    return command


def _parse(ctx: Context, args: list[str], flags: FlagSet, interspersed: bool) -> list[str]:
    try:
        return parse(args, flags, interspersed)[0]
    except UsageError as error:
        raise UsageError(f"{error}\nSee '{ctx.command_path} --help'") from None


def _call(ctx: Context, command: Command, args: list[str], found: GlobalFlags) -> int:
    opts = Options(command.flags)
    flags = FlagSet(command.flags, opts, more=found.everywhere)
    try:
        args = _parse(ctx, args, flags, command.interspersed)
    except HelpRequested:
        found.options.help = True
    if found.met is not None:
        from .setup import apply_globals

        if found.met.version:
            ctx.out(version_line(ctx))
            return 0
        if found.met.help:
            ctx.out(_page(ctx, command), end="")
            return 0
        apply_globals(ctx, found.met)
    low, high = command.min_args, command.max_args
    if len(args) < low or (high is not None and len(args) > high):
        raise UsageError(count_error(ctx.command_path, len(args), low, high))
    ctx.require_local()
    return command.run(ctx, opts, args)


def count_error(command_path: str, count: int, low: int, high: int | None) -> str:
    """Word a wrong number of positionals as cobra does (and podman, for none at all)."""
    if high == 0:
        return f"`{command_path}` takes no arguments"
    if low == high:
        return f"accepts {low} arg(s), received {count}"
    if high is None:
        return f"requires at least {low} arg(s), only received {count}"
    if low == 0:
        return f"accepts at most {high} arg(s), received {count}"
    return f"accepts between {low} and {high} arg(s), received {count}"


def _group(ctx: Context, args: list[str], found: GlobalFlags) -> int:
    """Answer for the program itself or a group such as ``container``."""
    options = found.options
    if options.version:
        ctx.out(version_line(ctx))
        return 0
    from .help import group_page, help_command, unrecognized

    if not ctx.path and args[:1] == ["help"]:
        return help_command(ctx, args[1:], options)
    if options.help:
        ctx.out(group_page(ctx, options), end="")
        return 0
    from .setup import apply_globals

    apply_globals(ctx, options)
    if args:
        raise UsageError(unrecognized(ctx, args[0]))
    ctx.out(group_page(ctx, options), end="")
    raise UsageError(f"missing command '{ctx.command_path} COMMAND'")


def version_line(ctx: Context) -> str:
    """The one line of ``--version``; the first words are those that scripts look for."""
    from .. import __version__

    return f"podman version {PODMAN_VERSION} (polypod {__version__})"


def _page(ctx: Context, command: Command) -> str:
    from .help import page

    return page(ctx, command)


def _say(ctx: Context, message: str, code: int) -> int:
    try:
        ctx.err(f"Error: {message}")
    except OSError:
        pass  # stderr is closed; the exit code still tells
    return code


def _say_bug(ctx: Context, error: Exception) -> int:
    from .setup import describe_bug

    return _say(ctx, describe_bug(error), _EXIT_ERROR)
