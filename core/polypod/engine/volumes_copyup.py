"""Copy-up: an empty volume gets the content and the owner of the image's directory that it covers.

Everything goes through directory descriptors and follows no symbolic link, so that
nothing in an image leads the copy out of the container's root or out of the volume. A
copy that was killed is resumed: files appear under their names when they are complete.
"""

from __future__ import annotations

import os
import stat
from errno import ENODATA, ENOTSUP, EOPNOTSUPP, EPERM

from ..errors import StorageError
from ..oci.users import open_in_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model.container import Container, Mount
    from ..model.volume import Volume
    from .runtime import Runtime

_PARTIAL = ".polypod-copy-up"
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def fill(rt: Runtime, container: Container, mount: Mount, volume: Volume, rootfs: str) -> None:
    """Fill and own a volume as its first container finds it; the volume's lock is held."""
    try:
        changes = _fill(rt, container, mount, volume, rootfs)
    except OSError as error:
        raise StorageError(
            f"copying up to volume {volume.name}: {error.filename or mount.destination}: "
            f"{error.strerror}"
        ) from error
    if changes:
        rt.records.volumes.update(volume.name, lambda stored: stored.evolve(**changes))


def _fill(
    rt: Runtime, container: Container, mount: Mount, volume: Volume, rootfs: str
) -> dict[str, bool]:
    changes: dict[str, bool] = {}
    source = _source(rootfs, mount.destination)
    target = os.open(volume.mountpoint, _DIRECTORY)
    try:
        copied = False
        if volume.needs_copy_up and source >= 0 and _wants_copy(mount, volume):
            copied = _copy_up(volume, source, target)
            if copied:
                changes["needs_copy_up"] = False
        if "U" in mount.options:
            _chown_tree(target, *_user(container, rootfs))
        elif volume.needs_chown:
            filled_by_others = not copied and bool(os.listdir(target))
            if filled_by_others or _own(target, source, container, rootfs) or copied:
                changes["needs_chown"] = False
    finally:
        os.close(target)
        if source >= 0:
            os.close(source)
    return changes


def _wants_copy(mount: Mount, volume: Volume) -> bool:
    return "nocopy" not in mount.options and "nocopy" not in volume.options


