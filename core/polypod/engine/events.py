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
    import io
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

    The place in the log is taken at the call, so nothing that happens later is lost,
    also when the log is rotated meanwhile.
    """
    path = events_path(rt)
    os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
    fd = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    file = open(fd, "rb", buffering=0)
    earlier: list[Event] = []
    if since is None:
        file.seek(0, os.SEEK_END)
    else:
        earlier = _events_of(path + ".1", since)
    return _follow(path, file, since or 0.0, earlier)


def _events_of(path: str, since: float) -> list[Event]:
    try:
        with open(path, "rb") as file:
            return [event for line in file if (event := parse(line)) and event.time >= since]
    except FileNotFoundError:
        return []


def _follow(path: str, file: io.FileIO, since: float, earlier: list[Event]) -> Iterator[Event]:
    import select

    from ..kit.inotify import IN_CREATE, IN_MODIFY, IN_MOVED_TO, Inotify

    watch = Inotify()
    rest = b""
    try:
        watch.watch(os.path.dirname(path), IN_MODIFY | IN_CREATE | IN_MOVED_TO)
        yield from earlier
        while True:
            successor = _successor(path, file)
            # Read after that look: what was written before a rotation is in the old file.
            *lines, rest = (rest + file.read()).split(b"\n")
            for line in lines:
                event = parse(line)
                if event is not None and event.time >= since:
                    yield event
            if successor is not None:
                file.close()
                file, rest = successor, b""
            elif not lines:
                select.select([watch], [], [])
                watch.drain()
    finally:
        file.close()
        watch.close()


def _successor(path: str, file: io.FileIO) -> io.FileIO | None:
    """The log that has taken the place of this one, None while it has not."""
    try:
        found = open(path, "rb", buffering=0)
    except FileNotFoundError:
        return None
    if os.fstat(found.fileno()).st_ino != os.fstat(file.fileno()).st_ino:
        return found
    found.close()
    return None


def parse(line: bytes) -> Event | None:
    """One line of the log; None for one that a crash cut short."""
    try:
        return Event.from_dict(loads(line))
    except (ValueError, TypeError):
        return None
