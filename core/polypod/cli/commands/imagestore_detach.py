"""``imagestore detach``."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Detach stores and print their names."""
    from ...engine.imagestores_detach import detach

    for name in args:
        store = detach(ctx.rt, name, force=opts.force, forget=opts.forget)
        ctx.out(store.name)
    return 0


COMMAND = Command(
    path="imagestore detach",
    summary="Detach one or more image stores",
    usage="[options] NAME [NAME...]",
    long="Lets go of image stores, so that a disk can be pulled. Refused while a running container needs the"
    " store. Afterwards its images and the containers made from them are shown as detached, and work again"
    " once the store is attached, wherever it lies then.",
    flags=(
        Flag("force", "f", usage="Stop the containers that need the store"),
        Flag("forget", usage="Forget the store, its name and its images, unless containers need it"),
    ),
    examples=("imagestore detach usb", "imagestore detach --force usb"),
    min_args=1,
    complete_args="imagestores...",
    run=run,
)
