"""The journal: what was changed since the bucket files were written.

Its first line tells the format and the revision at which it began. A batch is
one line that says how many follow, and one line a change. A batch counts when all its lines
are there; what is left of one whose writer was killed is cut off by the next writer.
"""

from __future__ import annotations

import os

from polypod.kit.statefiles import write_all, write_synced

from .line import is_batch, is_good, name_of, numbers, revision_of, seal

FORMAT = 1


class Journal:
    """The parsed journal. Lines that were parsed once are not parsed again by this object.

    ``changes`` maps ``bucket/key`` to the record's last line, ``damaged`` has the names
    of those whose last line is damaged, and ``strays`` are damaged lines whose record cannot be
    told: with no legible name, or with one that a later line has too, for then the
    name itself may be what is damaged.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._reset()

    def _reset(self) -> None:
        self._first = b""
        self._inode = -1
        self.end = 0
        self.revision = 0
        self.sound = True
        self.changes: dict[str, bytes] = {}
        self.damaged: set[str] = set()
        self.strays: list[bytes] = []

    def load(self) -> bool:
        """Read what is new; call with the lock held. False when there is no journal."""
        try:
            fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            self._reset()
            return False
        try:
            status = os.fstat(fd)
            first = os.pread(fd, 128, 0).partition(b"\n")[0]
            # A new journal may get an old one's inode: the first line tells them apart.
            if status.st_ino != self._inode or first != self._first or status.st_size < self.end:
                self._reset()
                self._inode, self._first = status.st_ino, first
            data = _read(fd, self.end, status.st_size - self.end)
        finally:
            os.close(fd)
        self._parse(data)
        return True

    def _parse(self, data: bytes) -> None:
        lines = data.split(b"\n")
        lines.pop()  # empty, or a line without its end
        at = 0
        if self.end == 0 and lines:
            at = self._parse_first(lines)
        while at < len(lines):
            after = self._batch_end(lines, at)
            if after < 0:
                return  # its writer was killed
            # Where a batch's first line is damaged or lost, a change may stand in its place.
            for line in lines[at + is_batch(lines[at]) : after]:
                self._note(line)
            self.end += sum(len(line) + 1 for line in lines[at:after])
            at = after

    def _parse_first(self, lines: list[bytes]) -> int:
        head = numbers(lines[0]) if is_good(lines[0]) else {}
        self.sound = head.get("format") == FORMAT
        if not self.sound and head:
            raise ValueError(f"format {head.get('format')} is not {FORMAT}")
        self.revision = head.get("revision", 0)
        self.end = len(lines[0]) + 1
        return 1

    def _batch_end(self, lines: list[bytes], at: int) -> int:
        """Index behind a batch's last line; -1 when the batch is not whole.

        A writer cuts off what a killed one left, so a batch that another one follows
        was whole, also when damage has changed its first line or its number of lines.
        """
        count = -1
        if is_batch(lines[at]):
            head = numbers(lines[at])
            self.revision = max(self.revision, head["batch"])
            count = head["lines"]
        for after in range(at + 1, len(lines)):
            if is_batch(lines[after]):
                self.sound = self.sound and after - at - 1 == count
                return after
            if after - at - 1 == count:
                break
        return at + 1 + count if count >= 0 and at + 1 + count <= len(lines) else -1

    def _note(self, line: bytes) -> None:
        name = name_of(line)
        good = is_good(line)
        if not name:
            self.strays.append(line)
            return
        if name in self.damaged:
            self.strays.append(self.changes[name])
            self.damaged.discard(name)
        self.changes[name] = line
        if good:
            self.revision = max(self.revision, revision_of(line))
        else:
            self.damaged.add(name)

    def append(self, lines: list[bytes], revision: int, durable: bool) -> None:
        """Write one batch in one call; raises ``OSError`` and leaves the file as it was."""
        fd = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            if os.fstat(fd).st_size != self.end:
                os.ftruncate(fd, self.end)  # a batch whose writer was killed
            os.lseek(fd, self.end, os.SEEK_SET)
            head = seal(f'"batch":{revision},"lines":{len(lines)}')
            try:
                write_all(fd, head + b"".join(lines))
                if durable:
                    os.fsync(fd)
            except OSError:
                os.ftruncate(fd, self.end)
                raise
        finally:
            os.close(fd)

    def start(self, revision: int) -> None:
        """Replace the journal by an empty one that goes on behind ``revision``."""
        write_synced(self.path, [seal(f'"format":{FORMAT},"revision":{revision}')])
        self._reset()


def _read(fd: int, start: int, length: int) -> bytes:
    parts = []
    while length > 0:
        part = os.pread(fd, length, start)
        if not part:
            break
        parts.append(part)
        start += len(part)
        length -= len(part)
    return b"".join(parts)
