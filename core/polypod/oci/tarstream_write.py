"""Directories to tar archives: deterministic, with deletions as whiteouts.

Order is by name, a directory before its content. Times are whole seconds, names are
without users, so that the same tree always gives the same bytes.
"""

from __future__ import annotations

import os
import stat

from ..errors import StorageError
from .tarstream_parse import BLOCK, show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

END = bytes(2 * BLOCK)
_PIECE = 1 << 20
_MAX_OCTAL = 0o77777777777
_MAX_ID = 0o7777777
_TYPES = {
    stat.S_IFREG: b"0",
    stat.S_IFLNK: b"2",
    stat.S_IFCHR: b"3",
    stat.S_IFBLK: b"4",
    stat.S_IFDIR: b"5",
    stat.S_IFIFO: b"6",
}
_KEPT_XATTRS = ("security.capability", "security.ima", "user.")
_UNKEPT_XATTRS = ("user.overlay.", "user.fuseoverlayfs.")
_OVERLAY = ("trusted.overlay.", "user.overlay.", "user.fuseoverlayfs.")


def _octal(value: int, width: int) -> bytes:
    return b"%0*o\0" % (width - 1, value)


def _number(value: int, width: int, most: int) -> bytes:
    if 0 <= value <= most:
        return _octal(value, width)
    return (value + (1 << (8 * width)) if value < 0 else value | 1 << (8 * width - 1)).to_bytes(
        width, "big"
    )


def _pax(records: dict[bytes, bytes]) -> bytes:
    body = b""
    for key in sorted(records):
        line = b" " + key + b"=" + records[key] + b"\n"
        length = len(line) + len(str(len(line)))
        if len(str(length)) != len(str(len(line))):
            length = len(line) + len(str(length))
        body += str(length).encode() + line
    padded = body + bytes(-len(body) % BLOCK)
    return _header(b"PaxHeaders.0/x", 0o644, 0, 0, len(body), 0, b"x", b"", 0) + padded


def _header(
    name: bytes,
    mode: int,
    uid: int,
    gid: int,
    size: int,
    mtime: int,
    kind: bytes,
    link: bytes,
    device: int,
) -> bytes:
    major, minor = (os.major(device), os.minor(device)) if device else (0, 0)
    block = bytearray(
        name[:100].ljust(100, b"\0")
        + _octal(mode, 8)
        + _number(uid, 8, _MAX_ID)
        + _number(gid, 8, _MAX_ID)
        + _number(size, 12, _MAX_OCTAL)
        + _number(mtime, 12, _MAX_OCTAL)
        + b" " * 8
        + kind
        + link[:100].ljust(100, b"\0")
        + b"ustar\x0000"
        + bytes(64)
        + _octal(major, 8)
        + _octal(minor, 8)
        + bytes(167)
    )
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def member(
    name: bytes,
    info: os.stat_result,
    *,
    link: bytes = b"",
    hard: bool = False,
    xattrs: dict[str, bytes] | None = None,
) -> bytes:
    """The header blocks of one member; content and padding are the caller's to add."""
    kind = b"1" if hard else _TYPES[stat.S_IFMT(info.st_mode)]
    records: dict[bytes, bytes] = {}
    if len(name) > 100:
        records[b"path"] = name
    if len(link) > 100:
        records[b"linkpath"] = link
    size = info.st_size if kind == b"0" else 0
    for key, value in (xattrs or {}).items():
        records[b"SCHILY.xattr." + os.fsencode(key)] = value
    device = info.st_rdev if kind in (b"3", b"4") else 0
    block = _header(
        name,
        stat.S_IMODE(info.st_mode),
        info.st_uid,
        info.st_gid,
        size,
        info.st_mtime_ns // 1_000_000_000,
        kind,
        link,
        device,
    )
    return _pax(records) + block if records else block


