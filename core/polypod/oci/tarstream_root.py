"""A directory tree that names from a foreign archive cannot leave.

Every path is walked component by component from an open directory, never through the kernel's own
resolution of ``..`` or symbolic links. A link met on the way is followed as the
container would follow it, with the tree's top as ``/``; one that climbs above the top is hostile.
"""

from __future__ import annotations

import errno
import os

from ..errors import HostileLayer
from .tarstream_parse import show

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MAX_LINKS = 40
_MAX_OPEN = 128
_NAME_MAX = 255


def clean(name: bytes) -> list[bytes]:
    """The components of a member's name; ``HostileLayer`` for an absolute one or one with ``..``."""
    # "/" alone is the root itself, as umoci writes it.
    if name.startswith(b"/") and name.strip(b"/"):
        raise HostileLayer(f"layer entry {show(name)}: absolute name")
    parts = [part for part in name.split(b"/") if part not in (b"", b".")]
    for part in parts:
        if part == b"..":
            raise HostileLayer(f"layer entry {show(name)}: name leaves the layer (..)")
        if len(part) > _NAME_MAX:
            raise HostileLayer(f"layer entry {show(name)}: component of {len(part)} bytes")
    return parts


class Root:
    """An extraction root, with a cache of open directories."""

    def __init__(self, path: str) -> None:
        self.fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._open: dict[tuple[bytes, ...], int] = {}

    def close(self) -> None:
        """Close everything; safe to call twice."""
        self.forget()
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def forget(self) -> None:
        """Drop the cache: a directory was replaced or removed."""
        for fd in self._open.values():
            os.close(fd)
        self._open.clear()

    def directory(self, parts: list[bytes], *, create: bool, entry: bytes) -> int:
        """An open directory, owned by the cache. ``create`` makes missing ones (mode 0755).

        Raises ``FileNotFoundError`` when it is missing, ``NotADirectoryError`` when
        something else is in the way, ``HostileLayer`` when a link leads out.
        """
        if not parts:
            return self.fd
        key = tuple(parts)
        fd = self._open.get(key)
        if fd is None:
            if len(self._open) >= _MAX_OPEN:
                self.forget()
            fd = self._walk(parts, create, entry)
            self._open[key] = fd
        return fd

    def _walk(self, parts: list[bytes], create: bool, entry: bytes) -> int:
        # The stack holds the open directories from the top to here, so that ".." of a link's
        # target goes where the container would see it.
        stack = [os.dup(self.fd)]
        pending = list(reversed(parts))
        links = 0
        try:
            while pending:
                part = pending.pop()
                if part in (b"", b"."):
                    continue
                if part == b"..":
                    if len(stack) == 1:
                        raise HostileLayer(
                            f"layer entry {show(entry)}: a symbolic link on its way leaves the layer"
                        )
                    os.close(stack.pop())
                    continue
                try:
                    stack.append(os.open(part, _DIRECTORY, dir_fd=stack[-1]))
                    continue
                except FileNotFoundError:
                    if not create:
                        raise
                    os.mkdir(part, 0o755, dir_fd=stack[-1])
                    fd = os.open(part, _DIRECTORY, dir_fd=stack[-1])
                    stack.append(fd)
                    os.fchmod(fd, 0o755)
                    continue
                except OSError as error:
                    if error.errno == errno.ENAMETOOLONG:
                        raise HostileLayer(f"layer entry {show(entry)}: name too long") from None
                    if error.errno not in (errno.ELOOP, errno.ENOTDIR):
                        raise
                links += 1
                if links > _MAX_LINKS:
                    raise HostileLayer(f"layer entry {show(entry)}: too many symbolic links")
                target = _target(part, stack[-1], entry)
                if target.startswith(b"/"):
                    for fd in stack[1:]:
                        os.close(fd)
                    del stack[1:]
                pending.extend(reversed(target.split(b"/")))
            return stack.pop()
        finally:
            for fd in stack:
                os.close(fd)


def _target(part: bytes, fd: int, entry: bytes) -> bytes:
    try:
        return os.readlink(part, dir_fd=fd)
    except OSError as error:
        if error.errno == errno.EINVAL:
            raise NotADirectoryError(
                errno.ENOTDIR, f"{show(part)} is not a directory", show(entry)
            ) from None
        raise
