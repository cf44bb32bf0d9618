"""``manifest rm``: removes whole lists."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Remove, and print what was untagged and deleted; errors come last."""
    from ...engine.manifests import remove_lists
    from ..removed import report_removed

    return report_removed(ctx, *remove_lists(ctx.rt, args, ignore=opts.ignore))


COMMAND = Command(
    path="manifest rm",
    summary="Remove manifest list or image index from local storage",
    usage="[options] LIST [LIST...]",
    long="Removes manifest lists or image indexes from local storage.",
    flags=(Flag("ignore", "i", usage="Ignore errors when a specified manifest is missing"),),
    examples=("manifest rm mylist:v1.11",),
    min_args=1,
    complete_args="images...",
    run=run,
)
