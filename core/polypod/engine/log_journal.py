"""A container's log in the systemd journal, where conmon puts it with ``--log-driver journald``.

conmon writes an entry a line: ``CONTAINER_ID_FULL`` names the container, ``PRIORITY`` is 3 for
stderr, ``CONTAINER_PARTIAL_MESSAGE`` is there for a piece without its newline. journalctl(1) reads them:
the journal's files are the business of systemd alone.
"""

from __future__ import annotations

import os
import time

from ..errors import PolypodError
from ..kit.fastjson import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from typing import Any

    from .log_file import Entry

_BLOCK = 1 << 16
_STDERR = "3"
_FIELDS = "MESSAGE,PRIORITY,CONTAINER_PARTIAL_MESSAGE"


class Journal:
    """The entries of one container; each is given once, however often one asks."""

    def __init__(self, container_id: str) -> None:
        self._id = container_id
        self._cursor = ""
        self._tail = -1
        self._follower: subprocess.Popen[bytes] | None = None
        self._rest = b""

    def seek_tail(self, count: int) -> None:
        """Begin with the last ``count`` lines of output; pieces count together with their line."""
        self._tail = count

    def batches(self) -> Iterator[list[Entry]]:
        """What is there now and was not given yet."""
        if self._follower is not None:
            yield self._take(self._available())
            return
        _run("--sync")  # what was sent is in the journal then; an older journald has it soon anyway
        if self._tail >= 0:
            yield self._last_lines()
            self._tail = -1
            return
        with self._start() as process:
            assert process.stdout is not None
            for line in process.stdout:
                yield self._take([line])

    def _last_lines(self) -> list[Entry]:
        found: list[Entry] = []
        cursor = ""
        seen = 0
        with self._start("--reverse") as process:
            assert process.stdout is not None
            for line in process.stdout:
                entry, where = _parse(line)
                cursor = cursor or where
                if not found or not entry[2]:
                    seen += 1
                if seen > self._tail:
                    process.kill()
                    break
                found.append(entry)
        self._cursor = cursor
        return found[::-1]

    def follow(self) -> int:
        """Have new entries sent from now on; the descriptor becomes readable when some have come."""
        self._follower = self._start("--follow", "--no-tail")
        assert self._follower.stdout is not None
        fd = self._follower.stdout.fileno()
        os.set_blocking(fd, False)
        return fd

    def stop(self) -> None:
        """End :meth:`follow`; what it had not given yet comes with the next :meth:`batches`."""
        process, self._follower, self._rest = self._follower, None, b""
        if process is not None:
            process.kill()
            process.communicate()

    close = stop

    def _start(self, *flags: str) -> subprocess.Popen[bytes]:
        after = (f"--after-cursor={self._cursor}",) if self._cursor else ()
        return _spawn(
            "--output=json", "--all", f"--output-fields={_FIELDS}", *flags, *after,
            f"CONTAINER_ID_FULL={self._id}",
        )  # fmt: skip

    def _available(self) -> list[bytes]:
        assert self._follower is not None and self._follower.stdout is not None
        data = self._rest
        while True:
            try:
                block = os.read(self._follower.stdout.fileno(), _BLOCK)
            except BlockingIOError:
                break
            if not block:
                raise PolypodError("journalctl ended while it followed the journal; see journalctl --follow")
            data += block
        *lines, self._rest = data.split(b"\n")
        return lines

    def _take(self, lines: list[bytes]) -> list[Entry]:
        found = []
        for line in lines:
            entry, self._cursor = _parse(line)
            found.append(entry)
        return found


def _parse(line: bytes) -> tuple[Entry, str]:
    record: dict[str, Any] = loads(line)
    message = record.get("MESSAGE") or ""
    # What is no text is a list of bytes.
    text = bytes(message) if isinstance(message, list) else message.encode(errors="surrogateescape")
    stream = 2 if record.get("PRIORITY") == _STDERR else 1
    text = text.removesuffix(b"\n")  # conmon leaves it on some
    partial = "CONTAINER_PARTIAL_MESSAGE" in record
    return (stream, _time(int(record["__REALTIME_TIMESTAMP"])), partial, text), record["__CURSOR"]


def _time(microseconds: int) -> bytes:
    """As conmon writes it in a file: nine digits and the local offset."""
    whole, micro = divmod(microseconds, 1_000_000)
    local = time.localtime(whole)
    zone = time.strftime("%z", local)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", local)
    return f"{stamp}.{micro:06d}000{zone[:3]}:{zone[3:]}".encode()


def _spawn(*arguments: str) -> subprocess.Popen[bytes]:
    import subprocess

    try:
        return subprocess.Popen(
            ["journalctl", "--quiet", "--no-pager", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except FileNotFoundError:
        raise PolypodError(
            "the log is in the journal and there is no journalctl here to read it: install systemd"
        ) from None


def _run(*arguments: str) -> None:
    with _spawn(*arguments) as process:
        process.communicate()
