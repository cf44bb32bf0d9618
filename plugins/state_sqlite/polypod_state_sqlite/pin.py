"""Closing a WAL database without the checkpoint that SQLite makes at the last close.

That checkpoint syncs two files, and a command line tool that opens the
database for one moment would pay for it every time. SQLite makes it only when it
gets an exclusive lock on the file, so a shared lock on the same bytes, held for
the moment of the close, keeps it away; the log stays and the next writer's
automatic checkpoint takes care of it. (From Python 3.12 on,
``SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE`` could do the same.)
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

# The bytes which SQLite's Unix VFS locks for readers ("SHARED_FIRST", "SHARED_SIZE"),
# https://www.sqlite.org/fileformat2.html#the_lock_byte_page
_SHARED_FIRST = 0x40000002
_SHARED_SIZE = 510


class closing_quietly:  # noqa: N801 - used as a word in a with statement
    """Hold the lock while the process's last connection to ``path`` is closed.

    The last one only: closing any descriptor of a file drops all POSIX locks that
    the process has on it, those of a sibling connection too. An open file
    description lock is used because it also stands against locks of the own process.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd = -1

    def __enter__(self) -> None:
        import fcntl  # only for a close; a command line leaves without one

        try:
            self._fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            fcntl.fcntl(self._fd, fcntl.F_OFD_SETLK, _flock(fcntl.F_RDLCK))
        except OSError:
            return  # then SQLite makes its checkpoint: slower, not wrong

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _flock(kind: int) -> bytes:
    """``struct flock`` of 64-bit Linux: type, whence, padding, start, length, pid, padding."""
    return (
        kind.to_bytes(2, sys.byteorder)
        + bytes(6)
        + _SHARED_FIRST.to_bytes(8, sys.byteorder)
        + _SHARED_SIZE.to_bytes(8, sys.byteorder)
        + bytes(8)
    )
