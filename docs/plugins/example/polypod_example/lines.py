"""State backend ``lines``: all records in one text file, one line each.

    polypod-lines 1 REVISION
    BUCKET KEY REVISION CHECKSUM BASE64-VALUE
    ...

A change writes a whole new file and renames it over the old one, so a reader never
sees half a batch, whatever is killed when. Writers take turns on a lock that
the kernel releases with the process.
"""

from __future__ import annotations

import binascii
import fcntl
import os

from polypod.errors import Conflict, CorruptRecord, StateError
from polypod.model.struct import Struct
from polypod.spec.markers import hookimpl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HEADER = b"polypod-lines 1 "


class LinesConfig(Struct):
    """The table ``[plugin.state.lines]`` of polypod.conf."""

    file_name: str = "state.lines"


class Content:
    """A parsed file: records by bucket and key, the damaged ones apart."""

    def __init__(self) -> None:
        self.revision = 0
        self.records: dict[tuple[str, str], tuple[bytes, int]] = {}
        self.damaged: dict[tuple[str, str], tuple[str, bytes]] = {}  # reason, line


class LinesState:
    """See the module's text and :mod:`polypod.spec.state`."""

    Config = LinesConfig

    def __init__(self, *, config: LinesConfig, root: str, run_root: str) -> None:
        self._root = root
        self._path = os.path.join(root, config.file_name)

    @hookimpl
    def state_get(self, bucket: str, keys: Sequence[str]) -> dict[str, tuple[bytes, int]]:
        content = self._load()
        for key in keys:
            if (bucket, key) in content.damaged:
                raise CorruptRecord(bucket, key, content.damaged[bucket, key][0])
        found = ((key, content.records.get((bucket, key))) for key in keys)
        return {key: record for key, record in found if record is not None}

    @hookimpl
    def state_list(self, bucket: str, prefix: str) -> list[tuple[str, bytes, int]]:
        records = self._load().records
        return [
            (key, *records[where, key])
            for where, key in sorted(records)
            if where == bucket and key.startswith(prefix)
        ]

    @hookimpl
    def state_apply(self, operations: Sequence[tuple], durable: bool) -> int:
        with Lock(self._root):
            content = self._load()
            for kind, bucket, key, *rest in operations:
                if kind == "check":
                    _check(content, bucket, key, rest[0])
            for kind, bucket, key, *rest in operations:
                if kind == "put":
                    content.revision += 1
                    content.records[bucket, key] = (bytes(rest[0]), content.revision)
                elif kind == "delete":
                    content.revision += 1
                    content.records.pop((bucket, key), None)
                if kind != "check":
                    content.damaged.pop((bucket, key), None)
            self._store(content, durable)
            return content.revision

    @hookimpl
    def state_check(self, repair: bool) -> list[tuple[str, str, str]]:
        with Lock(self._root):
            content = self._load()
            found = [(*where, reason) for where, (reason, _line) in content.damaged.items()]
            if repair and found:
                content.damaged.clear()
                self._store(content, durable=True)
        return found

    @hookimpl
    def state_info(self) -> dict[str, str]:
        return {"path": self._path}

    @hookimpl
    def state_close(self) -> bool:
        return True  # nothing is kept open between calls

    def _load(self) -> Content:
        try:
            with open(self._path, "rb") as file:
                return parse(file.read())
        except FileNotFoundError:
            return Content()
        except OSError as error:
            raise StateError(f"cannot read {self._path}: {error.strerror}") from error

    def _store(self, content: Content, durable: bool) -> None:
        draft = self._path + ".new"
        try:
            fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with open(fd, "wb") as file:
                file.writelines(serialize(content))
                file.flush()
                if durable:
                    os.fsync(file.fileno())
            os.rename(draft, self._path)
            if durable:
                _sync_folder(self._root)
        except OSError as error:
            raise StateError(f"cannot write {self._path}: {error.strerror}") from error


class Lock:
    """Writers take turns; the kernel lets go when the process dies."""

    def __init__(self, root: str) -> None:
        self._root = root

    def __enter__(self) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        try:
            os.makedirs(self._root, 0o700, exist_ok=True)
            self._fd = os.open(os.path.join(self._root, "lines.lock"), flags, 0o600)
        except OSError as error:
            raise StateError(f"cannot lock {self._root}: {error.strerror}") from error
        fcntl.flock(self._fd, fcntl.LOCK_EX)

    def __exit__(self, *_error: object) -> None:
        os.close(self._fd)


def _check(content: Content, bucket: str, key: str, wanted: int) -> None:
    record = content.records.get((bucket, key))
    revision = record[1] if record else 0
    exists = record is not None or (bucket, key) in content.damaged
    if (wanted == -1 and not exists) or (wanted >= 0 and revision != wanted):
        raise Conflict(bucket, key)


def parse(data: bytes) -> Content:
    """Read a file's bytes; a damaged line harms its own record only."""
    content = Content()
    first, *lines = data.split(b"\n")
    highest = 0
    for number, line in enumerate(lines, 2):
        if not line:
            continue
        words = line.split(b" ")
        names = [word.decode("ascii", "replace") for word in words[:2]]
        try:
            _bucket, _key, revision, checksum, encoded = words
            value = binascii.a2b_base64(encoded, strict_mode=True)
            if binascii.crc32(b" ".join(words[:3]) + value) != int(checksum, 16):
                raise ValueError("checksum does not match")
            content.records[names[0], names[1]] = (value, int(revision))
            highest = max(highest, int(revision))
        except ValueError as error:
            where = (names[0], names[1]) if len(words) == 5 else ("", "")
            content.damaged[where] = (f"line {number}: {error}", line)
    counter = first.removeprefix(HEADER)
    content.revision = int(counter) if counter.isdigit() else highest
    return content


def serialize(content: Content) -> Iterator[bytes]:
    """The lines of a file; damaged ones stay as they are until they are repaired."""
    yield HEADER + b"%d\n" % content.revision
    for (bucket, key), (value, revision) in content.records.items():
        head = f"{bucket} {key} {revision}".encode()
        checksum = binascii.crc32(head + value)
        yield head + b" %08x " % checksum + binascii.b2a_base64(value, newline=False) + b"\n"
    for _reason, line in content.damaged.values():
        yield line + b"\n"


def _sync_folder(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
