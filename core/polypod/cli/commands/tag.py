"""``tag``: further names for an image."""

from __future__ import annotations

from ..command import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Add the names."""
    from ...engine.images_names import tag

    tag(ctx.rt, args[0], args[1:])
    return 0


COMMAND = Command(
    path="tag",
    summary="Add an additional name to a local image",
    usage="IMAGE TARGET_NAME [TARGET_NAME...]",
    long="Adds one or more additional names to locally-stored image.",
    examples=(
        "tag 0e3bbc2 fedora:latest",
        "tag imageID:latest myNewImage:newTag",
        "tag httpd myregistryhost:5000/fedora/httpd:v2",
    ),
    min_args=2,
    complete_args="images...",
    run=run,
)
