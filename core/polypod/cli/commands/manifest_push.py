"""``manifest push``: a manifest list and its images to elsewhere."""

from __future__ import annotations

from ..command import Command
from ..push_flags import MANIFEST_PUSH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Push, write the digest where that was asked for, remove the list with ``--rm``."""
    from ...engine.manifests import load, remove_lists
    from ...engine.manifests_push import push_list
    from ...errors import UsageError
    from ..progress import progress_for
    from ..push_flags import options_of, write_digest

    if not args[0]:
        raise UsageError(f'invalid image name "{args[0]}"')
    if not args[-1]:
        raise UsageError(f'invalid destination "{args[-1]}"')
    options = options_of(ctx, opts)
    progress = progress_for(ctx, opts.quiet)
    try:
        digest = push_list(ctx.rt, args[0], args[-1], options, progress)
    finally:
        progress.close()
    if opts.rm:
        _, errors = remove_lists(ctx.rt, [load(ctx.rt, args[0]).id])
        if errors:
            raise errors[0]
    write_digest(opts.digestfile, digest)
    return 0


COMMAND = Command(
    path="manifest push",
    summary="Push a manifest list or image index to a registry",
    usage="[options] LIST DESTINATION",
    long="Pushes manifest lists and image indexes to registries.",
    flags=MANIFEST_PUSH,
    examples=("manifest push mylist:v1.11 docker://quay.io/myuser/image:v1.11",),
    min_args=1,
    max_args=2,
    complete_args="images none",
    run=run,
)
