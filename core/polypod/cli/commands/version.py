"""``version``: what this program is, in podman's shape."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..context import Context
    from ..parse import Options

_TABLE = (
    ("Client:", "Podman Engine"),
    ("Version:", "Version"),
    ("API Version:", "APIVersion"),
    ("Go Version:", "GoVersion"),
    ("Polypod:", "PolypodVersion"),
    ("Built:", "BuiltTime"),
    ("OS/Arch:", "OsArch"),
)


def facts() -> dict[str, Any]:
    """Return the fields of podman's version report that are known here.

    ``GoVersion`` names the Python that runs: scripts look for the field, and it
    answers the same question. ``Built`` is when this version was installed.
    """
    import os
    import sys
    import time

    from ... import __version__
    from ..main import PODMAN_VERSION

    built = int(os.stat(__file__).st_mtime)
    machine = os.uname().machine
    arch = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}
    return {
        "APIVersion": PODMAN_VERSION,
        "Version": PODMAN_VERSION,
        "GoVersion": "python" + ".".join(map(str, sys.version_info[:3])),
        "GitCommit": "",
        "BuiltTime": time.strftime("%a %b %e %H:%M:%S %Y", time.localtime(built)),
        "Built": built,
        "OsArch": f"linux/{arch.get(machine, machine)}",
        "Os": "linux",
        "PolypodVersion": __version__,
    }


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Print the version as a block, as JSON, or through a template."""
    client = facts()
    if opts.changed("format"):
        from ..render import is_json, render_one

        report = {"Client": client} if is_json(opts.format) else {"Client": client, "Server": None}
        text = render_one(
            report, opts.format, name="version", type_name="*define.Version",
            fallback=client, indent=None,
        )  # fmt: skip
        ctx.out(text, end="")
        return 0
    width = max(len(label) for label, _ in _TABLE) + 2
    lines = [f"{label:{width}}{client.get(key, key)}" for label, key in _TABLE]
    ctx.out("\n".join(lines))
    return 0


COMMAND = Command(
    path="version",
    summary="Display the version information",
    usage="[options]",
    long="Displays the version of this program and of the interfaces that it follows",
    flags=(
        Flag(
            "format",
            "f",
            type="string",
            usage="Change the output format to JSON or a Go template",
            complete="format:Client.APIVersion,Client.Built,Client.BuiltTime,Client.GoVersion,"
            "Client.OsArch,Client.Version",
        ),
    ),
    examples=("version", "version --format '{{.Client.Version}}'"),
    max_args=0,
    run=run,
)
