"""``manifest rm``: removes whole lists."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Remove, and print what was untagged and deleted; errors come last."""
    from ...engine.images_remove import exit_code, joined
    from ...engine.manifests import remove_lists

    removed, errors = remove_lists(ctx.rt, args, ignore=opts.ignore)
    lines = [f"Untagged: {name}" for report in removed for name in report.untagged]
    lines += [f"Deleted: {report.id}" for report in removed if report.deleted]
    ctx.out("".join(f"{line}\n" for line in lines), end="")
    if errors:
        ctx.err(f"Error: {joined(errors)}")
    return exit_code(errors)


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
