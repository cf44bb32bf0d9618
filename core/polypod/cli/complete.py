"""Answers shells that ask how a command line goes on, in cobra's ``__complete`` protocol.

Asked with the words typed so far, the last one (maybe empty) being completed, it prints
one suggestion a line (``word`` or ``word<TAB>description``) and ``:DIRECTIVE``.
"""

from __future__ import annotations

from ..errors import PolypodError
from .completers import NO_FILES, Suggestion, suggest
from .globals import LOCAL, PERSISTENT
from .main import GlobalFlags, load
from .parse import HelpRequested, assign
from .tree import ALIASES, GROUPS, TREE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .command import Command, Flag
    from .context import Context

_DIRECTIVES = (
    (1, "Error"), (2, "NoSpace"), (4, "NoFileComp"), (8, "FilterFileExt"), (16, "FilterDirs"),
    (32, "KeepOrder"),
)  # fmt: skip


def answer(ctx: Context, words: list[str], descriptions: bool) -> int:
    """Print the suggestions for ``words``; the last one is being typed."""
    found, directive = complete(ctx, words[:-1], words[-1] if words else "")
    lines = [
        f"{word}\t{text.splitlines()[0]}" if text and descriptions else word for word, text in found
    ]
    ctx.out("\n".join([*lines, f":{directive}"]))
    names = [f"ShellCompDirective{name}" for bit, name in _DIRECTIVES if directive & bit]
    ctx.err(f"Completion ended with directive: {', '.join(names) or 'ShellCompDirectiveDefault'}")
    return 0


def complete(ctx: Context, words: list[str], typed: str) -> tuple[list[Suggestion], int]:
    """Return the suggestions for ``typed`` after ``words``, and the directive."""
    line = _Line(ctx)
    for word in words:
        line.read(word)
    if line.pending is not None:
        return suggest(ctx, line.pending.complete or "none", typed, line.positionals)
    if line.takes_flags and typed.startswith("-"):
        name, equals, value = typed.partition("=")
        flag = line.find(name) if equals else None
        if flag is not None:
            return suggest(ctx, flag.complete or "none", value, line.positionals)
        return _flag_names(line.offered(), line.given, typed), NO_FILES
    if line.command is None:
        return _children(ctx, line.path, typed), NO_FILES
    return suggest(ctx, _positional(line), typed, line.positionals)


class _Line:
    """What the words before the typed one mean."""

    def __init__(self, ctx: Context) -> None:
        self.path = ""
        self.command: Command | None = None
        self.pending: Flag | None = None  # a flag that waits for its value
        self.takes_flags = True
        self.positionals: list[str] = []
        self.given: set[str] = set()
        self._globals = GlobalFlags()
        self._ctx = ctx

    def read(self, word: str) -> None:
        """Take in one more word."""
        if self.pending is not None:
            self._set(self.pending, word)
            self.pending = None
        elif self.takes_flags and word == "--":
            self.takes_flags = False
        elif self.takes_flags and word.startswith("-") and len(word) > 1:
            self._flag(word)
        elif self.command is None and not self.positionals:
            self._descend(word)
        else:
            self.positionals.append(word)
            if self.command is not None and not self.command.interspersed:
                self.takes_flags = False

    def _descend(self, word: str) -> None:
        child = f"{self.path} {word}" if self.path else word
        child = ALIASES.get(child, child)
        if child in TREE:
            self.path = child
            self.command = load(TREE[child][0])
        elif child in GROUPS:
            self.path = child
        else:
            self.positionals.append(word)

    def _flag(self, word: str) -> None:
        name, equals, value = word.partition("=")
        letters = name[1:] if not name.startswith("--") else ""
        for letter in letters[:-1]:
            flag = self.find(f"-{letter}")
            if flag is None or not flag.no_value:
                return  # the rest is this flag's value
        flag = self.find(f"-{letters[-1]}" if letters else name)
        if flag is None:
            return
        self.given.add(flag.name)
        if equals:
            self._set(flag, value)
        elif not flag.no_value:
            self.pending = flag

    def _set(self, flag: Flag, value: str) -> None:
        # Global flags count: --root decides whose containers are suggested.
        if flag in LOCAL or flag in PERSISTENT:
            try:
                assign(self._globals.options, flag, value)
            except (PolypodError, HelpRequested):
                return
            self._ctx.flags = self._globals.options.given()

    def tables(self) -> Iterable[Flag]:
        """All flags that are allowed here."""
        own = self.command.flags if self.command is not None else ()
        return (*own, *PERSISTENT, *(LOCAL if not self.path else ()))

    def offered(self) -> Iterable[Flag]:
        """The flags worth suggesting: the command's own ones, or the global ones before it."""
        if self.command is not None:
            return (*self.command.flags, *(f for f in PERSISTENT if f.name == "help"))
        return self.tables()

    def find(self, name: str) -> Flag | None:
        """Return the flag of ``--name`` or ``-n``."""
        for flag in self.tables():
            if name.startswith("--"):
                if name[2:] == flag.name or name[2:] in flag.aliases:
                    return flag
            elif flag.short and name == f"-{flag.short}":
                return flag
        return None


def _flag_names(flags: Iterable[Flag], given: set[str], typed: str) -> list[Suggestion]:
    found: list[Suggestion] = []
    for flag in sorted(flags, key=lambda flag: flag.name):
        if flag.hidden or (flag.name in given and flag.type not in ("array", "slice", "map")):
            continue
        names = [f"--{flag.name}"] + ([f"-{flag.short}"] if flag.short else [])
        found += [(name, flag.usage) for name in names if name.startswith(typed)]
    return found


def _children(ctx: Context, group: str, typed: str) -> list[Suggestion]:
    from .help import children
    from .plugin_commands import rows as plugin_rows

    rows = [(name, summary) for name, summary, _ in children(group)]
    rows += plugin_rows(ctx.flags, group)
    if not group:
        rows.append(("help", "Help about any command"))
    return sorted((name, summary) for name, summary in rows if name.startswith(typed))


def _positional(line: _Line) -> str:
    command = line.command
    assert command is not None
    kinds = command.complete_args.split()
    index = len(line.positionals)
    if index < len(kinds):
        return kinds[index].removesuffix("...")
    if kinds and kinds[-1].endswith("..."):
        return kinds[-1].removesuffix("...")
    # After run's image and exec's container stands a command with its files.
    return "files" if not command.interspersed else "none"
