"""``stop``."""

from __future__ import annotations

from ..command import Command, Flag
from ..selecting import check_args, each, select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Stop containers."""
    from ...engine.stop import stop
    from ...errors import InvalidState, NoSuchContainer

    check_args(args, all=opts.all, latest=opts.latest, cidfiles=opts.cidfile, filters=opts.filter)
    timeout = opts.time if opts.changed("time") else None
    errors: list[Exception] = []
    targets = select(
        ctx, args, all=opts.all, latest=opts.latest, cidfiles=opts.cidfile, filters=opts.filter,
        ignore=opts.ignore, statuses=("running", "paused", "stopping", "initialized"), errors=errors,
    )  # fmt: skip

    def action(container_id: str) -> None:
        try:
            stop(ctx.rt, container_id, timeout)
        except (NoSuchContainer, InvalidState):
            if not (opts.all or opts.ignore):
                raise

    return each(ctx, targets, action, errors=errors)


COMMAND = Command(
    "stop",
    "Stop one or more containers",
    run,
    usage="[options] CONTAINER [CONTAINER...]",
    long=(
        "Stops one or more running containers.  The container name or ID can be used.\n\n"
        "  A timeout to forcibly stop the container can also be set but defaults to 10 seconds otherwise."
    ),
    flags=(
        Flag("all", "a", usage="Stop all running containers"),
        Flag("cidfile", type="array", usage="Read the container ID from the file", complete="files"),
        Flag("filter", "f", "array", usage="Filter output based on conditions given"),
        Flag("ignore", "i", usage="Ignore errors when a specified container is missing"),
        Flag("latest", "l", usage="Act on the latest container polypod is aware of"),
        Flag("time", "t", "int", default=10, usage="Seconds to wait for stop before killing the container", aliases=("timeout",)),
    ),
    examples=("stop ctrID", "stop --latest", "stop --time 2 mywebserver 6e534f14da9d"),
    complete_args="containers...",
)  # fmt: skip
