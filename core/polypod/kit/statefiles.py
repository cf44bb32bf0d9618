"""What state drivers that keep files share: their hooks, fork safety, locks, checked batches, errors.

Cheap to import, for these modules are part of every command's start.
"""

from __future__ import annotations

import errno
import os
from _thread import allocate_lock
from _weakref import ref

from ..errors import StateError
from ..spec.markers import hookimpl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any, Protocol

    class StateFiles(Protocol):
        """What :class:`FileDriver` keeps its records in; it serialises all calls of a process.

        ``get``, ``select`` and ``apply`` mean what the hooks ``state_get``, ``state_list`` and
        ``state_apply`` mean, the batch being checked already.
        """

        def get(self, bucket: str, keys: Sequence[str]) -> dict[str, tuple[bytes, int]]: ...
        def select(self, bucket: str, prefix: str) -> list[tuple[str, bytes, int]]: ...
        def apply(self, operations: Sequence[tuple[Any, ...]], durable: bool) -> int: ...
        def close(self) -> None:
            """Close all files and locks; the next call opens them again."""

        def abandon(self) -> None:
            """Forget what a parent process has open, without closing or unlocking it."""

#: Limits of the contract, see :mod:`polypod.spec.state`.
MAX_BUCKET = 64
MAX_KEY = 400
MAX_VALUE = 4 * 1024 * 1024

_live: list[ref[ForkSafe]] = []
_held: list[ForkSafe] = []


class ForkSafe:
    """Base of a driver whose files must not cross a fork.

    Every call of the driver runs under ``self.mutex``. Before ``os.fork()`` the
    mutex is taken and :meth:`release_files` called, so that neither half of the
    process shares a file, a lock or a half-done call with the other; both open
    again with their next call. ``posix_spawn`` needs none of that, because all
    files are close-on-exec.
    """

    def __init__(self) -> None:
        self.mutex = allocate_lock()
        self.pid = os.getpid()
        _live.append(ref(self, _live.remove))

    def release_files(self) -> None:
        """Close everything that the driver has open; called with the mutex held."""
        raise NotImplementedError

    def forget_files(self) -> None:
        """Drop handles that a fork behind Python's back brought along, without closing them."""

    def check_pid(self) -> None:
        """Notice a fork that ``os`` did not make (a bare ``clone``); call with the mutex held."""
        if self.pid != os.getpid():
            self.forget_files()
            self.pid = os.getpid()


def _before_fork() -> None:
    for reference in list(_live):
        driver = reference()
        if driver is not None:
            driver.mutex.acquire()
            _held.append(driver)
            driver.release_files()


def _after_fork() -> None:
    while _held:
        driver = _held.pop()
        driver.pid = os.getpid()
        driver.mutex.release()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)


class FileDriver(ForkSafe):
    """A whole driver over one object that knows the files: the hooks, under the mutex.

    A subclass gives :meth:`open_files` and ``state_check``. What ``open_files`` needs is
    imported there, so that a command that asks for no record loads nothing.
    """

    _made: Any = None

    def __init__(self, path: str) -> None:
        """``path`` is the file or directory that ``state_info`` names."""
        super().__init__()
        self.path = path

    def open_files(self) -> StateFiles:
        """Make the object that reads and writes the files; called once, or again after a fork."""
        raise NotImplementedError

    def files(self) -> Any:
        """What :meth:`open_files` made; call with the mutex held."""
        self.check_pid()
        if self._made is None:
            self._made = self.open_files()
        return self._made

    @hookimpl
    def state_get(self, bucket: str, keys: Sequence[str]) -> dict[str, tuple[bytes, int]]:
        with self.mutex:
            found: dict[str, tuple[bytes, int]] = self.files().get(bucket, keys)
            return found

    @hookimpl
    def state_list(self, bucket: str, prefix: str) -> list[tuple[str, bytes, int]]:
        with self.mutex:
            found: list[tuple[str, bytes, int]] = self.files().select(bucket, prefix)
            return found

    @hookimpl
    def state_apply(self, operations: Sequence[tuple[Any, ...]], durable: bool) -> int:
        check_operations(operations)
        with self.mutex:
            revision: int = self.files().apply(operations, durable)
            return revision

    @hookimpl
    def state_info(self) -> dict[str, str]:
        return {"path": self.path}

    @hookimpl
    def state_close(self) -> bool:
        with self.mutex:
            self.release_files()
        return True

    def release_files(self) -> None:
        """Close the files (see :class:`ForkSafe`)."""
        if self._made is not None:
            self._made.close()

    def forget_files(self) -> None:
        """Let go of the parent's files without touching its locks."""
        if self._made is not None:
            self._made.abandon()
            self._made = None


