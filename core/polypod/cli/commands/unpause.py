"""``unpause``."""

from __future__ import annotations

from ..command import Command
from ..selecting import check_args, each, select
from .pause import FLAGS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Thaw containers."""
    from ...engine.kill import unpause

    check_args(args, all=opts.all, latest=opts.latest, cidfiles=opts.cidfile, filters=opts.filter)
    errors: list[Exception] = []
    targets = select(
        ctx, args, all=opts.all, latest=opts.latest, cidfiles=opts.cidfile, filters=opts.filter,
        statuses=("paused",), errors=errors,
    )  # fmt: skip
    return each(ctx, targets, lambda id: unpause(ctx.rt, id), errors=errors)


COMMAND = Command(
    "unpause",
    "Unpause the processes in one or more containers",
    run,
    usage="[options] CONTAINER [CONTAINER...]",
    long="Unpauses one or more previously paused containers.  The container name or ID can be used.",
    flags=FLAGS,
    examples=("unpause ctrID", "unpause --all"),
    complete_args="containers...",
)
