"""``imagestore move``."""

from __future__ import annotations

from ..command import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Move a store and print its name."""
    from ...engine.imagestores_move import move

    store = move(ctx.rt, args[0], args[1], ctx.err)
    ctx.out(store.name)
    return 0


COMMAND = Command(
    path="imagestore move",
    summary="Move an image store to another place",
    usage="NAME PATH",
    long="Moves an image store to PATH, which must not exist or be an empty directory. On one file system it is renamed;"
    " otherwise it is copied, the copy compared, and the old place removed last. Containers made from its images"
    " stay what they are. Refused while a running container needs the store. When the command is"
    " killed the store is at its old place or at the new one; calling it again completes the move.",
    examples=("imagestore move usb /srv/images",),
    min_args=2,
    max_args=2,
    complete_args="imagestores dirs",
    run=run,
)
