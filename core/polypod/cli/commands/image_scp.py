"""``image scp``."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Copy an image to or from another host."""
    from ...engine.images_copy import quiet
    from ...engine.images_scp import FORMATS, scp
    from ...errors import UsageError

    if opts.format not in FORMATS:
        raise UsageError(
            f'invalid argument "{opts.format}" for "--format" flag: "{opts.format}" is not a valid '
            f"value.  Choose from: {', '.join(FORMATS)}"
        )
    progress = quiet if opts.quiet else ctx.err
    target = args[1] if len(args) > 1 else ""
    for name in scp(ctx.rt, args[0], target, opts.format, progress, _destinations()):
        ctx.out(f"Loaded image: {name}")
    return 0


def _destinations() -> dict[str, tuple[str, str]]:
    """podman's connections by name: URI and identity file."""
    from .system_connection_list import connections

    return {row["Name"]: (row["URI"], row["Identity"]) for row in connections()}


COMMAND = Command(
    path="image scp",
    summary="Securely copy images",
    usage="[options] [HOST::]IMAGE [HOST::]",
    long="Copies an image to or from another host, or between two: ssh runs podman (or polypod) save\n"
    "  or load there. HOST is what ssh takes, host, user@host or ssh://user@host:port, a connection's\n"
    "  name, or user@localhost for the store of another user of this host.",
    flags=(
        Flag(
            "format", type="string", default="docker-archive",
            usage="Format of the archive that travels: docker-archive, oci-archive",
            complete="values:docker-archive,oci-archive",
        ),
        Flag("quiet", "q", usage="Suppress the output"),
    ),
    examples=(
        "image scp alpine root@server::",
        "image scp server::alpine",
        "image scp root@localhost::alpine user@localhost::",
    ),
    min_args=1,
    max_args=2,
    complete_args="images",
    run=run,
)  # fmt: skip
