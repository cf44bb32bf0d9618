"""``container prune``."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Remove all containers that do not run."""
    from ...engine.prune import prune_containers
    from ..confirm import confirm
    from ..selecting import report

    if not opts.force and not confirm(
        ctx, "WARNING! This will remove all non running containers.\n"
    ):
        return 0
    removed, errors = prune_containers(ctx.rt, opts.filter)
    for container_id in removed:
        ctx.out(container_id)
    return report(ctx, errors)


COMMAND = Command(
    "container prune",
    "Remove all non running containers",
    run,
    usage="[options]",
    long="Removes all non running containers",
    flags=(
        Flag("filter", type="array", usage="Provide filter values (e.g. 'label=<key>=<value>')"),
        Flag("force", "f", usage="Do not prompt for confirmation.  The default is false"),
    ),
    examples=("container prune",),
    max_args=0,
)
