"""``system check``."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Name what is damaged, a line each; fail when something stays so."""
    from ...engine.system_check import check

    left = 0
    for problem in check(ctx.rt, repair=opts.repair):
        done = " [repaired]" if problem.repaired else ""
        ctx.out(f"damaged {problem.kind} {problem.name}: {problem.reason}{done}")
        left += not problem.repaired
    if left:
        ctx.err(
            f"Error: damage detected: {left} problem(s)"
            + ("; what is left must be removed by hand" if opts.repair else "; see --repair")
        )
    return 125 if left else 0


COMMAND = Command(
    "system check",
    "Check storage and state for damage",
    run,
    usage="[options]",
    long=(
        "Reads every record of the state and checks layers, images and containers on disk. Names"
        " what is damaged, a line each, and exits with 125 when something is. With --repair"
        " damaged records, and files that nothing refers to, are removed; all others stay."
    ),
    flags=(Flag("repair", "r", usage="Remove damaged records and leftovers"),),
    examples=("system check", "system check --repair"),
    max_args=0,
)
