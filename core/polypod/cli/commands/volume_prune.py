"""``volume prune``."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options

_WARNING = (
    "WARNING! This will remove {} volumes not used by at least one container. "
    "The following volumes will be removed:\n"
)


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Remove unused anonymous volumes, with --all the named ones too, after a question."""
    from ...engine.volumes_admin import prunable, prune_volumes
    from ...errors import UsageError
    from ..confirm import confirm

    by_filter = "all=true" in [text.lower() for text in opts.filter]
    if opts.all and by_filter:
        raise UsageError("--all and --filter all cannot be used together")
    if opts.force and opts.dry_run:
        raise UsageError("--force and --dry-run cannot be used together")
    everything = opts.all or by_filter
    if not opts.force:
        names = [v.name for v in prunable(ctx.rt, opts.filter, everything=everything)]
        if opts.dry_run:
            ctx.out("".join(f"{name}\n" for name in names), end="")
            return 0
        warning = _WARNING.format("all" if everything else "anonymous local")
        if not names:
            kind = "dangling" if everything else "dangling anonymous"
            ctx.out(f"{warning}No {kind} volumes found")
            return 0
        if not confirm(ctx, warning + "".join(f"{name}\n" for name in names)):
            return 0
    code = 0
    for pruned in prune_volumes(ctx.rt, opts.filter, everything=everything):
        if pruned.error:
            ctx.err(f"Error: {pruned.error}")
            code = 125
        else:
            ctx.out(pruned.name)
    return code


COMMAND = Command(
    path="volume prune",
    summary="Remove unused volumes",
    usage="[options]",
    long="Anonymous volumes that are not currently owned by a container will be removed, with "
    "--all named ones as well.\n\n"
    "  The command prompts for confirmation which can be overridden with the --force flag.\n"
    "  Note all data will be destroyed.",
    flags=(
        Flag("all", "a", usage="Remove all unused volumes, both anonymous and named"),
        Flag("dry-run", usage="Show what would be pruned without actually pruning"),
        Flag(
            "filter",
            type="array",
            usage="Provide filter values (e.g. 'label=<key>=<value>')",
        ),
        Flag("force", "f", usage="Do not prompt for confirmation"),
    ),
    examples=("volume prune", "volume prune --force --all", "volume prune --filter label=mylabel"),
    max_args=0,
    run=run,
)
