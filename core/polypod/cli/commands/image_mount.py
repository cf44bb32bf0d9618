"""``image mount``: mounts images, or lists what is mounted."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Print the path of the one image named, or a table."""
    from ...engine.images_mount import mount, mounted
    from ...errors import UsageError
    from ..render import is_json, table, to_json

    if args and opts.all:
        raise UsageError("when using the --all switch, you may not pass any image names or IDs")
    if opts.format and not is_json(opts.format):
        raise UsageError(f'unknown --format argument: "{opts.format}"')
    reports = mount(ctx.rt, args, all=opts.all) if args or opts.all else mounted(ctx.rt)
    if opts.format:
        ctx.out(to_json(reports, 1), end="")
    elif len(args) == 1:
        ctx.out(reports[0]["mountpoint"])
    else:
        rows = [[(r["Repositories"] or [r["id"]])[0], r["mountpoint"]] for r in reports]
        ctx.out(table(rows), end="")
    return 0


COMMAND = Command(
    path="image mount",
    summary="Mount an image's root filesystem",
    usage="[options] [IMAGE...]",
    long="Mounts images read-only and prints where; without an image lists those that are mounted.",
    flags=(
        Flag("all", "a", usage="Mount all images"),
        Flag("format", type="string", usage="Print the mounted images in specified format (json)",
             complete="values:json"),
    ),
    examples=("image mount imgID", "image mount"),
    complete_args="images...",
    run=run,
)  # fmt: skip