def whiteout(name: bytes, info: os.stat_result | None = None) -> bytes:
    """An empty file ``.wh.NAME`` beside what is deleted."""
    head, slash, tail = name.rpartition(b"/")
    mtime = info.st_mtime_ns // 1_000_000_000 if info is not None else 0
    path = head + slash + b".wh." + tail
    block = _header(path, 0o600, 0, 0, 0, mtime, b"0", b"", 0)
    return _pax({b"path": path}) + block if len(path) > 100 else block


def read_xattrs(path: bytes, *, follow: bool = False) -> dict[str, bytes]:
    """The attributes that travel with a layer: capabilities, IMA and the users' own."""
    try:
        names = os.listxattr(path, follow_symlinks=follow)
    except OSError:
        return {}
    return {
        name: os.getxattr(path, name, follow_symlinks=follow)
        for name in sorted(names)
        if name.startswith(_KEPT_XATTRS) and not name.startswith(_UNKEPT_XATTRS)
    }


class Writer:
    """Members of one archive, hard links found by inode."""

    def __init__(self) -> None:
        self._seen: dict[tuple[int, int], bytes] = {}

    def add(
        self, path: bytes, name: bytes, info: os.stat_result, *, through: bool = False
    ) -> Iterator[bytes]:
        """One member with its content. Sockets have no place in an archive and are left out.

        With ``through`` the path is that of an open descriptor in /proc, which leads to the member.
        """
        kind = stat.S_IFMT(info.st_mode)
        if kind not in _TYPES:
            return
        if kind == stat.S_IFDIR:
            yield member(name + b"/", info, xattrs=read_xattrs(path))
            return
        key = (info.st_dev, info.st_ino)
        if info.st_nlink > 1:
            first = self._seen.setdefault(key, name)
            if first is not name:
                yield member(name, info, link=first, hard=True)
                return
        if kind == stat.S_IFLNK:
            link = os.readlink(b"", dir_fd=int(path.rpartition(b"/")[2])) if through else os.readlink(path)
            yield member(name, info, link=link, xattrs={} if through else read_xattrs(path))
            return
        yield member(name, info, xattrs=read_xattrs(path, follow=through))
        if kind == stat.S_IFREG:
            yield from _content(path, info.st_size, 0 if through else os.O_NOFOLLOW)


def _content(path: bytes, size: int, flags: int = os.O_NOFOLLOW) -> Iterator[bytes]:
    left = size
    fd = os.open(path, os.O_RDONLY | flags | os.O_CLOEXEC)
    try:
        while left:
            piece = os.read(fd, min(left, _PIECE))
            if not piece:
                # It shrank under our hands; the header's size is a promise.
                piece = bytes(min(left, _PIECE))
            left -= len(piece)
            yield piece
    finally:
        os.close(fd)
    if size % BLOCK:
        yield bytes(-size % BLOCK)


def _entries(path: bytes) -> list[tuple[bytes, os.stat_result]]:
    with os.scandir(path) as entries:
        found = [(entry.name, entry.stat(follow_symlinks=False)) for entry in entries]
    return sorted(found, key=lambda item: item[0])


def write_tree(tree: str) -> Iterator[bytes]:
    """A whole directory as an archive."""
    top = os.fsencode(tree)
    writer = Writer()
    yield from writer.add(top, b".", os.lstat(top))

    def walk(path: bytes, prefix: bytes) -> Iterator[bytes]:
        for name, info in _entries(path):
            yield from writer.add(path + b"/" + name, prefix + name, info)
            if stat.S_ISDIR(info.st_mode):
                yield from walk(path + b"/" + name, prefix + name + b"/")

    yield from walk(top, b"")
    yield END


