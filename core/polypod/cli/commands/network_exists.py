"""``network exists``: answers with the exit code."""

from __future__ import annotations

from ..command import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Return 0 when the network is there, 1 when not."""
    from ...engine.networks import network_exists

    return 0 if network_exists(ctx.rt, args[0]) else 1


COMMAND = Command(
    path="network exists",
    summary="Check if network exists",
    usage="NETWORK",
    long="If the named network exists, the exit code is 0, otherwise 1.",
    examples=("network exists mynet", "network exists mynet && echo there"),
    min_args=1,
    max_args=1,
    complete_args="networks",
    run=run,
)
