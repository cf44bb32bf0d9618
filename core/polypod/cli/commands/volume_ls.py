"""``volume ls``."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Print the volumes as a table, names, JSON or through a template."""
    from ...engine.volumes_admin import list_volumes, volume_document
    from ...errors import UsageError
    from ..network_rows import labels_text
    from ..render import format_rows, is_json, to_json
    from ..volume_rows import template_row

    if opts.quiet and opts.changed("format"):
        raise UsageError("quiet and format flags cannot be used together")
    volumes = list_volumes(ctx.rt, opts.filter)
    if opts.quiet:
        ctx.out("".join(f"{volume.name}\n" for volume in volumes), end="")
        return 0
    if is_json(opts.format):
        ctx.out(to_json([volume_document(volume) for volume in volumes], 2), end="")
        return 0
    text = format_rows(
        [{**template_row(volume), "Labels": labels_text(volume.labels)} for volume in volumes],
        opts.format or "{{.Driver}}\\t{{.Name}}",
        headings={"Name": "VOLUME NAME"},
        noheading=opts.noheading,
        default=not opts.format,
        name="ls",
        type_name="volumes.volumeReporter",
    )
    ctx.out(text, end="")
    return 0


COMMAND = Command(
    path="volume ls",
    summary="List volumes",
    usage="[options]",
    long="List volumes",
    flags=(
        Flag("filter", "f", "array", usage="Filter volume output"),
        Flag(
            "format",
            type="string",
            usage="Format volume output using Go template",
            complete="format:.Anonymous,.CreatedAt,.Driver,.GID,.Labels,.MountCount,.Mountpoint,"
            ".Name,.NeedsChown,.NeedsCopyUp,.Options,.Scope,.UID",
        ),
        Flag("noheading", "n", usage="Do not print headers"),
        Flag("quiet", "q", usage="Print volume output in quiet mode"),
    ),
    examples=(
        "volume ls",
        "volume ls --format json",
        "volume ls --filter label=key=value --format '{{.Name}} {{.Mountpoint}}'",
    ),
    aliases=("list",),
    max_args=0,
    run=run,
)
