"""``artifact inspect``."""

from __future__ import annotations

from ..command import Command, Flag
from ..registry_flags import AUTHFILE, CERT_DIR, CREDS, TLS_VERIFY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Print one artifact as JSON or through a template."""
    from ...engine.artifacts import inspect_artifact, inspect_remote
    from ..artifact_rows import inspect_record
    from ..registry_flags import access_of
    from ..render import is_json, render_one, to_json

    if opts.remote:
        document = inspect_remote(args[0], access_of(ctx, opts))
    else:
        document = inspect_artifact(ctx.rt, args[0])
    if is_json(opts.format) or not opts.format:
        ctx.out(to_json(document, 5), end="")
        return 0
    text = render_one(
        inspect_record(document),
        opts.format,
        name="inspect",
        type_name="*types.ArtifactInspectReport",
    )
    ctx.out(text, end="")
    return 0


COMMAND = Command(
    path="artifact inspect",
    summary="Inspect an OCI artifact",
    usage="[options] ARTIFACT",
    long="Provide details on an OCI artifact",
    flags=(
        Flag("format", "f", "string", default="json",
             usage="Format volume output using JSON or a Go template",
             complete="format:Artifact,Digest,Manifest,Name,TotalSizeBytes"),
        Flag("remote", usage="Inspect the artifact in its registry, without pulling it"),
        AUTHFILE,
        CERT_DIR,
        CREDS,
        TLS_VERIFY,
    ),
    examples=("artifact inspect quay.io/myimage/myartifact:latest",),
    min_args=1,
    max_args=1,
    complete_args="artifacts",
    run=run,
)  # fmt: skip
