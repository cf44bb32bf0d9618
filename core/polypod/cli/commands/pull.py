"""``pull``: an image into the local store."""

from __future__ import annotations

from ..command import Command
from ..pulling import PULL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Pull each source and print the IDs; a source that fails does not stop the others."""
    from ...engine.images_pull import pull
    from ...errors import PolypodError
    from ..progress import progress_for
    from ..pulling import pull_options

    options = pull_options(ctx, opts, opts.policy)
    errors: list[PolypodError] = []
    for source in args:
        progress = progress_for(ctx, opts.quiet)
        try:
            ids = pull(ctx.rt, source, options, progress)
        except PolypodError as error:
            errors.append(error)
            continue
        finally:
            progress.close()
        for image_id in ids:
            ctx.out(image_id)
    for failed in errors[:-1]:
        ctx.err(f"Error: {failed}")
    if errors:
        raise errors[-1]
    return 0


COMMAND = Command(
    path="pull",
    summary="Pull an image from a registry",
    usage="[options] IMAGE [IMAGE...]",
    long="Pulls an image from a registry and stores it locally.\n\n"
    "  An image can be pulled by tag or digest. If a tag is not specified, the image with the\n"
    "  'latest' tag is pulled. Other sources are docker-archive:FILE[:NAME], oci-archive:FILE[:NAME],\n"
    "  oci:DIRECTORY[:NAME], dir:DIRECTORY and containers-storage:NAME.",
    flags=PULL,
    examples=("pull imageName", "pull fedora:latest", "pull oci:./layout:latest"),
    min_args=1,
    complete_args="images...",
    run=run,
)
