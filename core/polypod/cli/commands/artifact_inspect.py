"""``artifact inspect``."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Print one artifact as JSON or through a template."""
    from ...engine.artifacts import inspect_artifact
    from ..artifact_rows import inspect_record
    from ..render import is_json, render_one, to_json

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
    ),
    examples=("artifact inspect quay.io/myimage/myartifact:latest",),
    min_args=1,
    max_args=1,
    complete_args="artifacts",
    run=run,
)  # fmt: skip
