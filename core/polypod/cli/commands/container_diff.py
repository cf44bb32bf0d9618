"""``container diff``."""

from __future__ import annotations

from ..command import Command
from ..diffing import flags, show, targets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Show what a container has changed."""
    return show(ctx, opts, targets(ctx, opts, args), ("container",))


COMMAND = Command(
    "container diff",
    "Inspect changes to the container's file systems",
    run,
    usage="[options] CONTAINER [CONTAINER]",
    long="Displays changes on a container's file system. It is compared with its parent layer, or with the second argument when given.",
    flags=flags(latest=True),
    examples=("container diff myCtr", "container diff -l --format json myCtr"),
    complete_args="containers...",
)
