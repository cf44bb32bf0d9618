"""``ps``."""

from __future__ import annotations

import time

from ...errors import UsageError
from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...engine.listing import Row
    from ..context import Context
    from ..parse import Options

_SORTS = ("command", "created", "id", "image", "names", "runningfor", "size", "status")


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """List containers."""
    _check(opts)
    while True:
        text = _page(ctx, opts)
        if not opts.watch:
            ctx.out(text, end="")
            return 0
        ctx.out("\033[2J\033[H" + text, end="")
        time.sleep(opts.watch)


def _check(opts: Options) -> None:
    if opts.last >= 0 and opts.latest:
        raise UsageError("last and latest are mutually exclusive")
    if opts.quiet and (opts.size or opts.ns):
        raise UsageError("quiet conflicts with size and namespace")
    if opts.size and opts.ns:
        raise UsageError("size and namespace options conflict")
    if opts.watch and opts.latest:
        raise UsageError("the watch and latest flags cannot be used together")
    if opts.sort not in _SORTS:
        raise UsageError(
            f'invalid argument "{opts.sort}" for "--sort" flag: "{opts.sort}" is not a valid value.  '
            f'Choose from: {", ".join(_SORTS)}'
        )


def _page(ctx: Context, opts: Options) -> str:
    from ...engine.listing import add_sizes, list_containers

    everything = opts.all or opts.latest or opts.last >= 0
    rows = list_containers(ctx.rt, filters=opts.filter, all=everything)
    if opts.latest or opts.last >= 0:
        rows = rows[: 1 if opts.latest else opts.last]
    if opts.size:
        add_sizes(ctx.rt, rows)
    if opts.external:
        rows += _external(ctx, rows)
    _sort(rows, opts.sort)
    return _render(opts, rows)


def _sort(rows: list[Row], by: str) -> None:
    keys = {
        "command": lambda row: " ".join(row.command),
        "created": lambda row: row.created,
        "runningfor": lambda row: row.created,
        "id": lambda row: row.id,
        "image": lambda row: row.image_name,
        "names": lambda row: row.name,
        "size": lambda row: row.size or (0, 0),
        "status": lambda row: row.state,
    }
    rows.sort(key=keys[by])


def _render(opts: Options, rows: list[Row]) -> str:
    if opts.quiet and not opts.changed("format"):
        return "".join((row.id if opts.no_trunc else row.id[:12]) + "\n" for row in rows)
    from ..ps_rows import HEADINGS, PsRow
    from ..render import format_rows, is_json, to_json

    now = time.time()
    if is_json(opts.format):
        from ..ps_rows import document

        return to_json([document(row, now) for row in rows], indent=2)
    template = opts.format.replace(".Namespaces.", ".") if opts.changed("format") else _default(opts)
    return format_rows(
        [PsRow(row, now, opts.no_trunc) for row in rows],
        template,
        headings=HEADINGS,
        noheading=opts.noheading,
        default=not opts.changed("format"),
        name="ps",
        type_name="containers.psReporter",
    )


def _default(opts: Options) -> str:
    if opts.ns:
        names: tuple[str, ...] = ("ID", "Names", "Pid", "Cgroup", "IPC", "MNT", "NET", "PIDNS", "User", "UTS")
    else:
        names = ("ID", "Image", "Command", "CreatedHuman", "Status", "Ports", "Names")
        if opts.pod:
            names = (*names, "Pod", "PodName")
        if opts.size:
            names = (*names, "Size")
    return r"\t".join("{{." + name + "}}" for name in names)


def _external(ctx: Context, rows: list[Row]) -> list[Row]:
    """Containers of other tools in the same store (buildah's, podman's)."""
    from ...engine.external import external_rows

    return external_rows(ctx.rt, {row.id for row in rows})


COMMAND = Command(
    "ps",
    "List containers",
    run,
    usage="[options]",
    long="Prints out information about the containers",
    flags=(
        Flag("all", "a", usage="Show all the containers, default is only running containers"),
        Flag("external", usage="Show containers in storage not controlled by polypod", aliases=("storage",)),
        Flag("filter", "f", "array", usage="Filter output based on conditions given"),
        Flag("format", type="string", usage="Pretty-print containers to JSON or using a Go template"),
        Flag("last", "n", "int", default=-1, usage="Print the n last created containers (all states)"),
        Flag("latest", "l", usage="Act on the latest container polypod is aware of"),
        Flag("no-trunc", usage="Display the extended information", aliases=("notruncate",)),
        Flag("noheading", usage="Do not print headers"),
        Flag("ns", usage="Display namespace information", aliases=("namespace",)),
        Flag("pod", "p", usage="Print the ID and name of the pod the containers are associated with"),
        Flag("quiet", "q", usage="Print the numeric IDs of the containers only"),
        Flag("size", "s", usage="Display the total file sizes"),
        Flag("sort", type="string", default="created", usage="Sort output by: " + ", ".join(_SORTS), complete="values:" + ",".join(_SORTS)),
        Flag("sync", usage="Sync container state with OCI runtime"),
        Flag("watch", "w", "uint", usage="Watch the ps output on an interval in seconds"),
    ),
    examples=("ps -a", 'ps -a --format "{{.ID}}  {{.Image}}  {{.Labels}}  {{.Mounts}}"', "ps --size --sort names"),
    max_args=0,
)  # fmt: skip
