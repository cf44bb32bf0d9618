"""``mount``: mounts containers' roots, or lists what is mounted."""

from __future__ import annotations

from ..command import Command, Flag
from ..selecting import latest_flag, report, select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Print where each container is mounted; without any, a table of those that are."""
    from ...engine.containers_mount import find, mount
    from ...errors import PolypodError, UsageError

    if args and (opts.latest or opts.all):
        raise UsageError(f"--{'latest' if opts.latest else 'all'} and containers cannot be used together")
    if not args and not opts.latest and not opts.all:
        return _list(ctx, opts)
    errors: list[Exception] = []
    targets = args or [id for _, id in select(ctx, [], latest=opts.latest, all=opts.all)]
    for name in targets:
        try:
            ctx.out(mount(ctx.rt, find(ctx.rt, name)))
        except PolypodError as error:
            errors.append(error)
    return report(ctx, errors)


def _list(ctx: Context, opts: Options) -> int:
    from ...engine.containers_mount import mounted
    from ...errors import UsageError
    from ..render import is_json, table, to_json

    if opts.format and not is_json(opts.format):
        raise UsageError(f'unknown --format argument: "{opts.format}"')
    found = mounted(ctx.rt)
    if opts.format:
        ctx.out(to_json(found, 1), end="")
        return 0
    rows = [[one["id"] if opts.no_trunc else one["id"][:12], one["mountpoint"]] for one in found]
    ctx.out(table(rows), end="")
    return 0


COMMAND = Command(
    "mount",
    "Mount a working container's root filesystem",
    run,
    usage="[options] [CONTAINER...]",
    long=(
        "Mounts the specified containers' root file system in a location which can be accessed from the"
        " host, and prints it; without a container lists those that are mounted."
    ),
    flags=(
        Flag("all", "a", usage="Mount all containers"),
        Flag(
            "format",
            type="string",
            usage="Print the mounted containers in specified format (json)",
            complete="values:json",
        ),
        latest_flag(),
        Flag("no-trunc", usage="Do not truncate output", aliases=("notruncate",)),
    ),
    examples=("mount ctrID", "mount ctrID1 ctrID2", "mount"),
    complete_args="containers...",
)
