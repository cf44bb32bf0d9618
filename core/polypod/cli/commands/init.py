"""``init``."""

from __future__ import annotations

from ..command import Command, Flag
from ..selecting import check_args, each, select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Create containers in their runtime without starting them."""
    from ...engine.init import init

    check_args(args, all=opts.all, latest=opts.latest)
    errors: list[Exception] = []
    targets = select(
        ctx, args, all=opts.all, latest=opts.latest, statuses=("created", "exited"), errors=errors
    )
    return each(ctx, targets, lambda id: init(ctx.rt, id), errors=errors)


COMMAND = Command(
    "init",
    "Initialize one or more containers",
    run,
    usage="[options] CONTAINER [CONTAINER...]",
    long="Initialize one or more containers, creating the OCI spec and mounts for inspection. Container names or IDs can be used.",
    flags=(
        Flag("all", "a", usage="Initialize all containers"),
        Flag("latest", "l", usage="Act on the latest container polypod is aware of"),
    ),
    examples=("init --latest", "init 3c45ef19d893", "init test1"),
    complete_args="containers...",
)  # fmt: skip
