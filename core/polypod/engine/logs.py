"""``logs``: what containers have written, and with ``follow`` what they go on writing."""

from __future__ import annotations

import os
import select
from time import time

from ..errors import PolypodError
from ..model.log import LogLine
from .log_file import LogFile, parse
from .states import LIVE
from .sync import refresh

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ..kit.inotify import Inotify
    from ..model.container import Container
    from ..model.log import LogOptions
    from .log_file import Entry
    from .log_journal import Journal
    from .runtime import Runtime

_COLORS = (37, 31, 33, 34, 35, 36, 32)
_STREAM_NAMES = {1: "stdout", 2: "stderr"}
#: How long a monitor may take to write its last lines when the container has ended, in seconds.
_GRACE = 5.0


def logs(
    rt: Runtime,
    ids: Sequence[str],
    options: LogOptions,
    write: Callable[[int, bytes], object],
) -> None:
    """Write the logs of containers, as ``podman logs`` shows them.

    ``write(stream, data)`` gets the bytes for stdout (1) or stderr (2). With ``follow`` it
    returns when all containers have ended, or at ``options.until``.
    """
    sources = [_Source(rt, rt.records.containers.get(id)) for id in ids]
    multi = len(sources) > 1
    looks = [
        _Look(source.container, options, multi, number) for number, source in enumerate(sources)
    ]
    for number, entries in _read(sources, options):
        for stream, data in looks[number].render(entries):
            write(stream, data)


def lines(rt: Runtime, id: str, options: LogOptions) -> Iterator[LogLine]:
    """The same for programs: one container's log, line by line."""
    source = _Source(rt, rt.records.containers.get(id))
    for _, entries in _read([source], options):
        for stream, when, partial, text in entries:
            yield LogLine(
                id=source.container.id,
                stream=_STREAM_NAMES[stream],
                time=when.decode(),
                text=text,
                partial=partial,
            )


class _Source:
    """One container's log and whether more can come."""

    def __init__(self, rt: Runtime, container: Container) -> None:
        driver = container.log.driver
        if driver in ("none", "passthrough", "passthrough-tty"):
            raise PolypodError(
                f"this container is using the '{driver}' log driver, cannot read logs:"
                " this container is not logging output"
            )
        self.rt = rt
        self.container = container
        self.file: LogFile | None = None
        self.journal: Journal | None = None
        self.follower = -1
        self.pidfd = -1
        self.monitor_pid = 0

    def open(self, tail: int) -> bool:
        """Open the log; False when nothing was ever logged."""
        if self.container.log.driver == "journald":
            from .log_journal import Journal

            self.journal = Journal(self.container.id)
            self.journal.seek_tail(tail)
            return True
        try:
            self.file = LogFile(self.container.log.path)
        except FileNotFoundError:
            return False
        if tail >= 0:
            self.file.seek_tail(tail)
        return True

    def find_process(self) -> None:
        """Look for the process whose end is the end of the log."""
        state = self.rt.records.containers.state(self.container.id)[0]
        state = refresh(self.rt, self.container.id, state)
        if state.status in LIVE and state.status != "created":
            try:
                self.pidfd = os.pidfd_open(state.pid)
                self.monitor_pid = state.conmon_pid
            except ProcessLookupError:
                self.pidfd = -1

    def finish(self) -> None:
        """The process has ended: let the monitor write what it still holds."""
        os.close(self.pidfd)
        self.pidfd = -1
        if self.journal is not None:
            self.journal.stop()
        rt, id = self.rt, self.container.id
        rt.monitor.wait(id, rt.exit_dir, rt.persist_dir(id), self.monitor_pid, _GRACE)

    def close(self) -> None:
        if self.pidfd >= 0:
            os.close(self.pidfd)
        if self.file is not None:
            self.file.close()
        if self.journal is not None:
            self.journal.close()

    def entries(self, window: _Window) -> Iterator[list[Entry]]:
        """What is in the log now, was not given yet and falls into the time asked for, in batches."""
        for batch in self._batches():
            kept = window.keep(batch)
            if kept:
                yield kept

    def _batches(self) -> Iterator[list[Entry]]:
        if self.journal is not None:
            yield from self.journal.batches()
        elif self.file is not None:
            for batch in self.file.lines():
                yield [entry for entry in map(parse, batch) if entry is not None]


def _read(
    sources: list[_Source], options: LogOptions
) -> Iterator[tuple[int, list[Entry]]]:
    window = _Window(options.since, options.until)
    try:
        for number, source in enumerate(sources):
            if not source.open(options.tail):
                continue
            if options.follow:
                source.find_process()
            for batch in source.entries(window):
                yield number, batch
        if options.follow:
            yield from _follow(sources, window, options.until)
    finally:
        for source in sources:
            source.close()


