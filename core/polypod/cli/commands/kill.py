"""``kill``."""

from __future__ import annotations

from ..command import Command, Flag
from ..selecting import check_args, each, select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Send a signal to containers' first processes."""
    from ...engine.kill import kill
    from ...engine.signals import parse_signal

    check_args(args, all=opts.all, latest=opts.latest, cidfiles=opts.cidfile)
    number = parse_signal(opts.signal)
    errors: list[Exception] = []
    targets = select(
        ctx, args, all=opts.all, latest=opts.latest, cidfiles=opts.cidfile, statuses=("running",),
        errors=errors,
    )  # fmt: skip
    return each(ctx, targets, lambda id: kill(ctx.rt, id, number), errors=errors)


COMMAND = Command(
    "kill",
    "Kill one or more running containers with a specific signal",
    run,
    usage="[options] CONTAINER [CONTAINER...]",
    long=(
        "The main process inside each container specified will be sent SIGKILL, or any signal "
        "specified with option --signal."
    ),
    flags=(
        Flag("all", "a", usage="Signal all running containers"),
        Flag("cidfile", type="array", usage="Read the container ID from the file", complete="files"),
        Flag("latest", "l", usage="Act on the latest container polypod is aware of"),
        Flag("signal", "s", "string", default="KILL", usage="Signal to send to the container"),
    ),
    examples=("kill mywebserver", "kill 860a4b23", "kill --signal TERM ctrID"),
    complete_args="containers...",
)
