"""``search``: images in registries, and the tags of one."""

from __future__ import annotations

from ...errors import UsageError
from ..command import Command, Flag
from ..registry_flags import AUTHFILE, CERT_DIR, CREDS, TLS_VERIFY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...registry.search import Row
    from ..context import Context
    from ..parse import Options

_COLUMNS = r"{{.Name}}\t{{.Description}}"
_MORE = r"\t{{.Stars}}\t{{.Official}}\t{{.Automated}}"
_TAGS = r"{{.Name}}\t{{.Tag}}"


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Ask the registries and print what they have."""
    from ...registry import conf
    from ...registry import search as registry_search
    from ..registry_flags import access_of
    from ..render import format_rows, is_json, to_json

    if opts.list_tags and opts.filter:
        raise UsageError("filters are not applicable to list tags result")
    filters = registry_search.parse_filters(opts.filter)
    access = access_of(ctx, opts)
    registries = conf.load(access.registries_conf)
    if opts.list_tags:
        found = registry_search.tags(args[0], access, registries, limit=opts.limit)
    else:
        found = registry_search.search(
            args[0], access, registries, limit=opts.limit, filters=filters
        )
    if not found:
        return 0
    as_json = is_json(opts.format)
    rows = [_row(row, opts.no_trunc or as_json) for row in found]
    if as_json:
        ctx.out(to_json(_by_name(rows) if opts.list_tags else rows), end="")
        return 0
    given = opts.changed("format")
    own = _TAGS if opts.list_tags else _COLUMNS + _MORE * opts.compatible
    text = format_rows(
        rows, opts.format if given else own, default=not given, name="search",
        type_name="entities.ImageSearchReport",
    )  # fmt: skip
    ctx.out(text, end="")
    return 0


def _row(row: Row, whole: bool) -> dict[str, Any]:
    """The fields of podman's report, in its order."""
    description = row.description.replace("\n", " ")
    if len(description) > 44 and not whole:
        description = description[:44].strip() + "..."
    return {
        "Index": row.index,
        "Name": row.name,
        "Description": description,
        "Stars": row.stars,
        "Official": "[OK]" if row.official else "",
        "Automated": "[OK]" if row.automated else "",
        "Tag": row.tag,
    }


def _by_name(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One object a repository, with all its tags."""
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["Name"], []).append(row["Tag"])
    return [{"Name": name, "Tags": tags} for name, tags in found.items()]


COMMAND = Command(
    path="search",
    summary="Search registry for image",
    usage="[options] TERM",
    long="Searches a registry (TERM is HOST/WORD) or all unqualified-search registries for images.\n"
    "  A registry without a search of its own is asked for its catalog.",
    flags=(
        AUTHFILE,
        CERT_DIR,
        Flag("compatible", usage="List stars, official and automated columns (Docker compatibility)"),
        CREDS,
        Flag("filter", "f", "array", usage="Filter output based on conditions provided",
             complete="values:is-official=,is-automated=,stars="),
        Flag("format", type="string", usage="Change the output format to JSON or a Go template",
             complete="format:Automated,Description,Index,Name,Official,Stars,Tag"),
        Flag("limit", type="int", usage="Limit the number of results", complete="none"),
        Flag("list-tags", usage="List the tags of the input registry"),
        Flag("no-trunc", usage="Do not truncate the output"),
        TLS_VERIFY,
    ),
    examples=("search --filter=is-official --limit 3 alpine", "search registry.example.com/",
              "search --list-tags registry.example.com/team/app"),
    min_args=1,
    max_args=1,
    complete_args="none",
    run=run,
)  # fmt: skip
