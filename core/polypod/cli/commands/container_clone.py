"""``container clone``."""

from __future__ import annotations

from ..command import Command, Flag
from ..container_flags import FLAGS
from ..resource_flags import UPDATABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Copy a container's settings into a new one and print its ID."""
    from ...engine.clone import clone
    from ...errors import UsageError
    from ..resource_flags import changed_resources

    if not args:
        raise UsageError("must specify at least 1 argument: invalid argument")
    if opts.force and not opts.destroy:
        raise UsageError("cannot set --force without --destroy: invalid argument")
    name = args[1] if len(args) > 1 else opts.name
    made = clone(
        ctx.rt,
        ctx.rt.records.containers.find(args[0]),
        name=name,
        image=args[2] if len(args) > 2 else "",
        resources=changed_resources(opts),
        destroy=opts.destroy,
        force=opts.force,
    )
    if opts.run:
        from ...engine.start import start

        start(ctx.rt, made.id)
    ctx.out(made.id)
    return 0


COMMAND = Command(
    "container clone",
    "Clone an existing container",
    run,
    usage="[options] CONTAINER NAME IMAGE",
    long=(
        "Creates a copy of an existing container: its settings, limits and volumes, not what it has written.\n\n"
        "  The name is the original's with -clone unless one is given; an image takes the place of the original's."
    ),
    flags=(
        *(flag for flag in FLAGS if flag.name in UPDATABLE),
        Flag("destroy", usage="Destroy the original container"),
        Flag("force", "f", usage="Force the existing container to be destroyed"),
        Flag("name", type="string", usage="Name of the clone", complete="none"),
        Flag("run", usage="Run the new container"),
    ),
    examples=("container clone web", "container clone --destroy --run web web2", "container clone web web3 image:2"),
    max_args=3,
    complete_args="containers none images",
)  # fmt: skip