class FileLock:
    """``flock`` on a file: writers queue in the kernel, and a killed holder frees it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._fd = -1

    def acquire(self, *, shared: bool = False, create: bool = True) -> None:
        """Wait for the lock; ``OSError`` when the file cannot be opened."""
        if self._fd < 0:
            flags = os.O_RDWR | os.O_CREAT if create else os.O_RDONLY
            self._fd = os.open(self.path, flags | os.O_CLOEXEC, 0o600)
        import fcntl  # what only reads, as ps does, can do without

        fcntl.flock(self._fd, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)

    def release(self) -> None:
        """Give the lock back; the file stays open for the next time."""
        if self._fd >= 0:
            import fcntl

            fcntl.flock(self._fd, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the file, and with it the lock."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def forget(self) -> None:
        """Forget the file without unlocking what the parent process holds."""
        self._fd = -1


class SharedLock:
    """Many readers or one writer, first come, first served, safe against SIGKILL.

    ``flock`` alone lets ever new readers pass a waiting writer. So everybody goes
    through a second lock first, the turnstile, which a writer keeps until it is done.
    (A robust mutex in shared memory, as LMDB has, can lose a wake-up for ever when a
    woken waiter is killed; the kernel's file locks cannot.)
    """

    def __init__(self, path: str) -> None:
        self._turnstile = FileLock(f"{path}.turn")
        self._data = FileLock(path)

    def acquire_shared(self) -> None:
        """Wait to read. Where lock files cannot be made nobody writes, so none is needed."""
        try:
            self._turnstile.acquire()
            self._data.acquire(shared=True)
        except OSError as error:
            if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC):
                raise
            self._read_without_writing()
        finally:
            self._turnstile.release()

    def _read_without_writing(self) -> None:
        try:
            self._data.acquire(shared=True, create=False)
        except FileNotFoundError:
            return

    def acquire(self) -> None:
        """Wait to write; raises ``OSError``."""
        self._turnstile.acquire()
        self._data.acquire()

    def release(self) -> None:
        """Give back what :meth:`acquire` or :meth:`acquire_shared` took."""
        self._data.release()
        self._turnstile.release()

    def close(self) -> None:
        """Close the files, and with them the locks."""
        self._data.close()
        self._turnstile.close()

    def forget(self) -> None:
        """Forget the files without unlocking what the parent process holds."""
        self._data.forget()
        self._turnstile.forget()


def make_root(path: str) -> None:
    """Make the driver's directory with mode 0700, when it is not there; raises ``OSError``."""
    if not os.path.isdir(path):
        os.makedirs(path, 0o700, exist_ok=True)


def sync_directory(path: str) -> None:
    """Let new or renamed entries of a directory survive a loss of power."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_synced(path: str, chunks: Iterable[bytes]) -> None:
    """Replace a file: write a neighbour, sync it, rename it; raises ``OSError``."""
    new = f"{path}.new"
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        write_all(fd, b"".join(chunks))
        os.fsync(fd)
        os.rename(new, path)
    except OSError:
        os.unlink(new)
        raise
    finally:
        os.close(fd)


def write_all(fd: int, data: bytes) -> None:
    """Write everything, also where the kernel takes it in parts; raises ``OSError``."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def file_error(backend: str, path: str, error: OSError) -> StateError:
    """The ``StateError`` for a failed system call, with the remedy that fits."""
    reason = (error.strerror or str(error)).lower()
    return state_error(backend, path, reason, error.errno or 0)


def state_error(backend: str, path: str, reason: str, number: int = 0) -> StateError:
    """Word a failure of a backend's files."""
    if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        remedy = "nothing was changed; free some space and try again"
    elif number in (errno.EROFS, errno.EACCES, errno.EPERM):
        remedy = "nothing was changed; make it writable or choose another place with --root"
    else:
        remedy = "see 'polypod system check'"
    return StateError(f"state backend {backend} cannot use {path}: {reason}; {remedy}")


def check_operations(operations: Sequence[tuple[Any, ...]]) -> None:
    """Refuse a batch that breaks the contract's limits, before anything is written."""
    for operation in operations:
        kind, bucket, key = operation[:3]
        if kind not in ("put", "delete", "check"):
            raise StateError(f"state operation {kind!r} is not put, delete or check")
        if not _is_name(bucket, MAX_BUCKET) or not _is_name(key, MAX_KEY):
            raise StateError(
                f"record {bucket!r}/{key!r} cannot be stored: names are 1 to {MAX_BUCKET} and "
                f"1 to {MAX_KEY} printable ASCII characters without '/'"
            )
        if kind == "put" and len(operation[3]) > MAX_VALUE:
            raise StateError(
                f"record {bucket}/{key} cannot be stored: {len(operation[3])} bytes are more than {MAX_VALUE}"
            )


def _is_name(name: str, limit: int) -> bool:
    return 0 < len(name) <= limit and name.isascii() and name.isprintable() and "/" not in name
