"""``top``."""

from __future__ import annotations

from ..command import Command, Flag
from ..selecting import latest_flag, select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..context import Context
    from ..parse import Options

# descriptor -> (short code, heading)
_COLUMNS: dict[str, tuple[str, str]] = {
    "args": ("%a", "COMMAND"), "capamb": ("", "AMBIENT CAPS"), "capbnd": ("", "BOUNDING CAPS"),
    "capeff": ("", "EFFECTIVE CAPS"), "capinh": ("", "INHERITED CAPS"), "capprm": ("", "PERMITTED CAPS"),
    "comm": ("%c", "COMMAND"), "etime": ("%t", "ELAPSED"), "group": ("%G", "GROUP"), "groups": ("", "GROUPS"),
    "hgroup": ("", "HGROUP"), "hgroups": ("", "HGROUPS"), "hpid": ("", "HPID"), "huid": ("", "HUID"),
    "huser": ("", "HUSER"), "label": ("", "LABEL"), "nice": ("%n", "NI"), "pcpu": ("%C", "%CPU"),
    "pgid": ("%r", "PGID"), "pid": ("%p", "PID"), "ppid": ("%P", "PPID"), "rgroup": ("%g", "RGROUP"),
    "rss": ("", "RSS"), "ruser": ("%u", "RUSER"), "seccomp": ("", "SECCOMP"), "state": ("", "STATE"),
    "stime": ("", "STIME"), "time": ("%x", "TIME"), "tty": ("%y", "TTY"), "uid": ("", "UID"), "user": ("%U", "USER"),
    "vsz": ("%z", "VSZ"),
}  # fmt: skip
_DEFAULT = ("user", "pid", "ppid", "pcpu", "etime", "tty", "time", "args")


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Show the processes of a container."""
    from ...errors import UsageError

    if opts.list_descriptors:
        for name in _COLUMNS:
            ctx.out(name)
        return 0
    if not args and not opts.latest:
        raise UsageError("you must provide the name or id of a running container")
    ((_, container_id),) = select(ctx, [] if opts.latest else args[:1], latest=opts.latest)
    wanted = args if opts.latest else args[1:]
    names = _descriptors(wanted)
    if names is None:
        from ...engine.top_ps import ps_lines

        for line in ps_lines(ctx.rt, container_id, wanted):
            ctx.out(line)
        return 0
    from ...engine.top import processes
    from ..render import table

    rows = [[_text(name, row[name]) for name in names] for row in processes(ctx.rt, container_id)]
    ctx.out(table([[_COLUMNS[name][1] for name in names], *rows]), end="")
    return 0


def _descriptors(words: list[str]) -> list[str] | None:
    """The columns asked for; None when some word is none, and so must be one of ps(1)."""
    asked = [part.strip() for word in words for part in word.split(",") if part.strip()]
    codes = {code: name for name, (code, _) in _COLUMNS.items() if code}
    names = [codes.get(word, word) for word in asked or _DEFAULT]
    return names if all(name in _COLUMNS for name in names) else None


def _text(name: str, value: Any) -> str:
    from ..units import format_duration

    if name == "pcpu":
        return f"{value:.3f}"
    if name in ("etime", "time"):
        return format_duration(value)
    if name == "stime":
        from ...engine.volumes_time import rfc3339
        from ..render import GoTime

        return GoTime(rfc3339(int(value))).go_text()
    return str(value)


COMMAND = Command(
    "top",
    "Display the running processes of a container",
    run,
    usage="[options] CONTAINER [FORMAT-DESCRIPTORS|ARGS...]",
    long=(
        "Display the running processes of a container.\n\n"
        "  The descriptors are those of ps(1) in AIX style and some more; anything else is handed to ps"
        " itself, in the container's PID namespace.\n\n"
        f"  Format Descriptors:\n    {','.join(_COLUMNS)}"
    ),
    flags=(
        latest_flag(),
        Flag("list-descriptors", hidden=True, usage="List the format descriptors"),
    ),
    examples=("top ctrID", "top -l pid seccomp args %C", "top ctrID -eo user,pid,comm"),
    interspersed=False,
    complete_args="containers values:" + ",".join(_COLUMNS) + "...",
)
