"""``network inspect``."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Print the networks as a JSON list, or each through a template; unknown ones are told."""
    from ...engine.networks import inspect_network
    from ...errors import NoSuchNetwork
    from ...model.network import Network
    from ..network_rows import template_row
    from ..render import is_json, render_one, to_json

    found, missing = [], []
    for ref in args:
        try:
            found.append(inspect_network(ctx.rt, ref))
        except NoSuchNetwork as error:
            missing.append(f"network {ref}: {error}")
    if opts.format and not is_json(opts.format):
        for document in found:
            row = template_row(Network.from_dict(document))
            row["Containers"] = document["containers"]
            text = render_one(
                row, opts.format, name="inspect", type_name="entities.NetworkInspectReport"
            )
            ctx.out(text, end="")
    else:
        ctx.out(to_json(found, 5), end="")
    for text in missing:
        ctx.err(f"Error: inspecting object: {text}")
    return 125 if missing else 0


COMMAND = Command(
    path="network inspect",
    summary="Inspect one or more networks",
    usage="[options] NETWORK [NETWORK...]",
    long="Displays the network configuration for one or more networks.",
    flags=(
        Flag(
            "format",
            "f",
            "string",
            usage="Pretty-print network to JSON or using a Go template",
            complete="format:.Containers,.Created,.DNSEnabled,.Driver,.ID,.IPAMOptions,"
            ".IPv6Enabled,.Internal,.Labels,.Name,.NetworkInterface,.Options,.Routes,.Subnets",
        ),
    ),
    examples=("network inspect podman", "network inspect --format '{{.ID}}' mynet"),
    min_args=1,
    complete_args="networks...",
    run=run,
)