def write_changes(tree: str) -> Iterator[bytes]:
    """A directory of changes as overlay keeps them: its deletions become whiteouts.

    Whiteouts that are files already (fuse-overlayfs without privileges) stay as they are. What
    overlay moved or changed without its content is a ``StorageError``: the content lies in lower layers.
    """
    top = os.fsencode(tree)
    writer = Writer()
    yield from writer.add(top, b".", os.lstat(top))

    def walk(path: bytes, prefix: bytes) -> Iterator[bytes]:
        for name, info in _entries(path):
            own = path + b"/" + name
            if stat.S_ISCHR(info.st_mode) and info.st_rdev == 0:
                yield whiteout(prefix + name, info)
                continue
            opaque = _overlay_marks(own, info)
            yield from writer.add(own, prefix + name, info)
            if stat.S_ISDIR(info.st_mode):
                if opaque and not os.path.lexists(own + b"/.wh..wh..opq"):
                    yield whiteout(prefix + name + b"/.wh..opq", info)
                yield from walk(own, prefix + name + b"/")

    yield from walk(top, b"")
    yield END


def _overlay_marks(path: bytes, info: os.stat_result) -> bool:
    """Whether a directory is opaque; refuses what overlay keeps elsewhere."""
    if not stat.S_ISDIR(info.st_mode) and not stat.S_ISREG(info.st_mode):
        return False
    opaque = False
    for name in os.listxattr(path, follow_symlinks=False):
        if not name.startswith(_OVERLAY):
            continue
        mark = name.rpartition(".")[2]
        if mark == "opaque":
            opaque = os.getxattr(path, name, follow_symlinks=False) == b"y"
        elif mark in ("redirect", "metacopy"):
            raise StorageError(
                f"{show(path)} keeps its content in a lower layer (overlay {mark});"
                " mount without redirect_dir and metacopy to take its diff"
            )
    return opaque


def differences(
    tree: str, below: str
) -> Iterator[tuple[bytes, bytes, os.stat_result | None]]:
    """What changed from one whole tree to another: (name, path, stat), without a stat when gone.

    The top itself is named ".". A directory comes before what is in it.
    """
    top, old_top = os.fsencode(tree), os.fsencode(below)
    root = os.lstat(top)
    if not _same(top, root, old_top, os.lstat(old_top)):
        yield b".", top, root
    pending = [(top, old_top, b"")]
    while pending:
        path, old, prefix = pending.pop()
        entries = _entries(path)
        names = {name for name, _ in entries}
        try:
            before = dict(_entries(old))
        except (FileNotFoundError, NotADirectoryError):
            before = {}
        for name in sorted(before.keys() - names):
            yield prefix + name, b"", None
        below_here = []
        for name, info in entries:
            own, other = path + b"/" + name, old + b"/" + name
            if name not in before or not _same(own, info, other, before[name]):
                yield prefix + name, own, info
            if stat.S_ISDIR(info.st_mode):
                below_here.append((own, other, prefix + name + b"/"))
        pending.extend(reversed(below_here))


def write_difference(tree: str, below: str) -> Iterator[bytes]:
    """What changed from one whole tree to another as an archive, ``below`` "" being an empty tree."""
    if not below:
        yield from write_tree(tree)
        return
    writer = Writer()
    for name, path, info in differences(tree, below):
        if info is None:
            yield whiteout(name)
        else:
            yield from writer.add(path, name, info)
    yield END


def _same(path: bytes, info: os.stat_result, old: bytes, before: os.stat_result) -> bool:
    if (info.st_mode, info.st_uid, info.st_gid, info.st_rdev) != (
        before.st_mode,
        before.st_uid,
        before.st_gid,
        before.st_rdev,
    ):
        return False
    if stat.S_ISLNK(info.st_mode):
        return os.readlink(path) == os.readlink(old)
    if not stat.S_ISDIR(info.st_mode):
        if info.st_size != before.st_size:
            return False
        # Copies of a tree may lose fractions of a second; the whole second must agree.
        if info.st_mtime_ns // 1_000_000_000 != before.st_mtime_ns // 1_000_000_000:
            return False
    return read_xattrs(path) == read_xattrs(old)
