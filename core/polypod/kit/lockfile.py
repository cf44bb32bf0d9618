"""The lock files of containers/storage: who may read or write, and whether anything changed.

A lock file is locked as a whole with ``fcntl`` locks, which podman, buildah and
skopeo respect (theirs and these conflict with each other, whichever flavour is
used). Its first 64 bytes name the last write: whoever changes what the lock
protects puts a new value there *before* changing it, so that peers that
cached the old content load it again (containers/storage pkg/lockfile).
"""

from __future__ import annotations

import errno
import fcntl
import os
import sys
import time

from ..errors import StorageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

LAST_WRITE_SIZE = 64

# struct flock with everything but l_type zero: the whole file, from its start. l_type is a
# short; all other fields being zero, their offsets (which differ between machines) do not matter.
_FLOCK_SIZE = 32


def _flock(kind: int) -> bytes:
    return kind.to_bytes(2, sys.byteorder) + bytes(_FLOCK_SIZE - 2)


_READ = _flock(fcntl.F_RDLCK)
_WRITE = _flock(fcntl.F_WRLCK)
_counter = 0


def new_last_write() -> bytes:
    """A value that no other write, process or machine start has used: 64 bytes."""
    global _counter
    _counter += 1
    return (
        time.time_ns().to_bytes(8, "little")
        + _counter.to_bytes(8, "little")
        + os.getpid().to_bytes(4, "little")
        + os.urandom(LAST_WRITE_SIZE - 20)
    )


class Held:
    """A lock that is held; a context manager that gives it back."""

    __slots__ = ("fd", "path")

    def __init__(self, fd: int, path: str) -> None:
        self.fd = fd
        self.path = path

    def last_write(self) -> bytes:
        """The record of the last write: 64 bytes, or fewer when nobody has written yet."""
        return os.pread(self.fd, LAST_WRITE_SIZE, 0)

    def record_write(self) -> None:
        """Tell the peers that what the lock protects is about to change (write lock only)."""
        try:
            os.pwrite(self.fd, new_last_write(), 0)
        except OSError as error:
            reason = (error.strerror or "").lower()
            raise StorageError(f"cannot write {self.path}: {reason}; nothing was changed") from error

    def is_current(self) -> bool:
        """Whether the path still leads to the locked file; false when somebody removed it."""
        try:
            named = os.stat(self.path)
        except FileNotFoundError:
            return False
        mine = os.fstat(self.fd)
        return (named.st_dev, named.st_ino) == (mine.st_dev, mine.st_ino)

    def release(self) -> None:
        """Give the lock back; safe to call twice."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def _open(path: str) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o644)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        return os.open(path, flags, 0o644)


def lock_write(path: str) -> Held:
    """Lock for writing, waiting for whoever holds it. Missing directories and files are made.

    Locks belong to the open file, not to the process: two threads exclude each
    other, and a second call in one thread waits for ever. ``StorageError`` when the file
    cannot be made or opened.
    """
    try:
        fd = _open(path)
    except OSError as error:
        raise StorageError(f"cannot lock {path}: {(error.strerror or '').lower()}") from error
    return _wait(fd, path, _WRITE)


def lock_here(path: str) -> Held:
    """:func:`lock_write`, and ``StorageError`` when the file is not at its path any more.

    That is so when the store was moved away while we waited: nothing may be written to its old place.
    """
    held = lock_write(path)
    if not held.is_current():
        held.release()
        raise StorageError(f"{path} is gone: the store was moved or removed meanwhile; try again")
    return held


def lock_now(path: str, *, create: bool = False) -> Held | None:
    """Lock a file for writing; ``None`` when somebody holds it.

    One that is not there is made with ``create``, and ``None`` without.
    """
    try:
        fd = _open(path) if create else os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _WRITE)
    except OSError as error:
        os.close(fd)
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return None
        raise
    return Held(fd, path)


def lock_read(path: str) -> Held | None:
    """Lock for reading; ``None`` where there is nothing to lock.

    That is a store on a read-only file system without a lock file: nobody can write there.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EROFS):
            return None
        raise
    return _wait(fd, path, _READ)


def _wait(fd: int, path: str, request: bytes) -> Held:
    try:
        fcntl.fcntl(fd, fcntl.F_OFD_SETLKW, request)
    except OSError as error:
        if error.errno in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS) and request is _READ:
            return Held(fd, path)  # NFS without a lock service: reading needs no lock
        os.close(fd)
        raise
    except BaseException:
        os.close(fd)
        raise
    return Held(fd, path)
