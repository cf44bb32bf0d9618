"""Copy a directory tree with all that belongs to its files; cheap where the file system shares blocks."""

from __future__ import annotations

import errno
import fcntl
import os
import stat

_FICLONE = 0x40049409
_PIECE = 1 << 30


def copy_tree(source: str, target: str) -> None:
    """Copy the content of ``source`` into the existing directory ``target``.

    Owners, modes, times, xattrs, hard links, symbolic links, fifos and device nodes are kept;
    sockets are left out. Never follows a symbolic link. Raises ``OSError``.
    """
    links: dict[tuple[int, int], str] = {}
    directories: list[tuple[str, os.stat_result]] = []
    pending = [(source, target)]
    while pending:
        here, there = pending.pop()
        with os.scandir(here) as entries:
            for entry in entries:
                info = entry.stat(follow_symlinks=False)
                new = f"{there}/{entry.name}"
                if stat.S_ISDIR(info.st_mode):
                    os.mkdir(new, 0o700)
                    pending.append((entry.path, new))
                    directories.append((new, info))
                    _attributes(entry.path, new, info)
                    continue
                key = (info.st_dev, info.st_ino)
                if info.st_nlink > 1 and key in links:
                    os.link(links[key], new, follow_symlinks=False)
                    continue
                if _copy_one(entry.path, new, info):
                    links[key] = new
    # Filling a directory changes its times; deepest last in the list, so from its end.
    for path, info in reversed(directories):
        os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))
    top = os.stat(source)
    os.utime(target, ns=(top.st_atime_ns, top.st_mtime_ns))


def _copy_one(source: str, target: str, info: os.stat_result) -> bool:
    kind = stat.S_IFMT(info.st_mode)
    if kind == stat.S_IFSOCK:
        return False
    if kind == stat.S_IFREG:
        copy_file(source, target)
    elif kind == stat.S_IFLNK:
        os.symlink(os.readlink(source), target)
    elif kind == stat.S_IFIFO:
        os.mkfifo(target, 0o600)
    else:
        os.mknod(target, kind | 0o600, info.st_rdev)
    _attributes(source, target, info)
    os.utime(target, ns=(info.st_atime_ns, info.st_mtime_ns), follow_symlinks=False)
    return True


def copy_file(source: str, target: str) -> None:
    """Copy a regular file's content into a new file, sharing blocks where possible."""
    read = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        write = os.open(target, flags, 0o600)
        try:
            copy_content(read, write)
        finally:
            os.close(write)
    finally:
        os.close(read)


def copy_content(read: int, write: int) -> None:
    """Copy the bytes from one open file to another, which is empty, sharing blocks where possible."""
    if not os.fstat(read).st_size:
        return
    try:
        fcntl.ioctl(write, _FICLONE, read)
        return
    except OSError as error:
        if error.errno not in (
            errno.EOPNOTSUPP,
            errno.EXDEV,
            errno.EINVAL,
            errno.ENOTTY,
            errno.ENOSYS,
            errno.EPERM,
        ):
            raise
    try:
        while os.copy_file_range(read, write, _PIECE):
            pass
        return
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
            raise
    os.lseek(read, 0, os.SEEK_SET)
    os.lseek(write, 0, os.SEEK_SET)
    os.ftruncate(write, 0)
    while piece := os.read(read, 1 << 20):
        view = memoryview(piece)
        while view:
            view = view[os.write(write, view) :]


def _attributes(source: str, target: str, info: os.stat_result) -> None:
    if (info.st_uid, info.st_gid) != (os.geteuid(), os.getegid()) or not os.geteuid():
        os.chown(target, info.st_uid, info.st_gid, follow_symlinks=False)
    if not stat.S_ISLNK(info.st_mode):
        os.chmod(target, stat.S_IMODE(info.st_mode))
    try:
        names = os.listxattr(source, follow_symlinks=False)
    except OSError as error:
        if error.errno in (errno.EOPNOTSUPP, errno.ENOSYS):
            return
        raise
    for name in names:
        value = os.getxattr(source, name, follow_symlinks=False)
        try:
            os.setxattr(target, name, value, follow_symlinks=False)
        except OSError as error:
            if error.errno != errno.EOPNOTSUPP:
                raise
