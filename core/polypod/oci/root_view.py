"""A container's file system as its processes see it, looked into from outside without ever leaving it.

Links are resolved here, component by component and inside the root: neither a link to
``/`` nor one of /proc's magic links leads to the host's files, also when the
container changes its tree meanwhile.
"""

from __future__ import annotations

import errno
import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

_PATH = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_MAX_LINKS = 40


class Found:
    """What a path leads to: ``path`` without links, and ``fd`` (O_PATH), -1 when nothing is there yet."""

    def __init__(self, path: str, fd: int) -> None:
        self.path = path
        self.fd = fd

    @property
    def exists(self) -> bool:
        return self.fd >= 0

    @property
    def is_directory(self) -> bool:
        return self.fd >= 0 and stat.S_ISDIR(os.fstat(self.fd).st_mode)

    def close(self) -> None:
        """Close the descriptor; safe to repeat."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


class View:
    """A root directory, and ``mounts`` that are not made yet: path in the root -> path on the host."""

    def __init__(self, root: str, mounts: Mapping[str, str] | None = None) -> None:
        self._root = root
        self._mounts = dict(mounts or {})

    def find(self, path: str) -> Found:
        """Resolve an absolute path; only its last component may be missing, else ``OSError``."""
        stack = [("", os.open(self._root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))]
        rest = _parts(path)
        links = 0
        try:
            while rest:
                part = rest.pop()
                if part == "..":
                    if len(stack) > 1:  # the root is its own parent
                        os.close(stack.pop()[1])
                    continue
                here = _joined(stack, part)
                try:
                    fd = self._open(stack[-1][1], part, here)
                except FileNotFoundError:
                    if rest:
                        raise
                    return Found(here, -1)
                if not stat.S_ISLNK(os.fstat(fd).st_mode):
                    stack.append((part, fd))
                    continue
                target = _read_link(fd)
                links += 1
                if links > _MAX_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
                if target.startswith("/"):
                    for _, old in stack[1:]:
                        os.close(old)
                    del stack[1:]
                rest.extend(_parts(target))
            return Found(_joined(stack), os.dup(stack[-1][1]))
        finally:
            for _, fd in stack:
                os.close(fd)

    def _open(self, directory: int, part: str, here: str) -> int:
        source = self._mounts.get(here)
        if source is not None:
            return os.open(source, os.O_PATH | os.O_CLOEXEC)
        return os.open(part, _PATH, dir_fd=directory)


def _parts(path: str) -> list[str]:
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]


def _joined(stack: list[tuple[str, int]], *more: str) -> str:
    return "/" + "/".join([name for name, _ in stack[1:]] + list(more))


def _read_link(fd: int) -> str:
    try:
        return os.readlink("", dir_fd=fd)
    finally:
        os.close(fd)
