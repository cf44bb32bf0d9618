"""``pause``."""

from __future__ import annotations

from ..command import Command, Flag
from ..selecting import check_args, each, select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options

FLAGS = (
    Flag("all", "a", usage="Act on all containers in the right state"),
    Flag("cidfile", type="array", usage="Read the container ID from the file", complete="files"),
    Flag("filter", "f", "array", usage="Filter output based on conditions given"),
    Flag("latest", "l", usage="Act on the latest container polypod is aware of"),
)


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Freeze containers."""
    from ...engine.kill import pause

    check_args(args, all=opts.all, latest=opts.latest, cidfiles=opts.cidfile, filters=opts.filter)
    errors: list[Exception] = []
    targets = select(
        ctx, args, all=opts.all, latest=opts.latest, cidfiles=opts.cidfile, filters=opts.filter,
        statuses=("running",), errors=errors,
    )  # fmt: skip
    return each(ctx, targets, lambda id: pause(ctx.rt, id), errors=errors)


COMMAND = Command(
    "pause",
    "Pause all the processes in one or more containers",
    run,
    usage="[options] CONTAINER [CONTAINER...]",
    long="Pauses one or more running containers.  The container name or ID can be used.",
    flags=FLAGS,
    examples=("pause mywebserver", "pause 860a4b23", "pause --all"),
    complete_args="containers...",
)
