"""``logs``."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Show what containers have written."""
    from ...engine.logs import logs
    from ...errors import UsageError
    from ...model.log import LogOptions
    from ..context import write_all
    from ..selecting import select

    if opts.latest and args:
        raise UsageError("--latest and containers cannot be used together")
    if not opts.latest and not args:
        raise UsageError("specify at least one container name or ID to log")
    options = LogOptions(
        follow=opts.follow,
        since=_time("since", opts.since, later=False) if opts.since else 0.0,
        until=_time("until", opts.until, later=True) if opts.until else 0.0,
        tail=opts.tail,
        timestamps=opts.timestamps,
        names=opts.names,
        color=opts.color,
    )
    targets = select(ctx, args, latest=opts.latest)
    try:
        logs(ctx.rt, [id for _, id in targets], options, write_all)
    except BrokenPipeError:
        return 0  # `logs | head` has seen enough
    return 0


def _time(flag: str, text: str, *, later: bool) -> float:
    from ...errors import UsageError
    from ..units import parse_moment

    try:
        return parse_moment(text, later=later)
    except ValueError as error:
        raise UsageError(f'parsing --{flag} "{text}": unable to interpret time value') from error


COMMAND = Command(
    "logs",
    "Fetch the logs of one or more containers",
    run,
    usage="[options] CONTAINER [CONTAINER...]",
    long=(
        "Retrieves logs for one or more containers.\n\n"
        "  This does not guarantee execution order when combined with polypod run (i.e., your run"
        " may not have generated any logs at the time you execute polypod logs)."
    ),
    flags=(
        Flag("color", usage="Output the containers with different colors in the log"),
        Flag("details", usage="Show extra details provided to the logs", hidden=True),
        Flag("follow", "f", usage="Follow log output"),
        Flag("latest", "l", usage="Act on the latest container polypod is aware of"),
        Flag("names", "n", usage="Output the container name in the log"),
        Flag("since", type="string", usage="Show logs since TIMESTAMP", complete="none"),
        Flag(
            "tail",
            type="int",
            default=-1,
            usage="Output the specified number of LINES at the end of the logs, -1 for all lines",
            complete="none",
        ),
        Flag("timestamps", "t", usage="Output the timestamps in the log"),
        Flag("until", type="string", usage="Show logs until TIMESTAMP", complete="none"),
    ),
    examples=(
        "logs ctrID",
        "logs --names ctrID1 ctrID2",
        "logs --tail 2 mywebserver",
        "logs --follow=true --since 10m ctrID",
        "logs mywebserver mydbserver",
    ),
    complete_args="containers...",
)
