"""``container cleanup``: what the monitor calls when a container has ended."""

from __future__ import annotations

from ..command import Command, Flag
from ..selecting import check_args, report, select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Clean up mounts and networks of ended containers."""
    from ...engine.cleanup import cleanup
    from ...errors import NoSuchContainer, PolypodError

    check_args(args, all=opts.all, latest=opts.latest)
    errors: list[Exception] = []
    for typed, container_id in select(ctx, args, all=opts.all, latest=opts.latest, errors=errors):
        try:
            cleanup(ctx.rt, container_id)
        except NoSuchContainer:
            continue  # whoever waited in the foreground was faster
        except PolypodError as error:
            errors.append(error)
            continue
        ctx.out(typed)
    return report(ctx, errors)


COMMAND = Command(
    "container cleanup",
    "Clean up network and mountpoints of one or more containers",
    run,
    usage="[options] CONTAINER [CONTAINER...]",
    long="Cleans up mount points and network stacks on one or more containers from the host. The container name or ID can be used. This command is used internally when running containers, but can also be used if container cleanup has failed when a container exits.",
    flags=(
        Flag("all", "a", usage="Cleans up all containers"),
        Flag("exec", type="string", usage="Clean up the given exec session instead of the container", hidden=True),
        Flag("latest", "l", usage="Act on the latest container polypod is aware of"),
        Flag("rm", usage="After cleanup, remove the container entirely"),
        Flag("rmi", usage="After cleanup, remove the image entirely"),
    ),
    examples=("container cleanup --latest", "container cleanup ctrID1 ctrID2 ctrID3", "container cleanup --all"),
    complete_args="containers...",
)  # fmt: skip
