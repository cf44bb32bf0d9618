"""One SQLite file: opening, creating, reading, writing, and what its errors mean.

Writers queue on ``flock`` of a lock file and not inside SQLite: its busy handler
polls with growing pauses, which starves some of several hundred writers, while
the kernel's queue is fair. ``SQLITE_BUSY`` then only comes from recovery and
from foreign programs, and is waited out.
"""

from __future__ import annotations

import os
import time

from polypod.errors import Conflict, CorruptRecord, StateError
from polypod.kit.statefiles import FileLock, file_error, make_root, state_error, sync_directory

from .module import sql
from .pin import closing_quietly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TypeVar

    T = TypeVar("T")

VERSION = 1
#: One row a record. Without rowid, rows of a bucket lie together in key order; pages of
#: 8 KiB hold records of up to 2 KiB without overflow pages (measured: 5 ms where the
#: usual layout takes 7.5 for a list of 2,000 records of 1.5 KB).
SCHEMA = (
    "PRAGMA page_size=8192",
    "PRAGMA journal_mode=WAL",
    "CREATE TABLE records (bucket TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,"
    " revision INTEGER NOT NULL, crc32 INTEGER NOT NULL, PRIMARY KEY (bucket, key)) WITHOUT ROWID",
    "CREATE TABLE counter (id INTEGER PRIMARY KEY CHECK (id = 1), revision INTEGER NOT NULL)",
    "INSERT INTO counter VALUES (1, 0)",
    f"PRAGMA user_version={VERSION}",
)
_LIST = "SELECT key, value, revision, crc32 FROM records WHERE bucket=? AND key>=? AND key<? ORDER BY key"
_GET = "SELECT key, value, revision, crc32 FROM records WHERE bucket=? AND key IN ({})"
_PUT = "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?)"

# Primary result codes of SQLite, https://www.sqlite.org/rescode.html
_BUSY, _LOCKED, _READONLY, _IOERR, _CORRUPT, _FULL, _CANTOPEN, _PROTOCOL, _NOTADB = (
    5, 6, 8, 10, 11, 13, 14, 15, 26,
)  # fmt: skip
_ERRNO = {_READONLY: 30, _FULL: 28, _IOERR: 28, _CANTOPEN: 13}
_abandoned: list[object] = []
_opened: dict[str, int] = {}


class Database:
    """The connection and what is done with it; the caller serialises all calls."""

    def __init__(self, root: str, path: str, checkpoint_pages: int) -> None:
        self.root = root
        self.path = path
        self.lock = FileLock(f"{path}-lock")
        self._checkpoint_pages = checkpoint_pages
        self._connection: Any = None
        self._inode = 0
        self._synchronous = ""

    # --- reading ---------------------------------------------------------------------

    def get(self, bucket: str, keys: Sequence[str]) -> dict[str, tuple[bytes, int]]:
        """See ``state_get``."""
        names = {key for key in keys if key.isascii()}  # others cannot have been stored

        def read(connection: Any) -> list[tuple[Any, ...]]:
            if len(names) > 500:  # SQLite bounds the number of parameters
                rows = connection.execute(_LIST, (bucket, "", "\x7f")).fetchall()
                return [row for row in rows if row[0] in names]
            marks = ",".join("?" * len(names))
            return list(connection.execute(_GET.format(marks), (bucket, *names)).fetchall())

        rows = self._read(read)
        if not rows:
            return {}
        from zlib import crc32  # a shared library that an empty answer does not need

        found = {}
        for key, value, revision, checksum in rows:
            if not isinstance(value, bytes) or crc32(value) != checksum:
                raise CorruptRecord(bucket, key, "checksum does not match")
            found[key] = (value, revision)
        return found

    def select(self, bucket: str, prefix: str) -> list[tuple[str, bytes, int]]:
        """See ``state_list``."""

        def read(connection: Any) -> list[tuple[Any, ...]]:
            if not prefix.isascii():
                return []
            # Keys are printable ASCII, so DEL sorts behind every continuation of the prefix.
            found = connection.execute(_LIST, (bucket, prefix, prefix + "\x7f")).fetchall()
            return list(found)

        rows = self._read(read)
        if not rows:
            return []
        from zlib import crc32

        return [
            (key, value, revision)
            for key, value, revision, checksum in rows
            if isinstance(value, bytes) and crc32(value) == checksum
        ]

    def _read(self, read: Callable[[Any], T]) -> T | None:
        """Run one statement, waiting out a busy file; None when there is no file yet."""

        def attempt() -> T | None:
            connection = self.connect()
            return None if connection is None else read(connection)

        return self.patiently(attempt)

    # --- writing ---------------------------------------------------------------------

    def apply(self, operations: Sequence[tuple[Any, ...]], durable: bool) -> int:
        """See ``state_apply``."""
        self.lock_for_writing()
        try:
            self.create_if_missing()
            return self.patiently(lambda: self._transaction(operations, durable))
        finally:
            self.lock.release()

    def _transaction(self, operations: Sequence[tuple[Any, ...]], durable: bool) -> int:
        connection = self.connect()
        level = "FULL" if durable else "NORMAL"
        if level != self._synchronous:
            connection.execute(f"PRAGMA synchronous={level}")
            self._synchronous = level
        connection.execute("BEGIN IMMEDIATE")
        try:
            revision = _carry_out(connection, operations)
            connection.execute("COMMIT")
        except BaseException:
            _roll_back(connection)
            raise
        return revision

    def lock_for_writing(self) -> None:
        """Wait until no other process writes; raises ``StateError`` where nobody can write."""
        try:
            make_root(self.root)
            self.lock.acquire()
        except OSError as error:
            raise file_error("sqlite", self.root, error) from error

    def create_if_missing(self) -> None:
        """Make the file under the write lock, complete before it gets its name."""
        if os.path.exists(self.path):
            return
        try:
            new = f"{self.path}-new"
            for leftover in (new, f"{new}-wal", f"{new}-shm"):
                if os.path.exists(leftover):
                    os.unlink(leftover)
            build(new).close()
            os.rename(new, self.path)
            sync_directory(self.root)
        except OSError as error:
            raise file_error("sqlite", self.path, error) from error
        except sql.Error as error:
            raise failure(self.path, error) from error

    # --- the connection --------------------------------------------------------------

    def connect(self) -> Any:
        """The open connection, or None when there is no file. Notices a replaced file."""
        try:
            inode = os.stat(self.path).st_ino
        except FileNotFoundError:
            self.disconnect()
            return None
        except OSError as error:
            raise file_error("sqlite", self.path, error) from error
        if self._connection is not None and inode != self._inode:
            self.disconnect()  # repaired or removed by another process meanwhile
        if self._connection is None:
            self._connection = _open(self.path, self._checkpoint_pages)
            self._inode = inode
            self._synchronous = ""
            _opened[self.path] = _opened.get(self.path, 0) + 1
        return self._connection

    def patiently(self, attempt: Callable[[], T]) -> T:
        """Call until the file is not busy; other SQLite errors become ``StateError``."""
        pause = 0.001
        while True:
            try:
                return attempt()
            except sql.Error as error:
                if code_of(error) not in (_BUSY, _LOCKED, _PROTOCOL):
                    self.disconnect()
                    raise failure(self.path, error) from error
            time.sleep(pause)
            pause = min(pause * 2, 0.05)

    def close(self) -> None:
        """Close the connection and the lock file; both open again when needed."""
        self.lock.close()
        self.disconnect()

    def disconnect(self) -> None:
        """Close the connection only; a write lock stays held."""
        if self._connection is None:
            return
        connection, self._connection = self._connection, None
        _opened[self.path] -= 1
        if _opened[self.path]:
            connection.close()
        else:
            del _opened[self.path]
            with closing_quietly(self.path):
                connection.close()

    def abandon(self) -> None:
        """Keep the parent's connection untouched: closing it here would drop the parent's locks."""
        _abandoned.append(self._connection)
        _opened.pop(self.path, None)
        self._connection = None
        self.lock.forget()


