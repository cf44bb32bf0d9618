"""Engine events: noting them, telling observers, and reading what was noted."""

from __future__ import annotations

import os
import time

from ..model.event import Event
from .events_line import encode
from .events_log import append

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from ..model.container import Container
    from .runtime import Runtime


def events_path(rt: Runtime) -> str:
    """The log's path: events_logfile_path of containers.conf, or a place in the volatile directory."""
    return rt.settings.engine.events_logfile_path or os.path.join(rt.tmp_dir, "events", "events.log")


def emit(rt: Runtime, kind: str, status: str, **fields: Any) -> None:
    """Note an event and tell the observers.

    ``fields``: those of :class:`polypod.model.event.Event` other than the time.
    """
    now = time.time_ns()
    event = Event(time=now / 1e9, time_ns=now, type=kind, status=status, **fields)
    engine = rt.settings.engine
    if engine.events_logger != "none":
        try:
            append(events_path(rt), encode(event), engine.events_logfile_max_size)
        except OSError as error:
            _not_noted(rt, event, error)
    rt.observers.event(event)


def _not_noted(rt: Runtime, event: Event, error: OSError) -> None:
    """What has happened has happened: a full disk loses the note of it, not the thing itself."""
    from ..kit.log import warning

    reason = (error.strerror or str(error)).lower()
    warning(
        f"event {event.status} of {event.type} {event.name or event.id} is not noted: {events_path(rt)}: {reason}"
    )


def emit_container(
    rt: Runtime,
    status: str,
    container: Container,
    *,
    exit_code: int | None = None,
    oom_killed: bool | None = None,
    inspect: str = "",
    **attributes: str,
) -> None:
    """Note an event of a container, with its labels as attributes.

    ``exit_code`` and ``oom_killed`` tell how the process that the event is about has ended.
    """
    emit(
        rt,
        "container",
        status,
        id=container.id,
        name=container.name,
        image=container.image.name,
        attributes={**container.labels, **attributes},
        exit_code=exit_code,
        oom_killed=oom_killed,
        inspect=inspect,
    )


def read(
    rt: Runtime, *, since: float = 0.0, until: float = 0.0, filters: Sequence[str] = ()
) -> Iterator[Event]:
    """Events from the log, oldest first, between two Unix times (0 = no bound).

    ``filters`` are ``key=value`` as in podman-events(1): one of each key's values must fit.
    Raises ``UsageError`` for a filter that is none, and where events are not kept.
    """
    from . import events_log

    return _select(rt, events_log.read(_readable(rt)), since, until, filters)


def follow(
    rt: Runtime,
    *,
    since: float | None = None,
    until: float = 0.0,
    filters: Sequence[str] = (),
) -> Iterator[Event]:
    """Events as they happen; with ``since`` first those from that Unix time on.

    Ends at ``until``, or never. Nothing that happens after the call is lost.
    """
    from . import events_log

    found = events_log.follow(_readable(rt), from_start=since is not None, until=until)
    return _select(rt, found, since or 0.0, until, filters)


def _readable(rt: Runtime) -> str:
    from ..errors import UsageError

    if rt.settings.engine.events_logger == "none":
        raise UsageError('cannot read events with the "none" backend')
    return events_path(rt)


def _select(
    rt: Runtime, events: Iterator[Event], since: float, until: float, filters: Sequence[str]
) -> Iterator[Event]:
    from .events_filters import matcher

    fits = matcher(filters)
    return (
        event
        for event in events
        if event.time >= since and (not until or event.time <= until) and fits(event)
    )
