"""The log of events: appending, rotating, reading, following.

Writers hold ``flock`` on the log. A full one is replaced by a new one that begins with its
younger half between two events ``log-rotation``, as podman does it.
"""

from __future__ import annotations

import fcntl
import os
import time

from ..model.event import Event
from .events_line import encode, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    import io
    from collections.abc import Iterator

_ROTATE = "io.podman.event.rotate"
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC


def append(path: str, line: bytes, limit: int) -> None:
    """Write one line; a log that would become longer than ``limit`` bytes is rotated before (0: never)."""
    fd = _open_locked(path)
    try:
        size = os.fstat(fd).st_size
        if limit and size + len(line) >= limit:
            _rotate(path, fd, size // 2, line)
        else:
            os.write(fd, line)
    finally:
        # Unlocked, not only closed: a child that another thread forked meanwhile has it too.
        fcntl.flock(fd, fcntl.LOCK_UN)
        os.close(fd)


def _open_locked(path: str) -> int:
    while True:
        try:
            fd = os.open(path, _FLAGS, 0o600)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
            continue
        fcntl.flock(fd, fcntl.LOCK_EX)
        if _is_at(fd, path):
            return fd
        os.close(fd)  # rotated while we waited


def _is_at(fd: int, path: str) -> bool:
    try:
        named = os.stat(path)
    except FileNotFoundError:
        return False
    held = os.fstat(fd)
    return (named.st_ino, named.st_dev) == (held.st_ino, held.st_dev)


def _rotate(path: str, fd: int, start: int, line: bytes) -> None:
    """Put a new log with the lines behind ``start`` and ``line`` in the place of the one that is locked."""
    with open(os.dup(fd), "rb") as file:
        file.seek(start)
        file.readline()
        kept = file.read()
    draft = f"{path}.new"
    out = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        for data in (_mark(path, "begin"), kept, _mark(path, "end"), line):
            os.write(out, data)
    finally:
        os.close(out)
    os.replace(draft, path)


def _mark(path: str, which: str) -> bytes:
    now = time.time_ns()
    attributes = {_ROTATE: which}
    return encode(
        Event(
            time=now / 1e9, time_ns=now, type="system", status="log-rotation", name=path,
            attributes=attributes,
        )
    )  # fmt: skip


def read(path: str) -> Iterator[Event]:
    """All events of the log, oldest first; none when there is no log."""
    try:
        file = open(path, "rb")
    except FileNotFoundError:
        return
    with file:
        for line in file:
            event = parse(line)
            if event is not None:
                yield event


def follow(path: str, *, from_start: bool, until: float = 0.0) -> Iterator[Event]:
    """Events as they happen, up to the Unix time ``until`` or for ever.

    The place in the log is taken at the call, so nothing that happens later is lost,
    also when the log is rotated meanwhile.
    """
    os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
    fd = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    file = open(fd, "rb", buffering=0)
    if not from_start:
        file.seek(0, os.SEEK_END)
    return _follow(path, file, until)


def _follow(path: str, file: io.FileIO, until: float) -> Iterator[Event]:
    import select

    from ..kit.inotify import IN_CREATE, IN_MODIFY, IN_MOVED_TO, Inotify

    watch = Inotify()
    rest, last = b"", b""
    try:
        watch.watch(os.path.dirname(path), IN_MODIFY | IN_CREATE | IN_MOVED_TO)
        while True:
            successor = _successor(path, file)
            # Read after that look: what was written before a rotation is in the old file.
            *lines, rest = (rest + file.read()).split(b"\n")
            last = lines[-1] if lines else last
            for line in lines:
                event = parse(line)
                if event is not None:
                    yield event
            if successor is not None:
                file.close()
                file, rest = successor, b""
                _skip_read(file, last)
            elif not lines:
                left = until - time.time() if until else None
                if left is not None and left <= 0:
                    return
                select.select([watch], [], [], left)
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
    if not _is_at(file.fileno(), path):
        return found
    found.close()
    return None


def _skip_read(file: io.FileIO, last: bytes) -> None:
    """Go behind what a rotation has copied and we have read, or at least behind its first mark."""
    data = file.readall()
    if _ROTATE.encode() not in data.partition(b"\n")[0]:
        file.seek(0)
        return
    found = data.find(b"\n" + last + b"\n") if last else -1
    file.seek(found + len(last) + 2 if found >= 0 else data.index(b"\n") + 1)
