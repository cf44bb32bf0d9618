"""``artifact pull``."""

from __future__ import annotations

from ..command import Command, Flag
from ..registry_flags import AUTHFILE, CERT_DIR, CREDS, TLS_VERIFY, retry_flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Pull one artifact; what happens is told on stderr."""
    from ...engine.artifacts_copy import pull_artifact
    from ...errors import PolypodError
    from ..progress import progress_for
    from ..registry_flags import access_of

    if opts.decryption_key:
        raise PolypodError(
            f"--decryption-key {opts.decryption_key[0]}: encrypted artifacts are not supported;"
            " decrypt it with skopeo copy --decryption-key first"
        )
    access = access_of(ctx, opts)
    progress = progress_for(ctx, opts.quiet)
    try:
        pull_artifact(ctx.rt, args[0], access, progress, opts.signature_policy)
    finally:
        progress.close()
    return 0


COMMAND = Command(
    path="artifact pull",
    summary="Pull an OCI artifact",
    usage="[options] ARTIFACT",
    long="Pulls an artifact from a registry and stores it locally.",
    flags=(
        AUTHFILE,
        CERT_DIR,
        CREDS,
        Flag("decryption-key", type="array", complete="files",
             usage="Key needed to decrypt the image (e.g. /path/to/key.pem)"),
        Flag("quiet", "q", usage="Suppress output information when pulling images"),
        *retry_flags("pull"),
        Flag("signature-policy", type="string", hidden=True),
        TLS_VERIFY,
    ),
    examples=("artifact pull quay.io/myimage/myartifact:latest",),
    min_args=1,
    max_args=1,
    complete_args="artifacts",
    run=run,
)  # fmt: skip
