"""Files that are either old or new, never torn; and trees that go away whatever they hold."""

from __future__ import annotations

import errno
import os
import stat

_counter = 0


def read_bytes(path: str) -> bytes | None:
    """A file's content, or ``None`` when there is no such file."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        size = os.fstat(fd).st_size
        data = os.read(fd, size + 1)
        if len(data) <= size and (size or not data):
            return data
        chunks = [data]
        while chunk := os.read(fd, 1 << 20):
            chunks.append(chunk)
        return b"".join(chunks)
    finally:
        os.close(fd)


def write_atomic(
    path: str, data: bytes, *, mode: int = 0o600, durable: bool = False, alone: bool = False
) -> None:
    """Replace a file by rename, so that readers see the old or the new content.

    With ``durable`` the content reaches the disk before the name does, and the call
    waits for that; without, a loss of power may take the change with it. ``alone`` says
    that a lock keeps other writers away: then the temporary file always has the
    same name, and what a killed writer left is used up by the next one.
    """
    global _counter
    _counter += 1
    head, tail = os.path.split(path)
    temporary = f"{head}/.tmp-{tail}" + ("" if alone else f"{os.getpid()}.{_counter}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        fd = os.open(temporary, flags, mode)
    except FileExistsError:  # left behind by a killed process
        os.unlink(temporary)
        fd = os.open(temporary, flags, mode)
    try:
        try:
            if mode & 0o077:
                os.fchmod(fd, mode)  # whatever the umask
            view = memoryview(data)
            while view:
                view = view[os.write(fd, view) :]
            if durable:
                os.fdatasync(fd)
        finally:
            os.close(fd)
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def remove_tree(path: str) -> None:
    """Delete a file or a directory with all that is in it; nothing there is fine.

    Never follows a symbolic link and never crosses into a mount: a mount point inside
    is an error (EBUSY), so that a container's volumes cannot be emptied by accident.
    """
    try:
        os.rmdir(path)  # the usual case for an empty directory, one call
        return
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno == errno.ENOTDIR:
            _unlink(path)
            return
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(path, flags)
    try:
        _empty(fd, os.fstat(fd).st_dev, path)
    finally:
        os.close(fd)
    try:
        os.rmdir(path)
    except FileNotFoundError:
        return


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def _empty(top: int, device: int, path: str) -> None:
    """Empty an open directory. Iterative: a tree deeper than Python's stack must not stop it."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    stack = [(top, iter(_names(top)), "")]
    try:
        while stack:
            fd, names, own = stack[-1]
            name, is_dir = next(names, ("", False))
            if not name:
                stack.pop()
                if stack:
                    os.close(fd)
                    try:
                        os.rmdir(own, dir_fd=stack[-1][0])
                    except FileNotFoundError:
                        continue  # somebody else deletes the same tree
                continue
            if not is_dir:
                try:
                    os.unlink(name, dir_fd=fd)
                except FileNotFoundError:
                    continue
                continue
            try:
                os.rmdir(name, dir_fd=fd)
            except OSError as error:
                if error.errno == errno.ENOENT:
                    continue
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
                try:
                    child = os.open(name, flags, dir_fd=fd)
                except FileNotFoundError:
                    continue
                stack.append((child, iter(_names(child)), name))
                if os.fstat(child).st_dev != device:
                    raise OSError(errno.EBUSY, f"{name} is a mount point", path) from None
    finally:
        for fd, _, _ in stack[1:]:
            os.close(fd)


def _names(fd: int) -> list[tuple[str, bool]]:
    with os.scandir(fd) as entries:
        return [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]


def tree_usage(path: str) -> tuple[int, int]:
    """Bytes of the regular files below a directory (hard links once) and the number of inodes."""
    total = 0
    seen: set[tuple[int, int]] = set()
    pending = [path]
    while pending:
        directory = pending.pop()
        with os.scandir(directory) as entries:
            for entry in entries:
                info = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(info.st_mode):
                    pending.append(entry.path)
                key = (info.st_dev, info.st_ino)
                if key in seen:
                    continue
                seen.add(key)
                if stat.S_ISREG(info.st_mode):
                    total += info.st_size
    return total, len(seen) + 1
