"""``system prune``."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Ask, remove what nothing needs, and tell what was removed."""
    from ...engine.system_prune import prune_all
    from ..confirm import confirm
    from ..selecting import report
    from ..units import human_size

    if not opts.force and not confirm(ctx, _warning(opts)):
        return 0
    pruned = prune_all(ctx.rt, opts.filter, all=opts.all, volumes=opts.volumes)
    for heading, names in (
        ("Deleted Containers", pruned.containers),
        ("Deleted Volumes", pruned.volumes),
        ("Deleted Images", pruned.images),
        ("Deleted Networks", pruned.networks),
    ):
        if names:
            ctx.out("\n".join((heading, *names)))
    ctx.out(f"Total reclaimed space: {human_size(pruned.reclaimed)}")
    return report(ctx, pruned.errors)


def _warning(opts: Options) -> str:
    lines = ["all stopped containers", "all networks not used by at least one container"]
    if opts.volumes:
        lines.append("all volumes not used by at least one container")
    if opts.all:
        lines.append("all images without at least one container associated with them")
    else:
        lines.append("all dangling images")
    listed = "".join(f"\t- {line}\n" for line in lines)
    return f"WARNING! This command removes:\n{listed}\n"


COMMAND = Command(
    path="system prune",
    summary="Remove unused data",
    usage="[options]",
    long=(
        "Removes stopped containers, unused networks and dangling images; with --all every image "
        "that no container uses, with --volumes the unused volumes too."
    ),
    flags=(
        Flag("all", "a", usage="Remove all unused data"),
        Flag("build", usage="Remove build containers (there are none: nothing builds)"),
        Flag("filter", type="array", usage="Provide filter values (e.g. 'label=<key>=<value>')"),
        Flag("force", "f", usage="Do not prompt for confirmation.  The default is false"),
        Flag("volumes", usage="Prune volumes"),
    ),
    examples=("system prune", "system prune --all --volumes --force"),
    max_args=0,
    run=run,
)
