"""``system reset``."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...engine.system_reset import ResetPlan
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Ask, remove everything, and tell what could not be removed."""
    from ...engine.system_reset import plan, reset
    from ..confirm import confirm

    if not opts.force and not confirm(ctx, _warning(plan(ctx.rt))):
        return 0
    errors = reset(ctx.rt)
    for error in errors:
        ctx.err(f"Error: {error}")
    return 125 if errors else 0


def _warning(plan: ResetPlan) -> str:
    lines = ["containers", "pods", "images", "networks", "build cache", "machines", "volumes"]
    text = "WARNING! This will remove:\n" + "".join(f"        - all {line}\n" for line in lines)
    text += f'        - the graphRoot directory: "{plan.graphroot}"\n'
    text += f'        - the runRoot directory: "{plan.runroot}"\n'
    if plan.imagestore:
        text += f'        - the images in: "{plan.imagestore}"\n'
    if plan.external:
        text += "WARNING! The following external containers will be purged:\n"
        text += "".join(f"\t- {id[:12]} ({name})\n" for id, name in plan.external)
    return text


COMMAND = Command(
    path="system reset",
    summary="Reset storage back to its initial state",
    usage="[options]",
    long=(
        "Stops and removes all containers, and removes all images, volumes, networks and artifacts."
        " Nothing in the roots is touched that polypod and podman did not put there."
    ),
    flags=(Flag("force", "f", usage="Do not prompt for confirmation"),),
    examples=("system reset", "system reset --force"),
    max_args=0,
    run=run,
)
