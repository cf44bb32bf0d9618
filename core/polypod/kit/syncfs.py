"""syncfs(2): wait until a file system has everything that was written to it."""

from __future__ import annotations

import os


def syncfs(path: str) -> None:
    """Write out the file system that ``path`` lies on.

    One call, however many files there are: a layer of 100,000 files takes minutes when each is synced by itself.
    Raises ``OSError`` when something that was written before did not reach the disk.
    """
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if library.syncfs(fd) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), path)
    finally:
        os.close(fd)
