"""``plugin ls``."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...model.plugin import PluginInfo
    from ..context import Context
    from ..parse import Options

FIELDS = ("Group", "Name", "Distribution", "Version", "Status", "Reason", "ChosenBy", "Contract")

_DEFAULT = "{{.Group}}\\t{{.Name}}\\t{{.Distribution}}\\t{{.Version}}\\t{{.Status}}\\t{{.Because}}\n"


def row(plugin: PluginInfo) -> dict[str, Any]:
    """The fields of one plugin, by the names that ``--format`` uses."""
    return {
        "Group": plugin.group,
        "Name": plugin.name,
        "Distribution": plugin.distribution,
        "Version": plugin.version,
        "Status": plugin.status,
        "Reason": plugin.reason,
        "ChosenBy": plugin.chosen_by,
        "Contract": plugin.contract,
        "Target": plugin.target,
    }


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Print one line a plugin."""
    from ...assembly.report import Survey

    survey = Survey(ctx.flags)
    rows = [row(plugin) for plugin in survey.plugins()]
    if opts.filter:
        rows = _filtered(rows, opts.filter)
    if opts.quiet:
        ctx.out("".join(f"{one['Group']}.{one['Name']}\n" for one in rows), end="")
    elif opts.changed("format"):
        _formatted(ctx, rows, opts)
    else:
        from ..render import format_rows

        for one in rows:
            one["Because"] = one["Reason"] or one["ChosenBy"]
        headings = {"Because": "CHOSEN BY, OR REASON"}
        text = format_rows(rows, _DEFAULT, headings=headings, noheading=opts.noheading, default=True)
        ctx.out(text, end="")
    if survey.problem:
        ctx.err(f"Warning: {survey.problem}")
    return 0


def _formatted(ctx: Context, rows: list[dict[str, Any]], opts: Options) -> None:
    from ..render import format_rows, is_json, to_json

    if is_json(opts.format):
        ctx.out(to_json(rows), end="")
    else:
        ctx.out(format_rows(rows, opts.format, noheading=opts.noheading, name="plugin ls"), end="")


def _filtered(rows: list[dict[str, Any]], filters: list[str]) -> list[dict[str, Any]]:
    from ...errors import UsageError

    keys = {"group": "Group", "name": "Name", "status": "Status", "distribution": "Distribution"}
    for text in filters:
        key, equals, value = text.partition("=")
        if key not in keys or not equals:
            raise UsageError(f"invalid filter {text!r}: use one of {'=, '.join(keys)}=")
        rows = [one for one in rows if one[keys[key]] == value]
    return rows


COMMAND = Command(
    "plugin ls",
    "List installed plugins",
    run,
    usage="[options]",
    long=(
        "Lists every installed plugin: its group and name, the package that provides it, whether"
        " it is active, available, unavailable on this host (with the reason) or broken (with the"
        " error), and which file or flag chose it."
    ),
    flags=(
        Flag("filter", "f", type="array", usage="Filter by group=, name=, status=, distribution="),
        Flag("format", type="string", usage="Change the output to JSON or a Go template",
             complete="format:" + ",".join(FIELDS)),
        Flag("noheading", "n", usage="Do not print headers"),
        Flag("quiet", "q", usage="Print group and name only"),
    ),
    examples=("plugin ls", "plugin ls --filter group=state", "plugin ls --format json"),
    max_args=0,
)  # fmt: skip
