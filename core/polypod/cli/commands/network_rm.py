"""``network rm``."""

from __future__ import annotations

from ...errors import NoSuchNetwork
from ..command import Command, Flag
from ..removing import remove_each, stop_timeout, time_flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Remove networks; exit 1 when one is not there, 2 when one is in use."""
    from ...engine.networks import remove_network

    timeout = stop_timeout(opts)

    def remove(ref: str) -> str:
        remove_network(ctx.rt, ref, force=opts.force, timeout=timeout)
        return ref

    return remove_each(ctx, args, remove, missing=NoSuchNetwork, force=opts.force)


COMMAND = Command(
    path="network rm",
    summary="Remove one or more networks",
    usage="[options] NETWORK [NETWORK...]",
    long="Remove networks",
    flags=(
        Flag("force", "f", usage="remove any containers using network"),
        time_flag(),
    ),
    examples=("network rm mynet", "network rm --force mynet othernet"),
    aliases=("remove",),
    min_args=1,
    complete_args="networks...",
    run=run,
)
