"""``system connection list``: the remote services of podman's configuration, for information."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..context import Context
    from ..parse import Options

_TEMPLATE = r"{{.Name}}\t{{.URI}}\t{{.Identity}}\t{{.Default}}\t{{.ReadWrite}}"
_HEADINGS = {"ReadWrite": "ReadWrite"}


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """List the connections; this program itself works on the local host only."""
    from ..render import format_rows, is_json, to_json

    rows = connections()
    if opts.quiet:
        ctx.out("".join(f"{row['Name']}\n" for row in rows), end="")
    elif is_json(opts.format):
        ctx.out(to_json(rows), end="")
    else:
        text = format_rows(
            rows, opts.format or _TEMPLATE, default=not opts.format, name="list",
            type_name="config.Connection", headings=_HEADINGS,
        )  # fmt: skip
        ctx.out(text, end="")
    return 0


def connections() -> list[dict[str, Any]]:
    """The connections that podman knows, as rows."""
    import os

    from ...config.paths import config_home
    from ...errors import ConfigError
    from ...kit.fastjson import loads

    path = os.environ.get("PODMAN_CONNECTIONS_CONF") or os.path.join(
        config_home(os.environ), "containers/podman-connections.json"
    )
    try:
        with open(path, encoding="utf-8") as stream:
            document = loads(stream.read()).get("Connection") or {}
    except FileNotFoundError:
        return []
    except (OSError, ValueError, AttributeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    known: dict[str, dict[str, Any]] = document.get("Connections") or {}
    return [
        {
            "Name": name,
            "URI": known[name].get("URI", ""),
            "Identity": known[name].get("Identity", ""),
            "IsMachine": bool(known[name].get("IsMachine", False)),
            "Default": name == document.get("Default"),
            "ReadWrite": True,
        }
        for name in sorted(known)
    ]


COMMAND = Command(
    path="system connection list",
    summary="List destinations of remote services",
    usage="[options]",
    long=(
        "Lists the remote services that podman was told of. They are of use to podman alone: "
        "this program works on the local host."
    ),
    flags=(
        Flag(
            "format",
            "f",
            type="string",
            usage="Change the output format to JSON or a Go template",
            complete="format:Name,URI,Identity,Default,ReadWrite",
        ),
        Flag("quiet", "q", usage="Show the names only"),
    ),
    examples=(
        "system connection list",
        "system connection ls --format json",
        "system connection ls --format '{{.Name}}'",
    ),
    max_args=0,
    run=run,
)
