"""``imagestore check``."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Name what is damaged, a line each; fail when something stays so."""
    from ...engine.imagestores_check import check, left

    findings = []
    for finding in check(ctx.rt, args, repair=opts.repair):
        findings.append(finding)
        what = f"{finding.kind} {finding.name}: " if finding.name else ""
        done = " [repaired]" if finding.repaired else ""
        ctx.out(f"{finding.store}: {what}{finding.reason}{done}")
    absent = sum(finding.absent for finding in findings)
    damaged = left(findings) - absent
    if damaged:
        ctx.err(f"Error: damage detected: {damaged} problem(s)" + ("" if opts.repair else "; see --repair"))
    if absent:
        ctx.err(f"Error: {absent} image store(s) not checked: not there")
    return 125 if damaged or absent else 0


COMMAND = Command(
    path="imagestore check",
    summary="Check one or more image stores for damage",
    usage="[options] [NAME...]",
    long="Compares records, directories, links and the content of layers of the named image stores, by default of all"
    " that are attached. With --repair links are rebuilt, and incomplete layers, damaged images and what a killed"
    " move has left are removed; images that containers need stay.",
    flags=(Flag("repair", "r", usage="Mend what can be mended, remove damaged images"),),
    examples=("imagestore check", "imagestore check --repair usb"),
    complete_args="imagestores...",
    run=run,
)
