"""``port``."""

from __future__ import annotations

from ...errors import InvalidState, UsageError
from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """List published ports."""
    from ...engine.listing import list_containers
    from ...engine.ports import port_lines
    from ..selecting import select

    if not args and not opts.all and not opts.latest:
        raise UsageError("you must supply a running container name or id")
    if opts.all and opts.latest:
        raise UsageError("--all and --latest cannot be used together")
    if opts.all:
        for row in list_containers(ctx.rt, all=False):
            container = ctx.rt.records.containers.get(row.id)
            for line in port_lines(container.network.ports):
                ctx.out(f"{row.id[:12]}\t{line}")
        return 0
    names, wanted = ([], args) if opts.latest else (args[:1], args[1:])
    container_id = select(ctx, names, latest=opts.latest)[0][1]
    container = ctx.rt.records.containers.get(container_id)
    if ctx.rt.records.containers.state(container_id)[0].status not in ("running", "paused"):
        raise InvalidState(f"container {container.name} is not running: container state improper")
    for line in port_lines(container.network.ports, wanted[0] if wanted else ""):
        ctx.out(line)
    return 0


COMMAND = Command(
    "port",
    "List port mappings or a specific mapping for the container",
    run,
    usage="[options] CONTAINER [PORT]",
    long="List port mappings for the CONTAINER, or look up the public-facing port that is NAT-ed to the PRIVATE_PORT.",
    flags=(
        Flag("all", "a", usage="Display port information for all containers"),
        Flag("latest", "l", usage="Act on the latest container polypod is aware of"),
    ),
    examples=("port --all", "port ctrID 80/tcp"),
    max_args=2,
    complete_args="containers",
)  # fmt: skip
