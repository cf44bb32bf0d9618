"""``artifact extract``."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Copy the blobs out."""
    from ...engine.artifacts_extract import extract_artifact

    extract_artifact(ctx.rt, args[0], args[1], title=opts.title, digest=opts.digest)
    return 0


COMMAND = Command(
    path="artifact extract",
    summary="Extract an OCI artifact to a local path",
    usage="[options] ARTIFACT PATH",
    long="Extract the blobs of an OCI artifact to a local file or directory",
    flags=(
        Flag("digest", type="string", usage="Only extract blob with the given digest", complete="none"),
        Flag("title", type="string", usage="Only extract blob with the given title", complete="none"),
    ),
    examples=(
        "artifact extract quay.io/myimage/myartifact:latest /tmp/foobar.txt",
        "artifact extract quay.io/myimage/myartifact:latest /home/paul/mydir",
    ),
    min_args=2,
    max_args=2,
    complete_args="artifacts files",
    run=run,
)
