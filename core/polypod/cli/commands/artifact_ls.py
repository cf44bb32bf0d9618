"""``artifact ls``."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options

_COLUMNS = r"{{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.Created}}\t{{.Size}}"


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """List artifacts as a table, as digests, as JSON or through a template."""
    from ...engine.artifacts import list_artifacts
    from ..artifact_rows import list_row
    from ..render import format_rows, is_json, to_json

    rows = [list_row(artifact, opts.no_trunc) for artifact in list_artifacts(ctx.rt)]
    if opts.quiet:
        ctx.out("".join(f"{digest}\n" for digest in dict.fromkeys(r["Digest"] for r in rows)), end="")
        return 0
    if is_json(opts.format):
        ctx.out(to_json(rows), end="")
        return 0
    given = opts.changed("format")
    text = format_rows(
        rows, opts.format if given else _COLUMNS, noheading=opts.noheading, default=not given,
        name="ls", type_name="artifact.artifactListOutput",
    )  # fmt: skip
    ctx.out(text, end="")
    return 0


COMMAND = Command(
    path="artifact ls",
    summary="List OCI artifacts",
    usage="[options]",
    long="List OCI artifacts in local store",
    flags=(
        Flag("format", type="string", usage="Format output using JSON or a Go template",
             complete="format:Created,CreatedAt,Digest,Repository,Size,Tag,VirtualSize"),
        Flag("no-trunc", usage="Do not truncate output"),
        Flag("noheading", "n", usage="Do not print column headings"),
        Flag("quiet", "q", usage="Display only the digests"),
    ),
    examples=("artifact ls", 'artifact ls --format "{{.Digest}} {{.Size}}"'),
    max_args=0,
    run=run,
)  # fmt: skip
