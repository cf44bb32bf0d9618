"""inotify(7): be told of a file's changes instead of looking again and again."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

IN_MODIFY = 0x2
IN_ATTRIB = 0x4
IN_CLOSE_WRITE = 0x8
IN_MOVED_TO = 0x80
IN_CREATE = 0x100
IN_DELETE_SELF = 0x400
IN_MOVE_SELF = 0x800
_IN_NONBLOCK = os.O_NONBLOCK
_IN_CLOEXEC = os.O_CLOEXEC


class Inotify:
    """One inotify instance; ``fileno()`` becomes readable when something has changed."""

    def __init__(self) -> None:
        # ctypes costs 2 ms; only long waits come here.
        import ctypes

        self._libc: Any = ctypes.CDLL(None, use_errno=True)
        self._get_errno = ctypes.get_errno
        self._fd = self._checked(self._libc.inotify_init1(_IN_NONBLOCK | _IN_CLOEXEC), "inotify")

    def watch(self, path: str, mask: int) -> int:
        """Watch a file or directory; returns the watch's number. Raises ``OSError``."""
        return self._checked(self._libc.inotify_add_watch(self._fd, os.fsencode(path), mask), path)

    def forget(self, number: int) -> None:
        """End a watch; one that ended by itself (the file is gone) is no error."""
        self._libc.inotify_rm_watch(self._fd, number)

    def drain(self) -> None:
        """Take all events that are there: the caller looks at the files itself."""
        try:
            while os.read(self._fd, 65536):
                pass
        except BlockingIOError:
            return

    def fileno(self) -> int:
        """The descriptor, for select and poll."""
        return self._fd

    def close(self) -> None:
        """Close it, and all its watches."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _checked(self, result: int, name: str) -> int:
        if result < 0:
            number = self._get_errno()
            raise OSError(number, os.strerror(number), name)
        return result
