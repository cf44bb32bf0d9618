"""``image exists``: answers with the exit code."""

from __future__ import annotations

from ..command import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Return 0 when the image is there, 1 when not."""
    from ...engine.images_lookup import exists

    return 0 if exists(ctx.rt, args[0]) else 1


COMMAND = Command(
    path="image exists",
    summary="Check if an image exists in local storage",
    usage="IMAGE",
    long="If the named image exists in local storage, the exit code is 0, otherwise 1.",
    examples=("image exists ID", "image exists IMAGE && echo there"),
    min_args=1,
    max_args=1,
    complete_args="images",
    run=run,
)