def build(path: str) -> Any:
    """A new database at ``path`` with the schema, open; raises ``sql.Error`` or ``OSError``."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    connection = sql.connect(path, isolation_level=None, check_same_thread=False)
    try:
        for statement in SCHEMA:
            connection.execute(statement).fetchall()
    except sql.Error:
        connection.close()
        raise
    return connection


def _open(path: str, checkpoint_pages: int) -> Any:
    quoted = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    try:
        return _connect(f"file:{quoted}?mode=rw", path, checkpoint_pages)
    except sql.Error as error:
        # In a directory that cannot be written SQLite finds no place for its shared index;
        # nobody can write there, so the file may be read as one that does not change.
        if code_of(error) not in (_CANTOPEN, _READONLY) or os.access(path, os.W_OK):
            raise
    return _connect(f"file:{quoted}?mode=ro&immutable=1", path, checkpoint_pages)


def _connect(uri: str, path: str, checkpoint_pages: int) -> Any:
    connection = sql.connect(uri, timeout=10, isolation_level=None, check_same_thread=False, uri=True)
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version != VERSION:
            raise StateError(
                f"state backend sqlite cannot use {path}: it has format {version} and this "
                f"polypod knows {VERSION}; use a newer polypod"
            )
        connection.execute(f"PRAGMA wal_autocheckpoint={checkpoint_pages}").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection


def _carry_out(connection: Any, operations: Sequence[tuple[Any, ...]]) -> int:
    from zlib import crc32

    execute = connection.execute
    for operation in operations:
        if operation[0] == "check":
            _, bucket, key, expected = operation
            row = execute("SELECT revision FROM records WHERE bucket=? AND key=?", (bucket, key)).fetchone()
            found = row[0] if row else 0
            if found != expected and not (expected == -1 and found):
                raise Conflict(bucket, key)
    revision: int = execute("SELECT revision FROM counter").fetchone()[0] + 1
    changed = False
    for operation in operations:
        if operation[0] == "put":
            value = bytes(operation[3])
            execute(_PUT, (operation[1], operation[2], value, revision, crc32(value)))
            changed = True
        elif operation[0] == "delete":
            execute("DELETE FROM records WHERE bucket=? AND key=?", operation[1:3])
            changed = True
    if not changed:
        return revision - 1
    execute("UPDATE counter SET revision=?", (revision,))
    return revision


def _roll_back(connection: Any) -> None:
    if connection.in_transaction:  # after some errors SQLite has already rolled back
        connection.execute("ROLLBACK")


def code_of(error: Exception) -> int:
    """SQLite's primary result code of an error, 0 when it has none."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def failure(path: str, error: Exception) -> StateError:
    """The ``StateError`` for an SQLite error."""
    code = code_of(error)
    if code in (_CORRUPT, _NOTADB):
        return StateError(
            f"state backend sqlite cannot read {path}: {error}; "
            "run 'polypod system check --repair', which keeps a copy"
        )
    return state_error("sqlite", path, str(error), _ERRNO.get(code, 0))
