"""Help pages in podman's layout, made from the same tables that the parser reads."""

from __future__ import annotations

from .globals import LOCAL, PERSISTENT
from .plugin_commands import find as find_plugin
from .plugin_commands import load as load_plugin
from .plugin_commands import rows as plugin_rows
from .tree import ALIASES, GROUPS, HIDDEN, TREE, resolve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .command import Command, Flag
    from .context import Context
    from .parse import Options

SECTIONS = ("Containers", "Images", "System", "Management")
_ROOT_SUMMARY = "Manage pods, containers and images"
_HELP_SUMMARY = "Help about any command"
_TYPE_WORD = {
    "array": "stringArray", "bool": "", "duration": "duration", "float": "float", "int": "int",
    "map": "stringToString", "size": "<number>[<unit>]", "slice": "strings", "string": "string",
    "uint": "uint",
}  # fmt: skip


def page(ctx: Context, command: Command) -> str:
    """The page of one command, under the path by which it was called."""
    line = f"  {ctx.command_path} {command.usage}".rstrip()
    parts = [
        f"{command.summary}\n\nDescription:\n{_indent(command.long or command.summary)}\n",
        f"Usage:\n{line}\n",
    ]
    names = _names(ctx.path)
    if len(names) > 1:
        parts.append(f"Aliases:\n  {', '.join(names)}\n")
    if command.examples:
        shown = "\n".join(_example(ctx, command, text) for text in command.examples)
        parts.append(f"Examples:\n{shown}\n")
    text = "\n".join(parts)
    flags = flag_usages(_configured(ctx, command.flags))
    if flags:
        text += f"\nOptions:\n{flags}"
    return text + "\n"


def _configured(ctx: Context, flags: tuple[Flag, ...]) -> tuple[Flag, ...]:
    """The flags with the defaults that containers.conf gives them; as podman, only some."""
    if not any(flag.name == "retry" for flag in flags):
        return flags
    from .command import Flag

    retry, delay = _retries(ctx)
    shown = {"retry": str(retry), "retry-delay": f'"{delay}"' if delay else None}
    return tuple(
        Flag(flag.name, type=flag.type, usage=flag.usage, shown=shown[flag.name])
        if flag.name in shown
        else flag
        for flag in flags
    )


def _retries(ctx: Context) -> tuple[int, str]:
    """``retry`` and ``retry_delay`` of containers.conf, which is parsed only if it has them."""
    from ..errors import PolypodError

    try:
        if _mentioned(ctx, b"retry"):
            from ..config.load import load as load_config

            engine = load_config(ctx.flags).settings.engine
            return engine.retry, engine.retry_delay
    except (PolypodError, OSError):
        pass  # a broken file must not hide the help; every other command names it
    return 3, ""


def _mentioned(ctx: Context, key: bytes) -> bool:
    """Whether a line of a containers.conf begins with the key."""
    import os

    from ..config.paths import containers_conf
    from ..kit.atomic import read_bytes

    files = containers_conf(os.environ, tuple(ctx.flags.get("module", ()))).files
    bodies = [read_bytes(path) or b"" for path in files]
    return any(line.lstrip().startswith(key) for body in bodies for line in body.splitlines())


def group_page(ctx: Context, options: Options) -> str:
    """The page of the program itself or of a group."""
    if not ctx.path:
        return _root_page(ctx, options)
    summary = GROUPS[ctx.path]
    known = [(name, words) for name, words, _ in children(ctx.path)]
    listed = _listing(sorted([*known, *plugin_rows(options.given(), ctx.path)]))
    return (
        f"{summary}\n\nDescription:\n  {summary}\n\nUsage:\n  {ctx.command_path} [command]\n\n"
        f"Available Commands:\n{listed}\n"
    )


def _root_page(ctx: Context, options: Options) -> str:
    by_section: dict[str, list[tuple[str, str]]] = {name: [] for name in SECTIONS}
    for name, words, section in children(""):
        by_section.setdefault(section, []).append((name, words))
    by_section["Management"].append(("help", _HELP_SUMMARY))
    by_section["Plugins"] = plugin_rows(options.given(), "")
    width = max(len(name) for rows in by_section.values() for name, _ in rows)
    text = (
        f"{_ROOT_SUMMARY}\n\nUsage:\n  {ctx.prog} [options] [command]\n\nExamples:\n"
        f"  {ctx.prog} run -it --rm IMAGE sh\n  {ctx.prog} ps --all\n  {ctx.prog} run --help\n"
    )
    for section, rows in by_section.items():
        if rows:
            # Each heading begins with podman's, which scripts look for.
            text += f"\nAvailable Commands: {section.lower()}\n{_listing(sorted(rows), width)}"
    hidden = _hidden_globals(options)
    flags = flag_usages(flag for flag in (*LOCAL, *PERSISTENT) if flag.name not in hidden)
    return f"{text}\nOptions:\n{flags}\n"


def _hidden_globals(options: Options) -> frozenset[str]:
    """A program that speaks to a service offers no --remote, as podman does."""
    import os

    remote = "CONTAINER_HOST" in os.environ or "CONTAINER_CONNECTION" in os.environ
    if remote or options.changed("url") or options.changed("connection"):
        return frozenset(("remote",))
    return frozenset()


