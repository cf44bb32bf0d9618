"""``push``: an image from the local store to elsewhere."""

from __future__ import annotations

from ..command import Command
from ..push_flags import PUSH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Push, and write the digest where that was asked for."""
    from ...engine.push import push
    from ..progress import progress_for
    from ..push_flags import options_of, write_digest

    options = options_of(ctx, opts)
    progress = progress_for(ctx, opts.quiet)
    try:
        digest = push(ctx.rt, args[0], args[-1], options, progress)
    finally:
        progress.close()
    write_digest(opts.digestfile, digest)
    return 0


COMMAND = Command(
    path="push",
    summary="Push an image to a specified destination",
    usage="[options] IMAGE [DESTINATION]",
    long="Pushes a source image to a specified destination: a repository in a registry, or\n"
    "  dir:DIRECTORY, oci:DIRECTORY[:NAME], oci-archive:FILE[:NAME], docker-archive:FILE[:NAME]\n"
    "  or containers-storage:NAME.",
    flags=PUSH,
    examples=(
        "push imageID docker://registry.example.com/repository:tag",
        "push imageID oci-archive:/path/to/layout:image:tag",
    ),
    min_args=1,
    max_args=2,
    complete_args="images none",
    run=run,
)
