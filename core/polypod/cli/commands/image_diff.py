"""``image diff``."""

from __future__ import annotations

from ..command import Command
from ..diffing import flags, show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Show what an image has changed."""
    return show(ctx, opts, args, ("image",))


COMMAND = Command(
    "image diff",
    "Inspect changes to the image's file systems",
    run,
    usage="[options] IMAGE [IMAGE]",
    long="Displays changes on an image's file system. It is compared with its parent layer, or with the second argument when given.",
    flags=flags(latest=False),
    examples=("image diff myImage", "image diff --format json redis:alpine"),
    min_args=1,
    max_args=2,
    complete_args="images...",
)