def help_command(ctx: Context, words: list[str], options: Options) -> int:
    """``help [command]``."""
    from .main import load

    if options.help or words == ["help"]:
        ctx.out(
            f"{_HELP_SUMMARY}\n\nDescription:\n  Shows the help of a command: {ctx.prog} help "
            f"container rm\n\nUsage:\n  {ctx.prog} help [command]\n\n",
            end="",
        )
        return 0
    path, rest = resolve(words)
    hit = find_plugin(options.given(), path, rest) if path not in TREE and rest else None
    if hit is not None:
        spec = load_plugin(hit[0], hit[1])
        ctx.out(f"{spec.summary}\n\nUsage:\n  {ctx.prog} {hit[0]} {spec.usage}".rstrip())
        return 0
    if rest and not path:
        ctx.err(f"Unknown help topic [`{' '.join(words)}`]")
        ctx.err(group_page(ctx, options).split("\n\n", 1)[1], end="")
        return 0
    ctx.path = path
    text = page(ctx, load(TREE[path][0])) if path in TREE else group_page(ctx, options)
    ctx.out(text, end="")
    return 0


def children(group: str) -> list[tuple[str, str, str]]:
    """Return ``(name, summary, section)`` of the listed commands and groups below a group."""
    rows = [
        (path.split()[-1], summary, section)
        for path, (_, summary, section) in TREE.items()
        if path not in HIDDEN and path.rpartition(" ")[0] == group
    ]
    rows += [
        (path.split()[-1], summary, "Management")
        for path, summary in GROUPS.items()
        if path.rpartition(" ")[0] == group
    ]
    return sorted(rows)


def unrecognized(ctx: Context, word: str) -> str:
    """The error for a word that is no command, with what may have been meant."""
    path = ctx.command_path
    text = f"unrecognized command `{path} {word}`\n"
    close = suggestions(word, [name for name, _, _ in children(ctx.path)])
    if close:
        listed = "\n\t".join(close)
        text += f"\nDid you mean this?\n\t{listed}\n\n"
    return f"{text}Try '{path} --help' for more information"


def suggestions(word: str, names: list[str]) -> list[str]:
    """Return the names that begin with ``word`` or are at most two edits away, as cobra does."""
    lower = word.lower()
    return [name for name in names if name.startswith(lower) or _distance(lower, name) <= 2]


def _distance(one: str, other: str) -> int:
    previous = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        current = [row]
        for column, against in enumerate(other, 1):
            change = previous[column - 1] + (letter != against)
            current.append(min(previous[column] + 1, current[-1] + 1, change))
        previous = current
    return previous[-1]


def flag_usages(flags: Iterable[Flag]) -> str:
    """The table of flags as pflag prints it."""
    rows = []
    for flag in sorted(flags, key=lambda flag: flag.name):
        if not flag.hidden:
            letter = f"  -{flag.short}, --" if flag.short else "      --"
            left = f"{letter}{flag.name} {_value_word(flag)}".rstrip() + _optional(flag)
            rows.append((left, flag.usage.replace("`", "") + _default(flag)))
    width = max((len(left) for left, _ in rows), default=0) + 3
    lines = []
    for left, usage in rows:
        lines.append(f"{left:{width}}{usage}".replace("\n", "\n" + " " * width).rstrip() + "\n")
    return "".join(lines)


def _value_word(flag: Flag) -> str:
    if flag.metavar:
        return flag.metavar
    if flag.usage.count("`") == 2:
        return flag.usage.split("`")[1]
    return _TYPE_WORD[flag.type]


def _optional(flag: Flag) -> str:
    if flag.type == "bool" or not flag.no_value:
        return ""
    return f'[="{flag.no_value}"]' if flag.type == "string" else f"[={flag.no_value}]"


def _default(flag: Flag) -> str:
    if flag.shown is not None:
        return f" (default {flag.shown})" if flag.shown else ""
    value = flag.default
    if not value:
        return ""
    if value is True:
        return " (default true)"
    if flag.type == "string":
        return f' (default "{value}")'
    if flag.type in ("array", "slice"):
        return f" (default [{','.join(value)}])"
    if flag.type == "duration":
        from .units import format_duration

        return f" (default {format_duration(value)})"
    return f" (default {value})"


def _names(path: str) -> list[str]:
    """The last word of a path and its other spellings."""
    others = [alias.split()[-1] for alias, target in ALIASES.items() if target == path]
    return [path.split()[-1], *others]


def _example(ctx: Context, command: Command, text: str) -> str:
    if text.startswith(command.path + " ") or text == command.path:
        return f"  {ctx.command_path}{text[len(command.path) :]}"
    return "  " + text.replace("polypod ", ctx.prog + " ")


def _indent(text: str) -> str:
    return "\n".join(f"  {line.lstrip(' ')}" if line.strip() else "" for line in text.split("\n"))


def _listing(rows: Iterable[tuple[str, str]], width: int = 0) -> str:
    found = list(rows)
    width = width or max(len(name) for name, _ in found)
    return "".join(f"  {name:{max(width, 11)}} {summary}\n" for name, summary in found)
