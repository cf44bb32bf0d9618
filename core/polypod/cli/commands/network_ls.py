"""``network ls``."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Print the networks as a table, names, JSON or through a template."""
    from ...engine.networks import list_networks
    from ..network_rows import labels_text, template_row
    from ..render import format_rows, is_json, to_json

    networks = list_networks(ctx.rt, opts.filter)
    if opts.quiet:
        ctx.out("".join(f"{network.name}\n" for network in networks), end="")
        return 0
    if is_json(opts.format):
        ctx.out(to_json([network.document() for network in networks], 2), end="")
        return 0
    length = 64 if opts.no_trunc else 12
    rows = []
    for network in networks:
        row = template_row(network)
        row.update(ID=network.id[:length], Labels=labels_text(network.labels))
        rows.append(row)
    text = format_rows(
        rows,
        opts.format or "{{.ID}}\\t{{.Name}}\\t{{.Driver}}",
        headings={"ID": "NETWORK ID"},
        noheading=opts.noheading,
        default=not opts.format,
        name="list",
        type_name="networks.ListPrintReports",
    )
    ctx.out(text, end="")
    return 0


COMMAND = Command(
    path="network ls",
    summary="List networks",
    usage="[options]",
    long="List networks",
    flags=(
        Flag("filter", "f", "array", usage="Provide filter values (e.g. 'name=podman')"),
        Flag(
            "format",
            type="string",
            usage="Pretty-print networks to JSON or using a Go template",
            complete="format:.Created,.DNSEnabled,.Driver,.ID,.IPAMOptions,.IPv6Enabled,.Internal,"
            ".Labels,.Name,.NetworkInterface,.Options,.Subnets",
        ),
        Flag("no-trunc", usage="Do not truncate the network ID"),
        Flag("noheading", "n", usage="Do not print headers"),
        Flag("quiet", "q", usage="display only names"),
    ),
    examples=("network ls", "network ls --filter driver=macvlan", "network ls --format json"),
    aliases=("list",),
    max_args=0,
    run=run,
)
