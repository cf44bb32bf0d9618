"""``rmi``, ``image rm``: untags or deletes images."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Remove, and print what was untagged and deleted; errors come last."""
    from ...engine.images_remove import (
        RemoveOptions,
        container_remover,
        remove_all,
        remove_images,
    )
    from ...errors import UsageError
    from ..removed import report_removed

    if not args and not opts.all:
        raise UsageError("image name or ID must be specified")
    if args and opts.all:
        raise UsageError("when using the --all switch, you may not pass any images names or IDs")
    options = RemoveOptions(
        force=opts.force,
        ignore=opts.ignore or opts.force,
        no_prune=opts.no_prune,
        remove_container=container_remover(ctx.rt) if opts.force else None,
    )
    if opts.all:
        removed, errors = remove_all(ctx.rt, options)
    else:
        removed, errors = remove_images(ctx.rt, args, options)
    return report_removed(ctx, removed, errors)


COMMAND = Command(
    path="rmi",
    summary="Remove one or more images from local storage",
    usage="[options] IMAGE [IMAGE...]",
    long="Removes one or more previously pulled or locally created images.",
    flags=(
        Flag("all", "a", usage="Remove all images"),
        Flag("force", "f", usage="Force Removal of the image"),
        Flag("ignore", "i", usage="Ignore errors if a specified image does not exist"),
        Flag("no-prune", usage="Do not remove dangling images"),
    ),
    examples=("rmi imageID", "rmi --force alpine", "rmi c4dfb1609ee2 93fd78260bd1 c0ed59d05ff7"),
    complete_args="images...",
    run=run,
)
