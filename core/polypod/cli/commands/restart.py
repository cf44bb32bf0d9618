"""``restart``."""

from __future__ import annotations

from ..command import Command, Flag
from ..selecting import check_args, each, select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Restart containers."""
    from ...engine.restart import restart

    everything = opts.all or opts.running
    check_args(args, all=everything, latest=opts.latest, cidfiles=opts.cidfile, filters=opts.filter)
    timeout = opts.time if opts.changed("time") else None
    errors: list[Exception] = []
    targets = select(
        ctx, args, all=everything, latest=opts.latest, cidfiles=opts.cidfile, filters=opts.filter,
        statuses=("running",) if opts.running else (), errors=errors,
    )  # fmt: skip
    return each(ctx, targets, lambda id: restart(ctx.rt, id, timeout), errors=errors)


COMMAND = Command(
    "restart",
    "Restart one or more containers",
    run,
    usage="[options] CONTAINER [CONTAINER...]",
    long="Restarts one or more running containers. The container ID or name can be used.",
    flags=(
        Flag("all", "a", usage="Restart all non-running containers"),
        Flag("cidfile", type="array", usage="Read the container ID from the file", complete="files"),
        Flag("filter", "f", "array", usage="Filter output based on conditions given"),
        Flag("latest", "l", usage="Act on the latest container polypod is aware of"),
        Flag("running", usage="Restart only running containers"),
        Flag("time", "t", "int", default=10, usage="Seconds to wait for stop before killing the container", aliases=("timeout",)),
    ),
    examples=("restart ctrID", "restart --latest", "restart ctrID1 ctrID2"),
    complete_args="containers...",
)  # fmt: skip
