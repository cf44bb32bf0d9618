"""``events``."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ...model.event import Event
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Show events, past ones and as they happen."""
    from ...engine.events import follow, read
    from ...errors import UsageError
    from ..units import parse_moment

    try:
        since = parse_moment(opts.since, later=False) if opts.since else None
        until = parse_moment(opts.until, later=True) if opts.until else 0.0
    except ValueError as error:
        raise UsageError(f"failed to parse event filters: {error}") from error
    show = _shower(opts)
    if opts.stream:
        start = 0.0 if since is None and until else since
        found = follow(ctx.rt, since=start, until=until, filters=opts.filter)
    else:
        found = read(ctx.rt, since=since or 0.0, until=until, filters=opts.filter)
    try:
        for event in found:
            ctx.out(show(event), end="")
    except (BrokenPipeError, KeyboardInterrupt):
        return 0  # whoever reads has seen enough
    return 0


def _shower(opts: Options) -> Callable[[Event], str]:
    from ..render import is_json, render_one

    if not opts.changed("format"):
        return lambda event: _line(event, opts.no_trunc) + "\n"
    if is_json(opts.format):
        from ...kit.fastjson import dumps

        return lambda event: dumps({k: v for k, v in _fields(event).items() if _shown(k, v)}) + "\n"
    return lambda event: render_one(
        _fields(event), opts.format, name="events", type_name="system.Event", aliases=_ALIASES
    )


def _line(event: Event, whole: bool) -> str:
    """The event in a line of words, as podman has it."""
    from ...engine.volumes_time import rfc3339_ns
    from ..render import GoTime

    stamp = GoTime(rfc3339_ns(event.time_ns)).go_text()
    id = event.id if whole else event.id[:12]
    words = f"{stamp} {event.type} {event.status}"
    extra = "".join(f", {key}={value}" for key, value in event.attributes.items())
    if event.type in ("container", "pod"):
        return f"{words} {id} (image={event.image}, name={event.name}{extra})"
    if event.type == "network":
        if event.status in ("create", "remove"):
            return f"{words} {event.id} (name={event.network}, type={event.attributes.get('driver', '')})"
        return f"{words} {id} (container={id}, name={event.network})"
    if event.type in ("image", "artifact"):
        return f"{words} {id} {event.name}" + (f" {event.error}" if event.error else "")
    if event.type == "secret":
        return f"{words} {id}"
    return f"{words} {event.name}" if event.name else words


_ALIASES = {"Network": "network", "Time": "time", "TimeNano": "timeNano", "HealthStatus": "health_status"}


def _fields(event: Event) -> dict[str, Any]:
    return {
        "ContainerExitCode": event.exit_code,
        "OOMKilled": event.oom_killed,
        "ID": event.id,
        "Image": event.image,
        "Name": event.name,
        "network": event.network,
        "Status": event.status,
        "time": int(event.time_ns // 1_000_000_000),
        "timeNano": event.time_ns,
        "Type": event.type,
        "health_status": "",
        "Error": event.error,
        "ContainerInspectData": event.inspect,
        "PodID": "",
        "Attributes": event.attributes or None,
    }


def _shown(key: str, value: Any) -> bool:
    """JSON leaves out what is empty, but for these."""
    return key in ("Status", "Type", "Attributes") or (value is not None and value != "")


COMMAND = Command(
    "events",
    "Show polypod system events",
    run,
    usage="[options]",
    long=(
        "Monitor and print events that occur: to containers, images, volumes, networks and artifacts.\n\n"
        "  By default new events are printed as they come. With --since and --until earlier ones are"
        " shown too, and --stream=false ends after the last one known."
    ),
    flags=(
        Flag(
            "filter",
            "f",
            "array",
            usage="Filter output",
            complete="values:container=,event=,image=,label=,type=,volume=",
        ),
        Flag("format", type="string", usage="Format the output using a Go template", complete="values:json"),
        Flag("no-trunc", default=True, usage="Do not truncate the output"),
        Flag("since", type="string", usage="Show all events created since timestamp", complete="none"),
        Flag(
            "stream",
            default=True,
            usage="Stream events and do not exit when returning the last known event",
        ),
        Flag("until", type="string", usage="Show all events until timestamp", complete="none"),
    ),
    examples=(
        "events",
        "events --filter event=create",
        "events --since 5m --stream=false --format json",
    ),
    max_args=0,
)
