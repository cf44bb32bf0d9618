"""``manifest create``: an empty manifest list, filled with images when some are named."""

from __future__ import annotations

from ..command import Command, Flag
from ..manifest_flags import INSECURE
from ..registry_flags import TLS_VERIFY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Make the list and print its ID."""
    from ...engine.manifests import create
    from ...engine.manifests_add import add
    from ..manifest_flags import pairs
    from ..registry_flags import access_of

    marks = pairs(opts.annotation, 'expected --annotation "{}" to be in key=value format')
    access = access_of(ctx, opts)
    list_id = create(ctx.rt, args[0], amend=opts.amend, annotations=marks)
    add(ctx.rt, list_id, args[1:], all=opts.all, access=access)
    ctx.out(list_id)
    return 0


COMMAND = Command(
    path="manifest create",
    summary="Create manifest list or image index",
    usage="[options] LIST [IMAGE...]",
    long="Creates manifest lists or image indexes.",
    flags=(
        Flag("all", usage="Add all of the lists' images if the images to add are lists"),
        Flag("amend", "a", usage="Modify an existing list if one with the desired name already exists"),
        Flag("annotation", type="array", complete="none", usage="Set annotations on the new list"),
        INSECURE,
        TLS_VERIFY,
    ),
    examples=(
        "manifest create mylist:v1.11",
        "manifest create mylist:v1.11 arch-specific-image-to-add",
        "manifest create --all mylist:v1.11 transport:tagged-image-to-add",
    ),
    min_args=1,
    complete_args="images...",
    run=run,
)
