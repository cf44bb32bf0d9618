"""``image unmount``: takes images' mounts down."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Unmount and print the IDs."""
    from ...engine.images_mount import unmount
    from ...errors import UsageError

    if not args and not opts.all:
        raise UsageError("image name or ID must be specified")
    if args and opts.all:
        raise UsageError("when using the --all switch, you may not pass any image names or IDs")
    done = unmount(ctx.rt, args, all=opts.all, force=opts.force)
    ctx.out("".join(f"{id}\n" for id in done), end="")
    return 0


COMMAND = Command(
    path="image unmount",
    summary="Unmount an image's root filesystem",
    usage="[options] IMAGE [IMAGE...]",
    long="Takes one user off each image's mount; the last one takes the mount down.",
    flags=(
        Flag("all", "a", usage="Unmount all of the currently mounted images"),
        Flag("force", "f", usage="Force the complete unmount of the specified mounted images"),
    ),
    examples=("image unmount imgID", "image unmount --all"),
    complete_args="images...",
    run=run,
)
