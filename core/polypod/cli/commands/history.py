"""``history``: the layers of an image and where they came from."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..context import Context
    from ..parse import Options

_COLUMNS = r"{{.ID}}\t{{.Created}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}"


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Print the history, newest first."""
    from ...engine.images_history import history
    from ..render import format_rows, is_json, to_json

    entries = history(ctx.rt, args[0])
    if is_json(opts.format):
        ctx.out(to_json([_document(entry) for entry in entries], None), end="")
        return 0
    rows = [_row(entry, opts) for entry in entries]
    if opts.quiet:
        ctx.out("".join(f"{row['ID']}\n" for row in rows), end="")
        return 0
    given = opts.changed("format")
    text = format_rows(
        rows, opts.format if given else _COLUMNS, headings={"CreatedBy": "CREATED BY"},
        default=not given, name="history", type_name="images.historyReporter",
    )  # fmt: skip
    ctx.out(text, end="")
    return 0


def _row(entry: dict[str, Any], opts: Options) -> dict[str, Any]:
    import time

    from ...oci.image_config import parse_time
    from ..units import human_duration, human_size

    moment = parse_time(entry["created"] or "")
    whole = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
    since = human_duration(time.time() - moment) + " ago" if opts.human else whole
    made_by = entry["createdBy"]
    if not opts.no_trunc and len(made_by) > 45:
        made_by = made_by[:42] + "..."
    return {
        "ID": entry["id"] if opts.no_trunc or entry["id"][0] == "<" else entry["id"][:12],
        "Created": since,
        "CreatedSince": since,
        "CreatedAt": _local(moment),
        "CreatedBy": made_by,
        "Size": human_size(entry["size"], 3),
        "Comment": entry["comment"],
        "Tags": entry["tags"] or [],
    }


def _local(moment: float) -> str:
    """RFC 3339 in local time, as docker shows it."""
    import time

    local = time.localtime(moment)
    zone = time.strftime("%z", local)
    zone = "Z" if zone == "+0000" else f"{zone[:3]}:{zone[3:]}"
    return time.strftime("%Y-%m-%dT%H:%M:%S", local) + zone


def _document(entry: dict[str, Any]) -> dict[str, Any]:
    created = entry["created"] or "0001-01-01T00:00:00Z"
    document = {"id": entry["id"], "created": created}
    if entry["createdBy"]:
        document["CreatedBy"] = entry["createdBy"]
    if entry["tags"]:
        document["tags"] = entry["tags"]
    document["size"] = entry["size"]
    if entry["comment"]:
        document["comment"] = entry["comment"]
    head, dot, tail = created.partition(".")
    document["Created"] = head + tail.lstrip("0123456789") if dot else created
    return document


COMMAND = Command(
    path="history",
    summary="Show history of a specified image",
    usage="[options] IMAGE",
    long="Displays the history of an image, the newest layer first.",
    flags=(
        Flag(
            "format", type="string", usage="Change the output to JSON or a Go template",
            complete="format:Comment,Created,CreatedAt,CreatedBy,CreatedSince,ID,Size,Tags",
        ),
        Flag("human", "H", default=True, usage="Display sizes and dates in human readable format"),
        Flag(
            "no-trunc", usage="Do not truncate the output", aliases=("notruncate", "noTrunc")
        ),
        Flag("quiet", "q", usage="Display the numeric IDs only"),
    ),
    examples=("history quay.io/fedora/fedora", "history --format json IMAGE"),
    min_args=1,
    max_args=1,
    complete_args="images",
    run=run,
)  # fmt: skip