def _follow(
    sources: list[_Source], window: _Window, until: float
) -> Iterator[tuple[int, list[Entry]]]:
    from ..kit.inotify import Inotify

    watch = Inotify()
    try:
        waiting = {s.pidfd: n for n, s in enumerate(sources) if s.pidfd >= 0}
        poller = select.poll()
        poller.register(watch, select.POLLIN)
        for pidfd, number in waiting.items():
            poller.register(pidfd, select.POLLIN)
            _watch(watch, poller, sources[number])
            # Written between our first reading and the watch.
            for batch in sources[number].entries(window):
                yield number, batch
        while waiting:
            left = (until - time()) * 1000 if until else None
            if left is not None and left <= 0:
                return
            for fd, _ in poller.poll(left):
                if fd in waiting:
                    poller.unregister(fd)
                    number = waiting.pop(fd)
                    _unwatch(poller, sources[number])
                    sources[number].finish()
                    for batch in sources[number].entries(window):
                        yield number, batch
                elif fd == watch.fileno():
                    watch.drain()
            for number in waiting.values():
                for batch in sources[number].entries(window):
                    yield number, batch
                _watch(watch, poller, sources[number])
    finally:
        watch.close()


def _watch(watch: Inotify, poller: select.poll, source: _Source) -> None:
    """Watch the file that now has the log's name (a full one is replaced by a new one), or the journal."""
    from ..kit import inotify

    if source.journal is not None:
        if source.follower < 0:
            source.follower = source.journal.follow()
            poller.register(source.follower, select.POLLIN)
        return
    mask = inotify.IN_MODIFY | inotify.IN_ATTRIB | inotify.IN_MOVE_SELF | inotify.IN_DELETE_SELF
    try:
        watch.watch(source.container.log.path, mask)
    except FileNotFoundError:
        return  # removed with its container; the end of the process ends the loop


def _unwatch(poller: select.poll, source: _Source) -> None:
    if source.follower >= 0:
        poller.unregister(source.follower)
        source.follower = -1


class _Window:
    """A span of time; both ends open."""

    def __init__(self, since: float, until: float) -> None:
        self.since = int(since * 1e9)
        self.until = int(until * 1e9)

    def keep(self, entries: list[Entry]) -> list[Entry]:
        """The entries that fall into it."""
        if not self.since and not self.until:
            return entries
        return [entry for entry in entries if self._has(entry[1])]

    def _has(self, when: bytes) -> bool:
        nano = nanoseconds(when)
        return nano > self.since and (not self.until or nano < self.until)


_seconds: dict[bytes, int] = {}  # date and zone -> Unix seconds; lines come in runs


def nanoseconds(when: bytes) -> int:
    """Unix time in nanoseconds of a log's timestamp; 0 when it is not one."""
    whole, fraction, zone = _split_time(when)
    key = whole + zone
    known = _seconds.get(key)
    if known is None:
        from datetime import datetime

        try:
            moment = datetime.fromisoformat((whole + zone.replace(b"Z", b"+00:00")).decode())
        except ValueError:
            return 0
        if len(_seconds) > 4096:
            _seconds.clear()
        known = _seconds[key] = int(moment.timestamp())
    return known * 1_000_000_000 + int((fraction + b"000000000")[:9])


def _split_time(when: bytes) -> tuple[bytes, bytes, bytes]:
    """``2026-11-24T13:52:18.574443359+00:00`` in date and time, fraction, zone."""
    whole, rest = when[:19], when[19:]
    if not rest.startswith(b"."):
        return whole, b"", rest
    end = 1
    while end < len(rest) and rest[end : end + 1].isdigit():
        end += 1
    return whole, rest[1:end], rest[end:]


class _Look:
    """How one container's lines are shown."""

    def __init__(self, container: Container, options: LogOptions, multi: bool, number: int) -> None:
        self.timestamps = options.timestamps
        self.name = b""
        if multi:
            name = container.name if options.names else container.id[:12]
            self.name = name.encode() + b" "
        self.color = b""
        if options.color:
            self.color = b"\033[%dm" % _COLORS[number % len(_COLORS)]
        self.bare = not (self.timestamps or self.name or self.color)
        self.at_start = {1: True, 2: True}

    def render(self, entries: list[Entry]) -> Iterator[tuple[int, bytes]]:
        """Bytes to write, runs of one stream joined."""
        run: list[bytes] = []
        current = 1
        for stream, when, partial, text in entries:
            if stream != current:
                if run:
                    yield current, b"".join(run)
                    run = []
                current = stream
            if self.bare:
                run.append(text if partial else text + b"\n")
            else:
                run.append(self._dress(stream, when, partial, text))
        if run:
            yield current, b"".join(run)

    def _dress(self, stream: int, when: bytes, partial: bool, text: bytes) -> bytes:
        prefix = b""
        # What continues a line gets no second prefix in the middle of it.
        if self.at_start[stream]:
            prefix = self.name + (when + b" " if self.timestamps else b"")
        self.at_start[stream] = not partial
        shown = prefix + text
        if self.color:
            shown = self.color + shown + b"\033[0m"
        return shown if partial else shown + b"\n"
