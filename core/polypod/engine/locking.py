"""One lock a container, held while its state changes, never while it runs.

A lock is ``flock`` on a file in the container's run directory: the kernel frees it
when the holder dies, there is no pool to run out, and two containers never share one.
"""

from __future__ import annotations

import errno
import fcntl
import os

from ..errors import NoSuchContainer, Timeout
from .tree import remove_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .runtime import Runtime


class ContainerLock:
    """``with ContainerLock(rt, id):`` serialises changes of one container between processes.

    After entering, read the container again: it may have changed or gone.
    """

    def __init__(self, rt: Runtime, id: str, *, wait: bool = True) -> None:
        self._directory = rt.run_dir(id)
        self._wait = wait
        self._fd = -1

    def __enter__(self) -> ContainerLock:
        path = os.path.join(self._directory, "lock")
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        while True:
            try:
                fd = os.open(path, flags, 0o600)
            except FileNotFoundError:
                os.makedirs(self._directory, 0o700, exist_ok=True)
                continue
            try:
                fcntl.flock(fd, fcntl.LOCK_EX if self._wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                os.close(fd)
                if error.errno != errno.EWOULDBLOCK:
                    raise
                raise Timeout(f"container is busy: {_holder(path)} works on it") from None
            if _same_file(fd, path):
                os.truncate(fd, 0)
                os.write(fd, str(os.getpid()).encode())
                self._fd = fd
                return self
            os.close(fd)  # removed while we waited: its directory was deleted

    def __exit__(self, kind: type[BaseException] | None, *_exc: object) -> None:
        if kind is not None and issubclass(kind, NoSuchContainer):
            # Locking made the directory anew of a container that was removed meanwhile.
            remove_tree(os.path.dirname(self._directory))
        os.close(self._fd)
        self._fd = -1


def _same_file(fd: int, path: str) -> bool:
    try:
        named, held = os.stat(path), os.fstat(fd)
    except FileNotFoundError:
        return False
    return (named.st_ino, named.st_dev) == (held.st_ino, held.st_dev)


def _holder(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return f"process {file.read().strip() or 'unknown'}"
    except OSError:
        return "another process"
