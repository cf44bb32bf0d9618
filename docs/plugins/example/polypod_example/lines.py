"""State backend ``lines``: a readable log, see :mod:`polypod_example.log`."""

from __future__ import annotations

import fcntl
import os

from polypod.errors import Conflict, CorruptRecord, StateError
from polypod.model.struct import Struct
from polypod.spec.markers import hookimpl

from .log import ABORT, HEADER, Content, batch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

LARGEST_VALUE = 4 * 1024 * 1024


class LinesConfig(Struct):
    """The table ``[plugin.state.lines]`` of polypod.conf."""

    compact_bytes: int = 4 * 1024 * 1024  # a longer log is rewritten when most of it is history


class LinesState:
    """See :mod:`polypod.spec.state`, the contract."""

    Config = LinesConfig

    def __init__(self, *, config: LinesConfig, root: str, run_root: str) -> None:
        self._config = config
        self._root = root
        self._path = os.path.join(root, "state.lines")
        self._seen = Content()  # replaced, never changed: threads and forks need no lock for it

    @hookimpl
    def state_get(self, bucket: str, keys: Sequence[str]) -> dict[str, tuple[bytes, int]]:
        content = self._load()
        for key in keys:
            if (bucket, key) in content.damaged:
                raise CorruptRecord(bucket, key, content.damaged[bucket, key])
        found = ((key, content.records.get((bucket, key))) for key in keys)
        return {key: record for key, record in found if record is not None}

    @hookimpl
    def state_list(self, bucket: str, prefix: str) -> list[tuple[str, bytes, int]]:
        rows = [
            (key, *record)
            for (where, key), record in self._load().records.items()
            if where == bucket and key.startswith(prefix)
        ]
        return sorted(rows)

    @hookimpl
    def state_apply(self, operations: Sequence[tuple[Any, ...]], durable: bool) -> int:
        for operation in operations:
            check_operation(*operation)
        with Lock(self._root):
            content = self._load()
            changes, revision = [], content.revision
            for kind, bucket, key, *rest in operations:
                if kind == "check":
                    check_revision(content, bucket, key, rest[0])
                else:
                    revision += 1
                    changes.append((kind, bucket, key, revision, *rest, b"")[:5])
            if changes:
                self._append(content, batch(changes, revision), durable)
            return revision

    @hookimpl
    def state_check(self, repair: bool) -> list[tuple[str, str, str]]:
        content = self._load()
        found = [(*where, reason) for where, reason in content.damaged.items()]
        if repair and found:
            with Lock(self._root):
                self._compact(self._load())
        return found

    @hookimpl
    def state_info(self) -> dict[str, str]:
        return {"path": self._path}

    @hookimpl
    def state_close(self) -> bool:
        self._seen = Content()
        return True

    def _load(self) -> Content:
        """What the log says now; only what was added since the last time is read."""
        try:
            with open(self._path, "rb", buffering=0) as file:
                header, inode = file.read(64).partition(b"\n")[0], os.fstat(file.fileno()).st_ino
                seen = self._seen
                if (seen.header, seen.inode) != (header, inode):
                    seen = Content(header, inode)
                file.seek(seen.offset)
                self._seen = seen = seen.after(file.read())
                return seen
        except FileNotFoundError:
            return Content()
        except OSError as error:
            raise self._failure("read", error) from error

    def _append(self, content: Content, lines: bytes, durable: bool) -> None:
        try:
            fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            with open(fd, "ab", buffering=0) as file:
                size = os.fstat(fd).st_size
                if size == 0:
                    lines = HEADER + b"1\n" + lines
                elif size != content.offset:
                    lines = ABORT + lines  # somebody was killed, or the disk was full
                write_all(file, lines)
                if durable:
                    os.fsync(fd)
            if size == 0 and durable:
                sync_folder(self._root)
        except OSError as error:
            raise self._failure("write", error) from error
        live = sum(len(value) for value, _ in content.records.values())
        if size > self._config.compact_bytes and size > 4 * live:
            try:
                self._compact(self._load())
            except StateError:
                pass  # no room for it now; the log itself is whole

    def _compact(self, content: Content) -> None:
        """Replace the log by one batch of what is live; damaged records are left out."""
        generation = int(content.header.removeprefix(HEADER) or 0) + 1
        puts = [("put", *where, number, value) for where, (value, number) in content.records.items()]
        draft = self._path + ".new"
        try:
            fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with open(fd, "wb", buffering=0) as file:
                write_all(file, HEADER + b"%d\n" % generation + batch(puts, content.revision))
                os.fsync(fd)
            os.rename(draft, self._path)
            sync_folder(self._root)
        except OSError as error:
            if os.path.exists(draft):
                os.unlink(draft)
            raise self._failure("write", error) from error

    def _failure(self, verb: str, error: OSError) -> StateError:
        return StateError(f"cannot {verb} {self._path}: {(error.strerror or '').lower()}")


class Lock:
    """Writers take turns; the kernel lets go when the process dies."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._fd = -1

    def __enter__(self) -> None:
        try:
            os.makedirs(self._root, 0o700, exist_ok=True)
            path = os.path.join(self._root, "lines.lock")
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            reason = (error.strerror or "").lower()
            raise StateError(f"cannot lock {self._root}: {reason}") from error
        fcntl.flock(self._fd, fcntl.LOCK_EX)

    def __exit__(self, *_error: object) -> None:
        # Closing alone would leave it to a child that another thread forked meanwhile.
        fcntl.flock(self._fd, fcntl.LOCK_UN)
        os.close(self._fd)


def check_operation(kind: str, bucket: str, key: str, *rest: Any) -> None:
    """Refuse what the contract does not allow."""
    if kind not in ("put", "delete", "check"):
        raise StateError(f"unknown operation {kind!r} on record {bucket}/{key}")
    for name, longest in ((bucket, 64), (key, 400)):
        printable = name.isascii() and name.isprintable() and "/" not in name
        if not name or len(name) > longest or not printable:
            raise StateError(f"bad name {name[:80]!r}: it must be printable ASCII without '/'")
    if kind == "put" and len(rest[0]) > LARGEST_VALUE:
        raise StateError(f"record {bucket}/{key} is too large: {len(rest[0])} bytes")


def check_revision(content: Content, bucket: str, key: str, wanted: int) -> None:
    """Test a precondition; ``Conflict`` when it does not hold."""
    record = content.records.get((bucket, key))
    there = record is not None or (bucket, key) in content.damaged
    if (wanted == -1 and not there) or (wanted >= 0 and wanted != (record[1] if record else 0)):
        raise Conflict(bucket, key)


def write_all(file: Any, data: bytes) -> None:
    """Write all of it, however many calls that takes."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def sync_folder(path: str) -> None:
    """Make a new name in a directory durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
