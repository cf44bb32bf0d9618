"""``untag``: takes names away from an image."""

from __future__ import annotations

from ..command import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Remove the names, all of them when none is given."""
    from ...engine.images_names import untag

    untag(ctx.rt, args[0], args[1:])
    return 0


COMMAND = Command(
    path="untag",
    summary="Remove a name from a local image",
    usage="IMAGE [IMAGE...]",
    long="Removes one or more names from a locally-stored image.",
    examples=(
        "untag 0e3bbc2",
        "untag imageID:latest otherImageName:latest",
        "untag httpd myregistryhost:5000/fedora/httpd:v2",
    ),
    min_args=1,
    complete_args="images...",
    run=run,
)
