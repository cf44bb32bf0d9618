"""One LMDB file: opening, creating, reading, writing, and what its errors mean.

Every record is one item, key ``bucket/key``, value :mod:`.item`. LMDB's own locks
are switched off: its mutexes in shared memory lose a wake-up when a woken waiter is
killed (then all others wait for ever; the suite's kill test showed it within minutes), and
the slots of killed readers keep old pages in the file. ``SharedLock`` stands in their place.

Safety: a commit writes new pages, syncs them, and then writes one of two
root pages. Non-durable commits leave out the sync of the root page alone
(``metasync=False``), so that a loss of power undoes the last one and damages nothing;
durable ones sync it too.
"""

from __future__ import annotations

import errno
import os

import lmdb
from polypod.errors import Conflict, CorruptRecord, StateError
from polypod.kit.statefiles import (
    SharedLock,
    file_error,
    make_root,
    state_error,
    sync_directory,
)

from .item import DAMAGE, pack, unpack
from .shared import Mapping, abandon_all, open_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TypeVar

    T = TypeVar("T")

#: Where the revision counter stands; a bucket cannot begin with "/".
COUNTER = b"/revision"


class Environment:
    """The open file and what is done with it; the caller serialises all calls."""

    def __init__(self, root: str, path: str, *, relaxed: bool) -> None:
        self.root = root
        self.path = path
        self._relaxed = relaxed
        self.lock = SharedLock(f"{path}.lock")
        self._mapping: Mapping | None = None

    # --- reading ---------------------------------------------------------------------

    def get(self, bucket: str, keys: Sequence[str]) -> dict[str, tuple[bytes, int]]:
        """See ``state_get``."""

        def read(txn: Any) -> dict[str, tuple[bytes, int]]:
            found = {}
            for key in keys:
                if not 0 < len(key) <= 400 or not key.isascii():
                    continue  # cannot have been stored
                item = txn.get(f"{bucket}/{key}".encode())
                if item is not None:
                    record = unpack(item)
                    if record is None:
                        raise CorruptRecord(bucket, key, DAMAGE)
                    found[key] = record
            return found

        return self._read(read) or {}

    def select(self, bucket: str, prefix: str) -> list[tuple[str, bytes, int]]:
        """See ``state_list``."""

        def read(txn: Any) -> list[tuple[str, bytes, int]]:
            found = []
            start = f"{bucket}/{prefix}".encode()
            skip = len(bucket) + 1
            with txn.cursor() as cursor:
                if cursor.set_range(start):
                    for key, item in cursor.iternext():
                        if not key.startswith(start):
                            break
                        record = unpack(item)
                        if record is not None:
                            found.append((key[skip:].decode("ascii"), *record))
            return found

        if not prefix.isascii() or len(prefix) > 400:
            return []
        return self._read(read) or []

    def _read(self, read: Callable[[Any], T]) -> T | None:
        """Run in one read transaction; None when there is no file yet."""
        if not os.path.exists(self.path):
            self.unmap()
            return None
        try:
            self.lock.acquire_shared()
            with self.open().begin() as txn:
                return read(txn)
        except OSError as error:
            raise file_error("kv", self.path, error) from error
        except lmdb.Error as error:
            self.unmap()
            raise self.failure(error) from error
        finally:
            self.lock.release()

    # --- writing ---------------------------------------------------------------------

    def apply(self, operations: Sequence[tuple[Any, ...]], durable: bool) -> int:
        """See ``state_apply``."""
        try:
            make_root(self.root)
            self.lock.acquire()
            self._create_if_missing()
            env = self.open()
            if self.read_only:
                raise self._read_only_error()
            with env.begin(write=True) as txn:
                revision = _carry_out(txn, operations)
            if durable:
                env.sync(True)
            return revision
        except OSError as error:
            raise file_error("kv", self.path, error) from error
        except lmdb.Error as error:
            self.unmap()
            raise self.failure(error) from error
        finally:
            self.lock.release()

    def _read_only_error(self) -> StateError:
        return state_error("kv", self.path, os.strerror(errno.EROFS).lower(), errno.EROFS)

    def _create_if_missing(self) -> None:
        """Make an empty file that is complete before it gets its name."""
        if os.path.exists(self.path):
            return
        new = f"{self.path}-new"
        if os.path.exists(new):
            os.unlink(new)
        open_file(new).close()
        os.rename(new, self.path)
        sync_directory(self.root)

    # --- the file --------------------------------------------------------------------

    def open(self) -> Any:
        """The open environment; call with the lock held. Notices a replaced file."""
        if self._mapping is not None and os.stat(self.path).st_ino != self._mapping.inode:
            self.unmap()  # replaced by another process meanwhile
        if self._mapping is None:
            try:
                self._mapping = Mapping(self.path, sync=not self._relaxed)
            except lmdb.Error:
                if not _cannot_write(self.path):
                    raise
                self._mapping = Mapping(self.path, readonly=True)
        return self._mapping.env

    @property
    def read_only(self) -> bool:
        """Whether the file could be opened for reading only."""
        return self._mapping is not None and self._mapping.readonly

    def close(self) -> None:
        """Close all files; they are opened again when needed."""
        self.lock.close()
        self.unmap()

    def abandon(self) -> None:
        """Let go of the parent process's mapping without touching its locks."""
        abandon_all()
        self.lock.forget()

    def unmap(self) -> None:
        """Close the file only; a lock stays held."""
        if self._mapping is not None:
            mapping, self._mapping = self._mapping, None
            mapping.close()

    def failure(self, error: Exception) -> StateError:
        """The ``StateError`` for an LMDB error."""
        text = str(error)
        full = (lmdb.MapFullError, lmdb.DiskError)
        number = 0
        if isinstance(error, full) or os.strerror(errno.ENOSPC) in text:
            number = errno.ENOSPC
        elif os.strerror(errno.EFBIG) in text:
            number = errno.EFBIG
        elif os.strerror(errno.EROFS) in text or isinstance(error, lmdb.ReadonlyError):
            number = errno.EROFS
        return state_error("kv", self.path, text.removeprefix(f"{self.path}: ").lower(), number)


def _cannot_write(path: str) -> bool:
    return not os.access(path, os.W_OK) or not os.access(os.path.dirname(path), os.W_OK)


def _carry_out(txn: Any, operations: Sequence[tuple[Any, ...]]) -> int:
    for operation in operations:
        if operation[0] == "check":
            _, bucket, key, expected = operation
            item = txn.get(f"{bucket}/{key}".encode())
            found = 0 if item is None else int.from_bytes(item[:8], "big")
            if found != expected and not (expected == -1 and item is not None):
                raise Conflict(bucket, key)
    revision = int.from_bytes(txn.get(COUNTER) or b"", "big") + 1
    changed = False
    for operation in operations:
        name = f"{operation[1]}/{operation[2]}".encode()
        if operation[0] == "put":
            txn.put(name, pack(operation[3], revision))
            changed = True
        elif operation[0] == "delete":
            txn.delete(name)
            changed = True
    if not changed:
        return revision - 1
    txn.put(COUNTER, revision.to_bytes(8, "big"))
    return revision
