"""Engine events: an append-only file, one JSON object a line, as podman's file backend has it.

Keys: ``ID``, ``Image``, ``Name``, ``Status``, ``Time`` (RFC 3339), ``Type``, ``Attributes``,
``ContainerExitCode``.
"""

from __future__ import annotations

import os
import time

from ..kit.fastjson import dumps, loads
from ..model.event import Event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ..model.container import Container
    from .runtime import Runtime

ROTATE_BYTES = 1_000_000


def events_path(rt: Runtime) -> str:
    """The log's path, in the volatile directory."""
    return os.path.join(rt.tmp_dir, "events", "events.log")


def emit(rt: Runtime, kind: str, status: str, **fields: Any) -> None:
    """Note an event and tell the observers.

    ``fields``: id, name, image, attributes (dict of strings).
    """
    event = Event(time=time.time(), type=kind, status=status, **fields)
    if rt.settings.engine.events_logger != "none":
        _append(events_path(rt), event)
    rt.observers.event(event)


def emit_container(rt: Runtime, status: str, container: Container, **attributes: str) -> None:
    """Note an event of a container, with its labels as attributes."""
    emit(
        rt,
        "container",
        status,
        id=container.id,
        name=container.name,
        image=container.image.name,
        attributes={**container.labels, **attributes},
    )


def _append(path: str, event: Event) -> None:
    line = (dumps(event.to_dict()) + "\n").encode()
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    try:
        fd = os.open(path, flags, 0o600)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        fd = os.open(path, flags, 0o600)
    try:
        # One write call with O_APPEND: lines of concurrent writers never mix.
        os.write(fd, line)
        if os.fstat(fd).st_size > ROTATE_BYTES:
            os.replace(path, path + ".1")
    finally:
        os.close(fd)


def read(rt: Runtime, *, since: float = 0.0, until: float = 0.0) -> Iterator[Event]:
    """Events from the log, oldest first, between two Unix times (0 = no bound)."""
    path = events_path(rt)
    for name in (path + ".1", path):
        try:
            file = open(name, "rb")
        except FileNotFoundError:
            continue
        with file:
            for line in file:
                event = parse(line)
                if event is None or event.time < since or (until and event.time > until):
                    continue
                yield event


def follow(rt: Runtime, *, since: float | None = None) -> Iterator[Event]:
    """Events as they happen, for ever; with ``since`` first those from that Unix time on.

    The place in the log is taken at the call, so nothing that happens later is lost.
    """
    path = events_path(rt)
    os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
    end = os.stat(path).st_size if os.path.exists(path) else 0
    earlier = list(read(rt, since=since)) if since is not None else []
    return _follow(path, end, earlier)


def _follow(path: str, position: int, earlier: list[Event]) -> Iterator[Event]:
    import select

    from ..kit.inotify import IN_CREATE, IN_MODIFY, IN_MOVED_TO, Inotify

    watch = Inotify()
    try:
        watch.watch(os.path.dirname(path), IN_MODIFY | IN_CREATE | IN_MOVED_TO)
        yield from earlier
        while True:
            position, lines = _after(path, position)
            for line in lines:
                event = parse(line)
                if event is not None:
                    yield event
            if not lines:
                select.select([watch], [], [])
                watch.drain()
    finally:
        watch.close()


def _after(path: str, position: int) -> tuple[int, list[bytes]]:
    """Whole lines behind a place in the log; a log that is shorter now was rotated."""
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size < position:
                position = 0
            file.seek(position)
            data = file.read()
    except FileNotFoundError:
        return 0, []
    whole = data[: data.rfind(b"\n") + 1]
    return position + len(whole), whole.splitlines()


def parse(line: bytes) -> Event | None:
    """One line of the log; None for one that a crash cut short."""
    try:
        return Event.from_dict(loads(line))
    except (ValueError, TypeError):
        return None
