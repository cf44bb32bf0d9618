"""What ``rmi`` and ``manifest rm`` print."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..engine.images_remove import Removed
    from ..errors import PolypodError
    from .context import Context


def report_removed(ctx: Context, removed: list[Removed], errors: list[PolypodError]) -> int:
    """Print what was untagged and deleted, errors last; returns the exit code."""
    from ..engine.images_remove import exit_code, joined

    lines = [f"Untagged: {name}" for report in removed for name in report.untagged]
    lines += [f"Deleted: {report.id}" for report in removed if report.deleted]
    ctx.out("".join(f"{line}\n" for line in lines), end="")
    if errors:
        ctx.err(f"Error: {joined(errors)}")
    return exit_code(errors)
