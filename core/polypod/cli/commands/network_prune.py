"""``network prune``."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Remove the networks that no container uses, after a question."""
    from ...engine.networks import prune_networks
    from ..confirm import confirm

    question = "WARNING! This will remove all networks not used by at least one container.\n"
    if not opts.force and not confirm(ctx, question):
        return 0
    code = 0
    for name, error in prune_networks(ctx.rt, opts.filter):
        if error is None:
            ctx.out(name)
        else:
            ctx.err(f"Error: {error}")
            code = error.exit_code
    return code


COMMAND = Command(
    path="network prune",
    summary="Remove unused networks",
    usage="[options]",
    long="Prune unused networks",
    flags=(
        Flag(
            "filter",
            type="array",
            usage="Provide filter values (e.g. 'label=<key>=<value>')",
        ),
        Flag("force", "f", usage="do not prompt for confirmation"),
    ),
    examples=("network prune", "network prune --force --filter until=24h"),
    max_args=0,
    run=run,
)
