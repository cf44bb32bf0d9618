"""``imagestore ls``."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options

_COLUMNS = ("Name", "State", "Way", "Mode", "Images", "Containers", "Path", "Origin")


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Print the image stores as a table, names, JSON or through a template."""
    from ...engine.imagestores import list_stores
    from ..render import format_rows, is_json, to_json

    rows = list_stores(ctx.rt)
    if opts.quiet:
        ctx.out("".join(f"{row['Name']}\n" for row in rows), end="")
        return 0
    if is_json(opts.format):
        ctx.out(to_json(rows, 2), end="")
        return 0
    for row in rows:
        row["Mode"] = "ro" if row["ReadOnly"] else "rw"
        row["Mode"] += ",required" if row["Required"] and not row["Origin"] else ""
    columns = [name for name in _COLUMNS if name != "Origin" or any(row["Origin"] for row in rows)]
    text = format_rows(
        rows,
        opts.format or r"\t".join("{{." + name + "}}" for name in columns),
        headings={"ShareLayers": "SHARES LAYERS", "ReadOnly": "R/O"},
        noheading=opts.noheading,
        default=not opts.format,
        name="list",
        type_name="imagestores.listReporter",
    )
    ctx.out(text, end="")
    return 0


COMMAND = Command(
    path="imagestore ls",
    summary="List image stores",
    usage="[options]",
    long="Lists the image stores beside the writable one: attached and detached ones, and those that"
    " storage.conf names. An attached store that is not there now is shown as absent.",
    flags=(
        Flag(
            "format",
            type="string",
            usage="Pretty-print image stores to JSON or using a Go template",
            complete="format:Containers,ID,Images,Kind,Mode,Name,Origin,Path,ReadOnly,Reason,Required,"
            "ShareLayers,State,Way,Why",
        ),
        Flag("noheading", "n", usage="Do not print column headings"),
        Flag("quiet", "q", usage="Print the names only"),
    ),
    examples=("imagestore ls", "imagestore ls --format '{{.Name}} {{.State}}'"),
    aliases=("list",),
    max_args=0,
    run=run,
)
