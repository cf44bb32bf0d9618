"""``system check``."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...engine.system_check import StoreCheck
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Name what is damaged, a line each, mend it when asked to; fail when something stays so."""
    from ...engine.system_check import StoreCheck

    options = StoreCheck(
        quick=opts.quick, max_age=opts.max, repair=opts.repair, force=opts.force
    )
    left = _check(ctx, options)
    if left and not options.repair:
        ctx.err(f"Error: damage detected in local storage: {left} problem(s); see --repair")
        return 125
    if not options.repair:
        return 0
    left = _check(ctx, options.evolve(repair=False, force=False), silent=True)
    if left:
        ctx.err(
            f"Error: damage in local storage still present after repair attempt: {left} problem(s)"
            + ("" if options.force else "; --force removes damaged containers too")
        )
    return 125 if left else 0


def _check(ctx: Context, options: StoreCheck, silent: bool = False) -> int:
    """Check once, and print unless ``silent``; how many problems are left."""
    from ...engine.system_check import check, check_store

    problems = list(check(ctx.rt, repair=options.repair))
    outcome = check_store(ctx.rt, options)
    problems += outcome.problems
    if not silent:
        for problem in problems:
            done = " [repaired]" if problem.repaired else ""
            ctx.out(f"damaged {problem.kind} {problem.name}: {problem.reason}{done}")
        for kind, id in outcome.deleted:
            ctx.out(f"Deleted damaged {kind}: {id}")
        for note in outcome.notes:
            ctx.err(f"Warning: {note}")
        for error in outcome.errors:
            ctx.err(f"Error: {error}")
    return sum(not problem.repaired for problem in problems)


COMMAND = Command(
    "system check",
    "Check storage and state for damage",
    run,
    usage="[options]",
    long=(
        "Reads every record of the state and checks layers, images and containers on disk, the"
        " content of layers too. Names what is damaged, a line each, and exits with 125 when"
        " something is. With --repair damaged records, damaged images that no container uses,"
        " and files that nothing refers to are removed; with --force damaged containers as well."
        " Containers whose image store is not given or attached are named and left alone."
    ),
    flags=(
        Flag("force", "f", usage="Remove inconsistent images and containers"),
        Flag("max", "m", type="duration", default=86400.0, shown="24h0m0s", complete="none",
             usage="Maximum allowed age of unreferenced layers"),
        Flag("quick", "q", usage="Skip time-consuming checks. The default is to include time-consuming checks"),
        Flag("repair", "r", usage="Remove inconsistent images"),
    ),
    examples=("system check", "system check --quick", "system check --repair --force"),
    max_args=0,
)  # fmt: skip
