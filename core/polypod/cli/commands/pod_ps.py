"""``pod ps``: the list of pods, empty as yet."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options

_COLUMNS = ("Id", "Name", "Status", "Created", "InfraID", "NumberOfContainers")
_HEADINGS = {
    "Id": "POD ID", "ID": "POD ID", "InfraID": "INFRA ID", "NumberOfContainers": "# OF CONTAINERS",
}  # fmt: skip


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Print the heading of an empty table, or nothing, or an empty JSON list."""
    from ..render import format_rows, is_json, to_json

    if opts.quiet:
        return 0
    if is_json(opts.format):
        ctx.out(to_json([], 2), end="")
        return 0
    text = format_rows(
        [],
        opts.format or r"\t".join("{{." + column + "}}" for column in _COLUMNS),
        headings=_HEADINGS,
        noheading=opts.noheading,
        default=not opts.format,
        name="list",
        type_name="pods.ListPodReporter",
    )
    ctx.out(text, end="")
    return 0


COMMAND = Command(
    path="pod ps",
    summary="List pods",
    usage="[options]",
    long="Lists pods. Pods are not supported yet, so there are none.",
    flags=(
        Flag("ctr-ids", usage="Display the IDs of the containers of pods"),
        Flag("ctr-names", usage="Display the names of the containers of pods"),
        Flag("ctr-status", usage="Display the status of the containers of pods"),
        Flag("filter", "f", "array", usage="Filter output based on conditions given"),
        Flag("format", type="string", usage="Pretty-print pods to JSON or using a Go template"),
        Flag("latest", "l", usage="Show the latest pod polypod is aware of"),
        Flag("no-trunc", usage="Do not truncate pod and container IDs"),
        Flag("noheading", "n", usage="Do not print headers"),
        Flag("ns", usage="Display namespace information of the pod"),
        Flag("quiet", "q", usage="Print the numeric IDs of the pods only"),
        Flag("sort", type="string", default="created", usage="Sort output by: created, id, name, number, status"),
    ),
    examples=("pod ps", "pod ps --format json"),
    aliases=("ls", "list"),
    max_args=0,
    run=run,
)  # fmt: skip
