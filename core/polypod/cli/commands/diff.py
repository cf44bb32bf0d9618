"""``diff``."""

from __future__ import annotations

from ..command import Command
from ..diffing import flags, show, targets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Show what a container or image has changed."""
    return show(ctx, opts, targets(ctx, opts, args), ("image", "container"))


COMMAND = Command(
    "diff",
    "Display the changes to the object's file system",
    run,
    usage="[options] {CONTAINER|IMAGE} [{CONTAINER|IMAGE}]",
    long="Displays changes on a container's or image's file system. It is compared with its parent layer, or with the second argument when given.",
    flags=flags(latest=True),
    examples=("diff imageID", "diff ctrID", "diff --format json redis:alpine"),
    complete_args="containers|images...",
)