def _source(rootfs: str, destination: str) -> int:
    """The image's directory at the destination, or -1 when there is none."""
    try:
        found = open_in_root(rootfs, destination, follow=False)
    except (FileNotFoundError, NotADirectoryError):
        return -1
    try:
        if not stat.S_ISDIR(os.fstat(found).st_mode):
            return -1
        return os.open(f"/proc/self/fd/{found}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    finally:
        os.close(found)


def _copy_up(volume: Volume, source: int, target: int) -> bool:
    """Copy when there is something to copy and the volume is empty; tell whether it was done."""
    mark = os.path.join(os.path.dirname(volume.mountpoint), _PARTIAL)
    resumed = os.path.exists(mark)
    if not os.listdir(source) or (os.listdir(target) and not resumed):
        return False
    os.close(os.open(mark, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    _Copy(target).directory(source, target)
    os.unlink(mark)
    return True


def _own(target: int, source: int, container: Container, rootfs: str) -> bool:
    """Give the volume the owner, mode and times of the directory that it covers.

    Without such a directory it goes to the container's user. Tells whether that is
    final: podman lets later containers take over a volume unless it became root's.
    """
    if source < 0:
        os.fchown(target, *_user(container, rootfs))
        return False
    status = os.fstat(source)
    os.fchown(target, status.st_uid, status.st_gid)
    os.fchmod(target, stat.S_IMODE(status.st_mode))
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
    return status.st_uid == 0 and status.st_gid == 0


def _user(container: Container, rootfs: str) -> tuple[int, int]:
    if container.process.user in ("", "0", "root", "0:0"):
        return 0, 0
    from ..oci.runtime_spec import user_database

    user = user_database(container, rootfs).resolve(container.process.user)
    return user.uid, user.gid


def _chown_tree(directory: int, uid: int, gid: int) -> None:
    """Option ``U``: everything in the volume goes to the container's user."""
    os.fchown(directory, uid, gid)
    for name in os.listdir(directory):
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode):
            below = os.open(name, _DIRECTORY, dir_fd=directory)
            try:
                _chown_tree(below, uid, gid)
            finally:
                os.close(below)
        else:
            os.chown(name, uid, gid, dir_fd=directory, follow_symlinks=False)


class _Copy:
    """One copy of a tree; remembers files with several names."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._path: list[str] = []
        self._links: dict[tuple[int, int], str] = {}

    def directory(self, source: int, target: int) -> None:
        for name in os.listdir(source):
            self._entry(name, source, target)

    def _entry(self, name: str, source: int, target: int) -> None:
        status = os.stat(name, dir_fd=source, follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode):
            self._below(name, status, source, target)
            return
        if status.st_nlink > 1 and self._link(name, status, target):
            return
        if _exists(name, target):
            return  # complete: from a copy that was killed
        if stat.S_ISREG(status.st_mode):
            self._file(name, status, source, target)
        else:
            self._special(name, status, source, target)

    def _below(self, name: str, status: os.stat_result, source: int, target: int) -> None:
        if not _exists(name, target):
            os.mkdir(name, 0o700, dir_fd=target)
        inner = os.open(name, _DIRECTORY, dir_fd=source)
        try:
            outer = os.open(name, _DIRECTORY, dir_fd=target)
            try:
                self._path.append(name)
                self.directory(inner, outer)
                self._path.pop()
                _attributes(inner, outer, status)
            finally:
                os.close(outer)
        finally:
            os.close(inner)

    def _link(self, name: str, status: os.stat_result, target: int) -> bool:
        key = (status.st_dev, status.st_ino)
        first = self._links.get(key)
        if first is None:
            self._links[key] = "/".join([*self._path, name])
            return False
        if not _exists(name, target):
            os.link(first, name, src_dir_fd=self._root, dst_dir_fd=target, follow_symlinks=False)
        return True

    def _file(self, name: str, status: os.stat_result, source: int, target: int) -> None:
        inner = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=source)
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
            outer = os.open(_PARTIAL, flags, 0o600, dir_fd=target)
            try:
                while os.sendfile(outer, inner, None, 1 << 30):
                    continue
                _attributes(inner, outer, status)
            finally:
                os.close(outer)
        finally:
            os.close(inner)
        os.rename(_PARTIAL, name, src_dir_fd=target, dst_dir_fd=target)

    def _special(self, name: str, status: os.stat_result, source: int, target: int) -> None:
        """Symbolic links, devices, FIFOs, sockets."""
        if stat.S_ISLNK(status.st_mode):
            os.symlink(os.readlink(name, dir_fd=source), name, dir_fd=target)
        else:
            os.mknod(name, status.st_mode, status.st_rdev, dir_fd=target)
        os.chown(name, status.st_uid, status.st_gid, dir_fd=target, follow_symlinks=False)
        if not stat.S_ISLNK(status.st_mode):
            os.chmod(name, stat.S_IMODE(status.st_mode), dir_fd=target)
        times = (status.st_atime_ns, status.st_mtime_ns)
        os.utime(name, ns=times, dir_fd=target, follow_symlinks=False)


def _exists(name: str, directory: int) -> bool:
    try:
        os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _attributes(source: int, target: int, status: os.stat_result) -> None:
    # The owner first: changing it takes away set-ID bits and file capabilities.
    os.fchown(target, status.st_uid, status.st_gid)
    os.fchmod(target, stat.S_IMODE(status.st_mode))
    for name in os.listxattr(source):
        if name.startswith("trusted.overlay."):
            continue  # the storage driver's own
        try:
            os.setxattr(target, name, os.getxattr(source, name))
        except OSError as error:
            # The volume's file system knows fewer of them, or we may not set this one.
            if error.errno not in (ENOTSUP, EOPNOTSUPP, EPERM, ENODATA):
                raise
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
