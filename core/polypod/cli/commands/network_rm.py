"""``network rm``."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Remove networks; exit 1 when one is not there, 2 when one is in use."""
    from ...engine.networks import remove_network
    from ...errors import NoSuchNetwork, PolypodError, UsageError

    if opts.changed("time") and not opts.force:
        raise UsageError("--force option must be specified to use the --time option")
    timeout = opts.time if opts.changed("time") else None
    code = 0
    for ref in args:
        try:
            remove_network(ctx.rt, ref, force=opts.force, timeout=timeout)
        except NoSuchNetwork as error:
            if not opts.force:
                ctx.err(f"Error: {error}")
                code = 1
        except PolypodError as error:
            ctx.err(f"Error: {error}")
            code = error.exit_code
        else:
            ctx.out(ref)
    return code


COMMAND = Command(
    path="network rm",
    summary="Remove one or more networks",
    usage="[options] NETWORK [NETWORK...]",
    long="Remove networks",
    flags=(
        Flag("force", "f", usage="remove any containers using network"),
        Flag(
            "time",
            "t",
            "int",
            default=10,
            usage="Seconds to wait for running containers to stop before killing the container",
            aliases=("timeout",),
        ),
    ),
    examples=("network rm mynet", "network rm --force mynet othernet"),
    aliases=("remove",),
    min_args=1,
    complete_args="networks...",
    run=run,
)
