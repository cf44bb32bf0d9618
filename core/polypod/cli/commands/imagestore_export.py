"""``imagestore export``."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Write images into a file and print its path."""
    from ...engine.imagestores_export import export

    store = args[0] if len(args) == 2 else ""
    export(ctx.rt, args[-1], opts.format, store=store, images=opts.image)
    ctx.out(args[-1])
    return 0


COMMAND = Command(
    path="imagestore export",
    summary="Write an image store into a file",
    usage="[options] NAME FILE",
    long="Writes an image store, or the images that --image names (then NAME may be left out), into an erofs or squashfs file that is attached read-only in"
    " one mount, by polypod as well as (mounted) by podman as an additional image store. The same images give"
    " the same file.",
    flags=(
        Flag("format", type="string", default="erofs", usage="Format of the file: erofs or squashfs",
             complete="values:erofs,squashfs"),
        Flag("image", "i", type="array", usage="Export this image; can be given several times",
             complete="images", aliases=("images",)),
    ),
    examples=(
        "imagestore export usb usb.erofs",
        "imagestore export --image alpine --image nginx --format squashfs base.squashfs",
    ),
    min_args=1,
    max_args=2,
    complete_args="imagestores files",
    run=run,
)  # fmt: skip
