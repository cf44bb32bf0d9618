"""``wait``."""

from __future__ import annotations

from ...errors import UsageError
from ..command import Command, Flag
from ..selecting import check_args, is_known, report, select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options

_CONDITIONS = (
    "configured", "created", "exited", "healthy", "initialized", "paused", "removing", "running",
    "stopped", "stopping", "unhealthy", "unknown", "removed",
)  # fmt: skip


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Wait for containers and print their exit codes."""
    from ...engine.wait import ENDED, wait
    from ...errors import PolypodError
    from ..units import parse_duration

    for name in opts.condition:
        if name not in _CONDITIONS:
            raise UsageError(f"unknown container state: {name}: invalid argument")
    interval = 0.25
    if opts.changed("interval"):
        text = opts.interval
        interval = int(text) / 1000 if text.isdigit() else parse_duration(text)
    check_args(args, latest=opts.latest)
    errors: list[Exception] = []
    conditions = tuple(opts.condition) or ENDED
    for name in args if opts.ignore else ():
        if not is_known(ctx, name):
            ctx.out("-1")
    targets = select(ctx, args, latest=opts.latest, ignore=opts.ignore, errors=errors)
    if opts.exit_first_match and targets:
        from ...engine.wait import wait_first

        ctx.out(str(wait_first(ctx.rt, [id for _, id in targets], conditions, interval)))
        return report(ctx, errors)
    for _, container_id in targets:
        try:
            ctx.out(str(wait(ctx.rt, container_id, conditions, interval)))
        except PolypodError as error:
            errors.append(error)
    return report(ctx, errors)


COMMAND = Command(
    "wait",
    "Block on one or more containers",
    run,
    usage="[options] CONTAINER [CONTAINER...]",
    long="Block until one or more containers stop and then print their exit codes.",
    flags=(
        Flag("condition", type="array", usage="Condition to wait on", complete="values:" + ",".join(_CONDITIONS)),
        Flag("exit-first-match", usage="Wait for exit of first container which matches conditions, ignore other ones"),
        Flag("ignore", usage="Ignore if a container does not exist"),
        Flag("interval", "i", "string", default="250ms", usage="Time Interval to wait before polling for completion"),
        Flag("latest", "l", usage="Act on the latest container polypod is aware of"),
    ),
    examples=("wait --interval 5s ctrID", "wait ctrID1 ctrID2"),
    complete_args="containers...",
)  # fmt: skip
