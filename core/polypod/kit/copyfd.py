"""Copy files by open descriptors alone, so that nobody who changes the trees meanwhile can lead us elsewhere."""

from __future__ import annotations

import errno
import os
import stat

from ..errors import PolypodError
from .copytree import copy_content

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_PATH = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_IN_PLACE = os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
_KEPT_XATTRS = ("user.", "security.capability")
#: Hard links are kept among so many files; each needs a descriptor meanwhile.
_MAX_LINKED = 256


class Copier:
    """Copies what descriptors lead to; never follows a symbolic link.

    ``owner`` is the (uid, gid) of all copies, None for that of the originals. Without ``overwrite`` a
    directory is never replaced by something else, nor the other way round. ``devices`` says whether
    device nodes are copied; sockets never are. Modes, times, users' xattrs and capabilities are kept.
    """

    def __init__(
        self, *, owner: tuple[int, int] | None, overwrite: bool = False, devices: bool = True
    ) -> None:
        self._owner = owner
        self._overwrite = overwrite
        self._devices = devices
        self._linked: dict[tuple[int, int], int] = {}

    def copy(self, source: int, directory: int, name: str, shown: str) -> None:
        """Copy what ``source`` (O_PATH) is as ``name`` into an open directory.

        ``shown`` is the copy's path in messages. Raises ``PolypodError`` where a directory and
        something else are in each other's way, ``OSError``.
        """
        try:
            self._one(source, directory, name, shown)
        finally:
            self._forget()

    def content(self, source: int, directory: int, shown: str) -> None:
        """Copy what a directory has into another one, both open; ``shown`` is the latter's path."""
        try:
            for name, fd in _children(source):
                self._one(fd, directory, name, f"{shown.rstrip('/')}/{name}")
        finally:
            self._forget()

    def _forget(self) -> None:
        for fd in self._linked.values():
            os.close(fd)
        self._linked.clear()

    def _one(self, source: int, directory: int, name: str, shown: str) -> None:
        info = os.fstat(source)
        kind = stat.S_IFMT(info.st_mode)
        if kind == stat.S_IFDIR:
            self._directory(source, info, directory, name, shown)
            return
        if kind == stat.S_IFSOCK or (kind in (stat.S_IFCHR, stat.S_IFBLK) and not self._devices):
            return
        in_place = self._make_room(directory, name, shown)
        if self._link(info, directory, name):
            return
        if kind == stat.S_IFREG:
            self._file(source, info, directory, name, in_place)
        elif kind == stat.S_IFLNK:
            os.symlink(os.readlink("", dir_fd=source), name, dir_fd=directory)
            self._own(info, directory, name)
        else:
            os.mknod(name, info.st_mode, info.st_rdev, dir_fd=directory)
            self._own(info, directory, name)
            self._mode(info, directory, name)
        if info.st_nlink > 1 and len(self._linked) < _MAX_LINKED:
            self._linked[info.st_dev, info.st_ino] = os.open(name, _PATH, dir_fd=directory)

    def _link(self, info: os.stat_result, directory: int, name: str) -> bool:
        first = self._linked.get((info.st_dev, info.st_ino)) if info.st_nlink > 1 else None
        if first is None:
            return False
        os.link(f"/proc/self/fd/{first}", name, dst_dir_fd=directory, follow_symlinks=True)
        return True

    def _directory(
        self, source: int, info: os.stat_result, directory: int, name: str, shown: str
    ) -> None:
        try:
            os.mkdir(name, 0o700, dir_fd=directory)
        except FileExistsError:
            there = os.stat(name, dir_fd=directory, follow_symlinks=False)
            if not stat.S_ISDIR(there.st_mode):
                if not self._overwrite:
                    raise _in_the_way(shown, "something that is no directory") from None
                os.unlink(name, dir_fd=directory)
                os.mkdir(name, 0o700, dir_fd=directory)
        target = os.open(name, _DIRECTORY, dir_fd=directory)
        try:
            for child, fd in _children(source):
                self._one(fd, target, child, f"{shown}/{child}")
            self._attributes(source, info, target)
        finally:
            os.close(target)

    def _make_room(self, directory: int, name: str, shown: str) -> bool:
        """Remove what has the name; True when it can only be written over (it is a mount)."""
        try:
            there = os.stat(name, dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            return False
        if stat.S_ISDIR(there.st_mode):
            if not self._overwrite:
                raise _in_the_way(shown, "a directory")
            _remove(directory, name)
            return False
        try:
            os.unlink(name, dir_fd=directory)
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            return True
        return False

    def _file(
        self, source: int, info: os.stat_result, directory: int, name: str, in_place: bool
    ) -> None:
        read = os.open(f"/proc/self/fd/{source}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            write = os.open(name, _IN_PLACE if in_place else _NEW, 0o600, dir_fd=directory)
            try:
                copy_content(read, write)
                self._attributes(read, info, write)
            finally:
                os.close(write)
        finally:
            os.close(read)

    def _own(self, info: os.stat_result, directory: int, name: str) -> None:
        uid, gid = self._owner or (info.st_uid, info.st_gid)
        os.chown(name, uid, gid, dir_fd=directory, follow_symlinks=False)
        os.utime(name, ns=(info.st_atime_ns, info.st_mtime_ns), dir_fd=directory, follow_symlinks=False)

    def _mode(self, info: os.stat_result, directory: int, name: str) -> None:
        """Give what is no file its mode; by a descriptor, for the name may be a link out by now."""
        fd = os.open(name, _PATH, dir_fd=directory)
        try:
            if stat.S_IFMT(os.fstat(fd).st_mode) == stat.S_IFMT(info.st_mode):
                os.chmod(f"/proc/self/fd/{fd}", stat.S_IMODE(info.st_mode))
        finally:
            os.close(fd)

    def _attributes(self, source: int, info: os.stat_result, target: int) -> None:
        uid, gid = self._owner or (info.st_uid, info.st_gid)
        os.fchown(target, uid, gid)
        os.fchmod(target, stat.S_IMODE(info.st_mode))
        path = f"/proc/self/fd/{source}"
        for name in _xattrs(path):
            try:
                os.setxattr(target, name, os.getxattr(path, name))
            except OSError as error:
                if error.errno not in (errno.EOPNOTSUPP, errno.EPERM):
                    raise
        os.utime(target, ns=(info.st_atime_ns, info.st_mtime_ns))


def _children(directory: int) -> Iterator[tuple[str, int]]:
    """Names and O_PATH descriptors, each open until the next; what has gone meanwhile is left out."""
    real = os.open(f"/proc/self/fd/{directory}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in sorted(os.listdir(real)):
            try:
                fd = os.open(name, _PATH, dir_fd=real)
            except FileNotFoundError:
                continue
            try:
                yield name, fd
            finally:
                os.close(fd)
    finally:
        os.close(real)


def _xattrs(path: str) -> list[str]:
    try:
        names = os.listxattr(path)
    except OSError:
        return []  # a file system without any
    kept = [name for name in names if name.startswith(_KEPT_XATTRS)]
    return [name for name in kept if not name.startswith("user.overlay.")]


def _remove(directory: int, name: str) -> None:
    inside = os.open(name, _DIRECTORY, dir_fd=directory)
    try:
        for child in os.listdir(inside):
            info = os.stat(child, dir_fd=inside, follow_symlinks=False)
            if stat.S_ISDIR(info.st_mode):
                _remove(inside, child)
            else:
                os.unlink(child, dir_fd=inside)
    finally:
        os.close(inside)
    os.rmdir(name, dir_fd=directory)


def _in_the_way(shown: str, what: str) -> PolypodError:
    return PolypodError(f'error creating "{shown}": {what} is in the way: file exists')
