"""``images``, ``image list``: the images of the local store."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..context import Context
    from ..parse import Options

_SORTS = ("created", "id", "repository", "size", "tag")
_HEADINGS = {"ID": "IMAGE ID", "ReadOnly": "R/O"}
_NONE = "<none>"


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """List images as a table, as JSON, through a template, or as IDs."""
    from ...engine.images_list import list_images
    from ...errors import UsageError
    from ..render import format_rows, is_json, to_json

    if opts.sort not in _SORTS:
        raise UsageError(
            f'invalid argument "{opts.sort}" for "--sort" flag: "{opts.sort}" is not a valid value.'
            f" Choose from: {', '.join(_SORTS)}"
        )
    if opts.filter and args:
        raise UsageError("cannot specify an image and a filter(s)")
    filters = [*opts.filter, *(f"reference={name}" for name in args)]
    # Only templates and JSON show what must be read from each image's own documents.
    summaries = list_images(ctx.rt, filters, all=opts.all, brief=not opts.changed("format"))
    rows = _sorted(_rows(summaries, opts.no_trunc), opts.sort)
    if is_json(opts.format):
        ctx.out(to_json([_document(row) for row in rows]), end="")
        return 0
    if opts.quiet:
        ids = list(dict.fromkeys(row["ID"] for row in rows))
        ctx.out("".join(f"{id}\n" for id in ids), end="")
        return 0
    given = opts.changed("format")
    template = opts.format if given else _template(opts, rows)
    text = format_rows(
        rows, template, headings=_HEADINGS, noheading=opts.noheading, default=not given,
        name="images", type_name="images.imageReporter",
    )  # fmt: skip
    ctx.out(text, end="")
    return 0


def _template(opts: Options, rows: list[dict[str, Any]]) -> str:
    columns = ["{{.Repository}}", "{{.Tag}}"]
    if opts.digests:
        columns.append("{{.Digest}}")
    columns += ["{{.ID}}", "{{.Created}}", "{{.Size}}"]
    if opts.history:
        columns.append("{{.History}}")
    if any(row["ReadOnly"] for row in rows):
        columns.append("{{.ReadOnly}}")
    if any(row["Store"] for row in rows):
        columns.append("{{.Store}}")
    return r"\t".join(columns)


def _rows(summaries: list[dict[str, Any]], no_trunc: bool) -> list[dict[str, Any]]:
    """One row a name; an image without a tag has one row."""
    rows = []
    for summary in summaries:
        for repository, tag in _names(summary.get("Names") or []):
            rows.append(_row(summary, repository, tag, no_trunc))
    return rows


def _names(names: list[str]) -> list[tuple[str, str]]:
    from ...oci.reference import parse

    parsed = [parse(name) for name in names]
    tagged = [(ref.name, ref.tag) for ref in parsed if ref.tag]
    # A digest is shown only when the image has no better name.
    return tagged or [(ref.name, _NONE) for ref in parsed[:1]] or [(_NONE, _NONE)]


def _row(summary: dict[str, Any], repository: str, tag: str, no_trunc: bool) -> dict[str, Any]:
    import time

    from ..units import human_duration, human_size

    created = summary["Created"]
    since = human_duration(time.time() - created) + " ago"
    at = time.strftime("%Y-%m-%d %H:%M:%S +0000 UTC", time.gmtime(created))
    dangling, read_only = summary.get("Dangling", False), summary.get("ReadOnly", False)
    size = summary["Size"]
    return {
        "Repository": repository,
        "Tag": tag,
        "ID": f"sha256:{summary['Id']}" if no_trunc else summary["Id"][:12],
        "Id": summary["Id"],
        "ParentId": summary["ParentId"],
        "RepoTags": summary.get("Names") or [],
        "RepoDigests": summary["RepoDigests"],
        "Created": since,
        "CreatedSince": since,
        "CreatedAt": at,
        "CreatedTime": at,
        "Size": human_size(size, 3, space=True) if size >= 0 else "<damaged>",
        "SharedSize": 0,
        "VirtualSize": summary["VirtualSize"],
        "Labels": summary["Labels"] or {},
        "Containers": summary["Containers"],
        "ReadOnly": read_only,
        "IsReadOnly": read_only,
        "Store": summary.get("Store", "") + (" (detached)" if summary.get("Detached") else ""),
        "Detached": summary.get("Detached", False),
        "Dangling": dangling,
        "IsDangling": dangling,
        "Names": summary.get("Names") or [],
        "Digest": summary.get("Digest", ""),
        "History": ", ".join(summary.get("History") or []),
        "_summary": summary,
    }


def _sorted(rows: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    if key == "created":
        return sorted(rows, key=lambda row: -row["_summary"]["Created"])
    if key == "size":
        return sorted(rows, key=lambda row: int(row["_summary"]["Size"]))
    if key == "repository":
        return sorted(rows, key=lambda row: (row["Repository"], row["Tag"]))
    return sorted(rows, key=lambda row: str(row["Id" if key == "id" else "Tag"]))


def _document(row: dict[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = row["_summary"]
    return {**document, "Repository": row["Repository"], "Tag": row["Tag"]}


COMMAND = Command(
    path="images",
    summary="List images in local storage",
    usage="[options] [IMAGE]",
    long="Lists images previously pulled to the system or created on the system.",
    flags=(
        Flag("all", "a", usage="Show all images (default hides intermediate images)"),
        Flag("digests", usage="Show digests"),
        Flag(
            "filter", "f", type="array", usage="Filter output based on conditions provided",
            complete="values:after=,before=,containers=,dangling=,digest=,id=,intermediate=,label=,"
            "manifest=,readonly=,reference=,since=,until=",
        ),
        Flag(
            "format", type="string", usage="Change the output format to JSON or a Go template",
            complete="format:Containers,Created,CreatedAt,CreatedSince,CreatedTime,Dangling,Detached,Digest,"
            "History,ID,Id,IsDangling,IsReadOnly,Labels,Names,ParentId,ReadOnly,RepoDigests,"
            "Repository,RepoTags,SharedSize,Size,Store,Tag,VirtualSize",
        ),
        Flag("history", usage="Display the image name history"),
        Flag("no-trunc", usage="Do not truncate output", aliases=("notruncate",)),
        Flag("noheading", "n", usage="Do not print column headings"),
        Flag("quiet", "q", usage="Display only image IDs"),
        Flag(
            "sort", type="string", default="created",
            usage="Sort by created, id, repository, size, or tag",
            complete="values:created,id,repository,size,tag",
        ),
    ),
    examples=(
        "images --format json",
        'images --sort repository --format "table {{.ID}} {{.Repository}} {{.Tag}}"',
        "images --filter dangling=true",
    ),
    max_args=1,
    complete_args="images",
    run=run,
)  # fmt: skip
