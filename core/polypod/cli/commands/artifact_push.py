"""``artifact push``."""

from __future__ import annotations

from ..command import Command, Flag
from ..registry_flags import AUTHFILE, CERT_DIR, CREDS, TLS_VERIFY, retry_flags
from ..signing import SIGN_FLAGS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Push one artifact; what happens is told on stderr."""
    from ...engine.artifacts_copy import push_artifact
    from ..progress import progress_for
    from ..registry_flags import access_of
    from ..signing import sign_options

    access, sign = access_of(ctx, opts), sign_options(ctx, opts)
    progress = progress_for(ctx, opts.quiet)
    try:
        digest = push_artifact(ctx.rt, args[0], access, progress, sign)
    finally:
        progress.close()
    if opts.digestfile:
        _write(opts.digestfile, digest)
    return 0


def _write(path: str, digest: str) -> None:
    from ...errors import PolypodError

    try:
        with open(path, "w", encoding="ascii") as file:
            file.write(digest)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise PolypodError(f"failed to write digest to file {path}: {reason}") from error


COMMAND = Command(
    path="artifact push",
    summary="Push an OCI artifact",
    usage="[options] ARTIFACT",
    long="Push an OCI artifact from local storage to an image registry",
    flags=(
        AUTHFILE,
        CERT_DIR,
        CREDS,
        Flag("digestfile", type="string", complete="files",
             usage="Write the digest of the pushed image to the specified file"),
        Flag("quiet", "q", usage="Suppress output information when pushing images"),
        *retry_flags("push"),
        *SIGN_FLAGS,
        TLS_VERIFY,
    ),
    examples=("artifact push quay.io/myimage/myartifact:latest",),
    min_args=1,
    max_args=1,
    complete_args="artifacts",
    run=run,
)  # fmt: skip
