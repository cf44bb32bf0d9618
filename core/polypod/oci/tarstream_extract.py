"""Layer entries to files: owners, modes, times, xattrs, links, devices, whiteouts."""

from __future__ import annotations

import errno
import os
import stat

from ..errors import HostileLayer, StorageError
from . import tarstream_parse as tar
from .tarstream_parse import Entry, show
from .tarstream_root import Root, clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .tarstream_parse import Feed

WHITEOUT = b".wh."
OPAQUE = b".wh..wh..opq"
_AUFS = b".wh..wh."
#: Real base images have a few dozen device nodes at most.
MAX_DEVICES = 4096
_PIECE = 1 << 20
# Written by overlay itself, or by a security module of another host: not a layer's to set.
_IGNORED_XATTRS = ("trusted.overlay.", "user.overlay.", "security.selinux")
_DEFAULT_ACL = "system.posix_acl_default"
_NO_XATTRS = (errno.EOPNOTSUPP, errno.ENOSYS)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Extractor:
    """Puts entries into one directory; ``finish`` sets the directories' times.

    ``whiteouts`` is how deletions are kept: see ``polypod.spec.storage.storage_extraction``; ``"none"``
    is for an archive that is no layer: a name that looks like a whiteout is one like any other.
    """

    def __init__(
        self, path: str, *, whiteouts: str = "overlay", ignore_chown_errors: bool = False
    ) -> None:
        self._root = Root(path)
        self._whiteouts = whiteouts
        self._ignore_chown = ignore_chown_errors
        self._devices = 0
        self._times: dict[tuple[bytes, ...], int] = {}
        self._made: set[tuple[bytes, ...]] = set()  # only for "apply": what this layer brought
        self._opaque = "user.overlay.opaque" if whiteouts == "user" else "trusted.overlay.opaque"
        self._plain = whiteouts not in ("apply", "none") and _makes_plain_files(path)
        self._masked = _umask() | 0o7000
        self.uids: set[int] = set()
        self.gids: set[int] = set()
        self._last: tuple[list[bytes], int] | None = None

    @property
    def has_top(self) -> bool:
        """Whether the archive had an entry for its top directory."""
        return () in self._times

    def close(self) -> None:
        self._root.close()

    # -- one entry -----------------------------------------------------------------------------

    def add(self, entry: Entry, feed: Feed, checksum: Callable[..., int]) -> int:
        """Create what the entry says, reading its content from ``feed``; returns the content's CRC."""
        parts = clean(entry.name)
        kind = entry.type
        name = parts[-1] if parts else b"."
        if name.startswith(WHITEOUT) and self._whiteouts not in ("aufs", "none") and parts:
            self._whiteout(entry, parts)
            return _skip(feed, entry.stored, checksum)
        self.uids.add(entry.uid)
        self.gids.add(entry.gid)
        try:
            if kind == tar.REGULAR:
                return self._file(entry, parts, feed, checksum)
            if kind == tar.DIRECTORY:
                self._directory(entry, parts)
            elif kind in (tar.SYMLINK, tar.HARDLINK, tar.FIFO, tar.CHAR, tar.BLOCKDEV):
                if not parts:
                    raise HostileLayer(f"layer entry {show(entry.name)}: the top must be a directory")
                self._special(entry, parts)
            else:
                raise StorageError(
                    f"layer entry {show(entry.name)}: unknown type {show(kind)} in the tar archive"
                )
        except NotADirectoryError:
            raise HostileLayer(
                f"layer entry {show(entry.name)}: something on its way is not a directory"
            ) from None
        except OSError as error:
            raise self._named(entry, error) from error
        return _skip(feed, entry.stored, checksum)

    def _named(self, entry: Entry, error: OSError) -> StorageError:
        name = show(entry.name)
        if error.errno == errno.ENAMETOOLONG:
            return HostileLayer(f"layer entry {name}: name too long")
        if error.errno == errno.EPERM and entry.type in (tar.CHAR, tar.BLOCKDEV):
            return StorageError(
                f"layer entry {name}: device nodes need CAP_MKNOD outside of a user namespace"
            )
        return StorageError(f"cannot extract layer entry {name}: {(error.strerror or '').lower()}")

    def _parent(self, parts: list[bytes], entry: Entry) -> int:
        above = parts[:-1]
        last = self._last
        if last is not None and last[0] == above and last[1] >= 0:
            return last[1]
        fd = self._root.directory(above, create=True, entry=entry.name)
        self._last = (above, fd)
        return fd

    def _open(self, parts: list[bytes], entry: Entry, *, create: bool = False) -> int:
        """A directory other than the current parent; the cache may drop the parent's descriptor."""
        self._last = None
        return self._root.directory(parts, create=create, entry=entry.name)

    def _forget(self) -> None:
        self._last = None
        self._root.forget()

    # -- kinds ---------------------------------------------------------------------------------

    def _file(
        self, entry: Entry, parts: list[bytes], feed: Feed, checksum: Callable[..., int]
    ) -> int:
        if not parts:
            raise HostileLayer(f"layer entry {show(entry.name)}: the top must be a directory")
        parent = self._parent(parts, entry)
        # Most files are root's and have a mode that the umask lets through: made so at once.
        plain = self._plain and not (entry.uid or entry.gid or entry.mode & self._masked)
        mode = entry.mode if plain else 0o600
        try:
            fd = os.open(parts[-1], _CREATE, mode, dir_fd=parent)
        except FileExistsError:
            self._clear(parts, parent, entry)
            fd = os.open(parts[-1], _CREATE, mode, dir_fd=self._parent(parts, entry))
        try:
            crc = _sparse(fd, entry, feed, checksum) if entry.sparse is not None else _copy(
                fd, entry, feed, checksum
            )
            if not plain:
                self._own(fd, entry)
                os.fchmod(fd, entry.mode)
            for name, value in entry.xattrs.items():
                self._xattr(fd, name, value)
            os.utime(fd, ns=(entry.mtime_ns, entry.mtime_ns))
        finally:
            os.close(fd)
        self._note(parts)
        return crc

    def _directory(self, entry: Entry, parts: list[bytes]) -> None:
        opaque = False
        if parts:
            parent = self._parent(parts, entry)
            try:
                os.mkdir(parts[-1], 0o700, dir_fd=parent)
            except FileExistsError:
                info = os.stat(parts[-1], dir_fd=parent, follow_symlinks=False)
                if not stat.S_ISDIR(info.st_mode):
                    # A deletion and a new directory in one layer: nothing of the old one shows.
                    opaque = stat.S_ISCHR(info.st_mode) and info.st_rdev == 0
                    self._clear(parts, parent, entry)
                    parent = self._parent(parts, entry)
                    os.mkdir(parts[-1], 0o700, dir_fd=parent)
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            fd = os.open(parts[-1], flags, dir_fd=parent)
        else:
            fd = os.dup(self._root.fd)
        try:
            self._own(fd, entry)
            os.fchmod(fd, entry.mode)
            for name, value in entry.xattrs.items():
                self._xattr(fd, name, value)
            if opaque and self._whiteouts in ("overlay", "user"):
                os.setxattr(fd, self._opaque, b"y")
        finally:
            os.close(fd)
        if entry.mode & stat.S_ISGID or _DEFAULT_ACL in entry.xattrs:
            self._plain = False
        self._times[tuple(parts)] = entry.mtime_ns
        self._note(parts)

    def _special(self, entry: Entry, parts: list[bytes]) -> None:
        parent = self._parent(parts, entry)
        if entry.type == tar.HARDLINK and self._same(entry, parts):
            return
        try:
            self._make(entry, parts[-1], parent)
        except FileExistsError:
            self._clear(parts, parent, entry)
            parent = self._parent(parts, entry)
            self._make(entry, parts[-1], parent)
        self._note(parts)
        if entry.type == tar.HARDLINK:
            return
        name = parts[-1]
        if entry.uid or entry.gid or os.geteuid():
            try:
                os.chown(name, entry.uid, entry.gid, dir_fd=parent, follow_symlinks=False)
            except PermissionError:
                if not self._ignore_chown:
                    raise
        if entry.type != tar.SYMLINK:
            os.chmod(name, entry.mode, dir_fd=parent)
        for key, value in entry.xattrs.items():
            self._xattr(f"/proc/self/fd/{parent}/{os.fsdecode(name)}", key, value)
        times = (entry.mtime_ns, entry.mtime_ns)
        os.utime(name, ns=times, dir_fd=parent, follow_symlinks=False)

    def _make(self, entry: Entry, name: bytes, parent: int) -> None:
        if entry.type == tar.SYMLINK:
            if not entry.linkname:
                raise HostileLayer(f"layer entry {show(entry.name)}: symbolic link to nothing")
            os.symlink(entry.linkname, name, dir_fd=parent)
        elif entry.type == tar.HARDLINK:
            self._hard_link(entry, name, parent)
        elif entry.type == tar.FIFO:
            os.mkfifo(name, 0o600, dir_fd=parent)
        else:
            self._devices += 1
            if self._devices > MAX_DEVICES:
                raise HostileLayer(
                    f"layer entry {show(entry.name)}: more than {MAX_DEVICES} device nodes"
                )
            kind = stat.S_IFCHR if entry.type == tar.CHAR else stat.S_IFBLK
            try:
                device = os.makedev(entry.major, entry.minor)
                os.mknod(name, kind | 0o600, device, dir_fd=parent)
            except (OverflowError, ValueError):
                raise HostileLayer(
                    f"layer entry {show(entry.name)}: no device has these numbers"
                ) from None

    def _target(self, entry: Entry) -> list[bytes]:
        if entry.linkname.startswith(b"/"):
            raise HostileLayer(
                f"layer entry {show(entry.name)}: hard link to the absolute name {show(entry.linkname)}"
            )
        try:
            return clean(entry.linkname)
        except HostileLayer:
            raise HostileLayer(
                f"layer entry {show(entry.name)}: hard link out of the layer, to {show(entry.linkname)}"
            ) from None

    def _same(self, entry: Entry, parts: list[bytes]) -> bool:
        """A hard link to itself, as some writers repeat a file: nothing to do, nothing to remove."""
        return self._target(entry) == parts

    def _hard_link(self, entry: Entry, name: bytes, parent: int) -> None:
        target = self._target(entry)
        missing = HostileLayer(
            f"layer entry {show(entry.name)}: hard link to {show(entry.linkname)}, which is not in the layer"
        )
        if not target:
            raise missing
        # The parent's descriptor must survive the look-up, which may empty the cache.
        kept = os.dup(parent)
        try:
            source = self._open(target[:-1], entry)
            os.link(target[-1], name, src_dir_fd=source, dst_dir_fd=kept, follow_symlinks=False)
        except FileNotFoundError:
            raise missing from None
        finally:
            os.close(kept)

    # -- whiteouts -----------------------------------------------------------------------------

    def _whiteout(self, entry: Entry, parts: list[bytes]) -> None:
        name = parts[-1]
        if name == OPAQUE:
            self._make_opaque(entry, parts[:-1])
            return
        if name.startswith(_AUFS):
            return  # aufs' own bookkeeping
        hidden = name[len(WHITEOUT) :]
        if hidden in (b"", b".", b".."):
            raise HostileLayer(f"layer entry {show(entry.name)}: whiteout of a directory itself")
        target = [*parts[:-1], hidden]
        if self._whiteouts == "apply":
            self._delete(entry, target)
            return
        parent = self._parent(parts, entry)
        try:
            os.mknod(hidden, stat.S_IFCHR, 0, dir_fd=parent)
        except FileExistsError:
            info = os.stat(hidden, dir_fd=parent, follow_symlinks=False)
            if stat.S_ISDIR(info.st_mode):
                self._make_opaque(entry, target)

    def _make_opaque(self, entry: Entry, parts: list[bytes]) -> None:
        if self._whiteouts != "apply":
            fd = self._open(parts, entry, create=True)
            os.setxattr(fd, self._opaque, b"y")
            return
        try:
            fd = self._open(parts, entry)
        except FileNotFoundError:
            return
        for name in os.listdir(fd):
            self._delete(entry, [*parts, os.fsencode(name)])

    def _delete(self, entry: Entry, parts: list[bytes]) -> None:
        """Remove what a lower layer brought; what this layer brought stays."""
        key = tuple(parts)
        try:
            parent = self._open(parts[:-1], entry)
            info = os.stat(parts[-1], dir_fd=parent, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return
        if stat.S_ISDIR(info.st_mode):
            if any(made[: len(key)] == key for made in self._made):
                fd = self._open(parts, entry)
                for name in os.listdir(fd):
                    self._delete(entry, [*parts, os.fsencode(name)])
                return
            self._remove_tree(parts, entry)
        elif key not in self._made:
            os.unlink(parts[-1], dir_fd=parent)

    def _remove_tree(self, parts: list[bytes], entry: Entry) -> None:
        from ..kit.atomic import remove_tree

        parent = os.dup(self._open(parts[:-1], entry))
        self._forget()
        try:
            remove_tree(f"/proc/self/fd/{parent}/{os.fsdecode(parts[-1])}")
        finally:
            os.close(parent)

    # -- helpers -------------------------------------------------------------------------------

    def _clear(self, parts: list[bytes], parent: int, entry: Entry) -> None:
        """Make room for an entry whose name is taken by an earlier one (or a lower layer's)."""
        info = os.stat(parts[-1], dir_fd=parent, follow_symlinks=False)
        if stat.S_ISDIR(info.st_mode):
            self._remove_tree(parts, entry)
            prefix = tuple(parts)
            self._times = {k: v for k, v in self._times.items() if k[: len(prefix)] != prefix}
        else:
            os.unlink(parts[-1], dir_fd=parent)
            if stat.S_ISLNK(info.st_mode):
                self._forget()  # directories may have been reached through it

    def _note(self, parts: list[bytes]) -> None:
        if self._whiteouts == "apply":
            self._made.add(tuple(parts))

    def _own(self, fd: int, entry: Entry) -> None:
        try:
            os.fchown(fd, entry.uid, entry.gid)
        except PermissionError:
            if not self._ignore_chown:
                raise

    def _xattr(self, where: int | str, name: str, value: bytes) -> None:
        if name.startswith(_IGNORED_XATTRS):
            return
        try:
            if isinstance(where, int):
                os.setxattr(where, name, value)
            else:
                os.setxattr(where, name, value, follow_symlinks=False)
        except OSError as error:
            # As podman does: the file system has no such attributes, and the file is still of use.
            if error.errno not in _NO_XATTRS:
                raise

    def finish(self) -> None:
        """Set the directories' times, which filling them changed; deepest first."""
        for parts in sorted(self._times, key=len, reverse=True):
            when = self._times[parts]
            try:
                fd = self._root.directory(list(parts), create=False, entry=b"/".join(parts))
            except (FileNotFoundError, NotADirectoryError):
                continue
            os.utime(fd, ns=(when, when))


def _makes_plain_files(path: str) -> bool:
    """Whether new files below a directory are root's, with the mode that was asked for."""
    if os.geteuid() or os.getegid() or os.stat(path).st_mode & stat.S_ISGID:
        return False
    try:
        return _DEFAULT_ACL not in os.listxattr(path)
    except OSError:
        return True  # no attributes, no lists of access


def _umask() -> int:
    with open("/proc/self/status", "rb") as file:
        for line in file:
            if line.startswith(b"Umask:"):
                return int(line[6:], 8)
    return 0o7777


def _copy(fd: int, entry: Entry, feed: Feed, checksum: Callable[..., int]) -> int:
    left, crc = entry.stored, 0
    while left:
        piece = feed.piece(min(left, _PIECE))
        if not piece:
            raise StorageError(f"the layer's archive ends in the middle of {show(entry.name)}")
        crc = checksum(piece, crc)
        left -= len(piece)
        written = os.write(fd, piece)
        while written < len(piece):
            written += os.write(fd, piece[written:])
    return crc


def _sparse(fd: int, entry: Entry, feed: Feed, checksum: Callable[..., int]) -> int:
    left, crc = entry.stored, 0
    for offset, length in entry.sparse or ():
        if offset < 0 or length < 0 or length > left or offset + length > entry.size:
            raise HostileLayer(f"layer entry {show(entry.name)}: sparse map beyond the file")
        left -= length
        while length:
            piece = feed.piece(min(length, _PIECE))
            if not piece:
                raise StorageError(f"the layer's archive ends in the middle of {show(entry.name)}")
            os.pwrite(fd, piece, offset)
            crc = checksum(piece, crc)
            offset += len(piece)
            length -= len(piece)
    os.ftruncate(fd, entry.size)
    return crc if not left else _skip(feed, left, checksum, crc)


def _skip(feed: Feed, size: int, checksum: Callable[..., int], crc: int = 0) -> int:
    while size:
        piece = feed.piece(min(size, _PIECE))
        if not piece:
            raise StorageError("the layer's archive ends in the middle of an entry")
        crc = checksum(piece, crc)
        size -= len(piece)
    return crc
