"""Log files as conmon (k8s-file) and Docker (json-file) write them.

k8s-file: ``TIME stdout|stderr F|P TEXT``, P for a piece without its newline.
json-file: ``{"log": "TEXT\\n", "stream": "stdout", "time": "TIME"}``. Both are lines of text, and
a file may hold either; podman's ``json-file`` is in truth the first.
"""

from __future__ import annotations

import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

#: stream (1 stdout, 2 stderr), time, partial, text
Entry = tuple[int, bytes, bool, bytes]

_BLOCK = 1 << 16
_STREAMS = {b"stdout": 1, b"stderr": 2}


def parse(line: bytes) -> Entry | None:
    """One line of a log file; None when it is no log line (a damaged file)."""
    if line.startswith(b"{"):
        return _parse_json(line)
    parts = line.split(b" ", 3)
    if len(parts) < 4:
        return None
    stream = _STREAMS.get(parts[1])
    if stream is None:
        return None
    return stream, parts[0], parts[2].startswith(b"P"), parts[3]


def _parse_json(line: bytes) -> Entry | None:
    from ..kit.fastjson import loads

    try:
        record = loads(line.decode(errors="surrogateescape"))
    except ValueError:
        return None
    stream = _STREAMS.get(str(record.get("stream", "stdout")).encode())
    if stream is None or not isinstance(record.get("log"), str):
        return None
    text = record["log"].encode(errors="surrogateescape")
    whole = text.endswith(b"\n")
    return stream, str(record.get("time", "")).encode(), not whole, text[:-1] if whole else text


class LogFile:
    """A log file that may grow, be replaced or be cut while it is read."""

    def __init__(self, path: str) -> None:
        """Open it; raises ``FileNotFoundError`` when nothing was ever logged."""
        self.path = path
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._rest = b""

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)

    def lines(self) -> Iterator[list[bytes]]:
        """All complete lines from here to the present end, in batches."""
        while True:
            block = os.read(self._fd, _BLOCK)
            if not block:
                if not self._moved():
                    return
                continue
            lines = (self._rest + block).split(b"\n")
            self._rest = lines.pop()
            yield lines

    def _moved(self) -> bool:
        """Go over to the file's successor, or to its start when it was cut; False when it is the same."""
        try:
            fresh = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            if error.errno == errno.ENOENT:
                return False
            raise
        old, new = os.fstat(self._fd), os.fstat(fresh)
        if (old.st_dev, old.st_ino) != (new.st_dev, new.st_ino):
            os.close(self._fd)
            self._fd, self._rest = fresh, b""
            return True
        os.close(fresh)
        if new.st_size < os.lseek(self._fd, 0, os.SEEK_CUR):
            os.lseek(self._fd, 0, os.SEEK_SET)
            self._rest = b""
            return True
        return False

    def seek_tail(self, count: int) -> None:
        """Go to where the last ``count`` lines of output begin.

        Pieces of a line count together with its end; an unfinished last line counts as one.
        """
        end = os.lseek(self._fd, 0, os.SEEK_END)
        if count <= 0:
            return
        self._rest = b""
        os.lseek(self._fd, _tail_offset(self._fd, end, count), os.SEEK_SET)


def _tail_offset(fd: int, end: int, count: int) -> int:
    """Offset of the line that begins the last ``count`` lines of output."""
    seen = 0
    start = end
    first = True
    for offset, line in _backwards(fd, end):
        entry = parse(line)
        if entry is None:
            continue
        if first or not entry[2]:
            seen += 1
            first = False
        if seen > count:
            return start
        start = offset
    return start


def _backwards(fd: int, end: int) -> Iterator[tuple[int, bytes]]:
    """The file's lines from last to first, each with its offset."""
    head = b""
    position = end
    while position > 0:
        size = min(_BLOCK, position)
        position -= size
        block = os.pread(fd, size, position) + head
        lines = block.split(b"\n")
        offset = position + len(block)
        for line in lines[:0:-1]:
            offset -= len(line)
            if line:
                yield offset, line
            offset -= 1
        head = lines[0]
    if head:
        yield 0, head
