"""Layer archives for tests, made member by member, the impossible ones as well."""

from __future__ import annotations

import io
import tarfile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MTIME = 1_600_000_000


def member(name: str, content: bytes | None = None, **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    """A member: a file with ``content``, else what ``type`` says (a directory by default).

    ``fields`` are those of ``tarfile.TarInfo`` (mode, uid, gid, mtime, linkname, devmajor...), and
    ``xattrs``: name -> bytes.
    """
    info = tarfile.TarInfo(name)
    info.type = tarfile.REGTYPE if content is not None else tarfile.DIRTYPE
    info.mode = 0o644 if content is not None else 0o755
    info.mtime = MTIME
    info.size = len(content or b"")
    info.pax_headers = {
        f"SCHILY.xattr.{xattr}": value.decode("utf-8", "surrogateescape")
        for xattr, value in fields.pop("xattrs", {}).items()
    }
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content or b""


def archive(*members: tuple[tarfile.TarInfo, bytes], format: int = tarfile.PAX_FORMAT) -> bytes:
    """The members as an uncompressed archive."""
    out = io.BytesIO()
    with tarfile.open(
        fileobj=out, mode="w", format=format, encoding="utf-8", errors="surrogateescape"
    ) as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def symlink(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    """A symbolic link."""
    return member(name, type=tarfile.SYMTYPE, linkname=target, mode=0o777)


def hardlink(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    """A hard link."""
    return member(name, type=tarfile.LNKTYPE, linkname=target)


def device(name: str, major: int, minor: int, *, block: bool = False) -> tuple[tarfile.TarInfo, bytes]:
    """A device node."""
    kind = tarfile.BLKTYPE if block else tarfile.CHRTYPE
    return member(name, type=kind, devmajor=major, devminor=minor, mode=0o600)


#: Archives that a store must refuse, each with the words that its error must hold.
HOSTILE: dict[str, tuple[bytes, str]] = {
    "absolute name": (archive(member("/etc/passwd", b"x")), "/etc/passwd"),
    "dot-dot name": (archive(member("a"), member("a/../../etc/passwd", b"x")), "etc/passwd"),
    "dot-dot at the start": (archive(member("../evil", b"x")), "../evil"),
    "symlink parent out of the root": (
        archive(symlink("esc", "../../../../../../tmp"), member("esc/polypod-evil", b"x")),
        "esc/polypod-evil",
    ),
    "two symlinks out of the root": (
        archive(member("d"), symlink("d/up", ".."), symlink("out", "d/up/.."), member("out/x", b"x")),
        "out/x",
    ),
    "symlink loop": (archive(symlink("a", "b"), symlink("b", "a"), member("a/x", b"x")), "a/x"),
    "hard link to an absolute name": (archive(hardlink("passwd", "/etc/passwd")), "passwd"),
    "hard link with dot-dot": (archive(hardlink("passwd", "../../../../etc/passwd")), "passwd"),
    "hard link through a symlink": (
        archive(symlink("esc", "../../../../../../etc"), hardlink("passwd", "esc/passwd")),
        "passwd",
    ),
    "hard link to nothing": (archive(hardlink("a", "b")), "b"),
    "file below a file": (archive(member("a", b"x"), member("a/b", b"x")), "a/b"),
    "whiteout of the parent": (archive(member("a"), member("a/.wh...", b"")), ".wh..."),
    "whiteout of nothing": (archive(member(".wh.", b"")), ".wh."),
    "long component": (archive(member("x" * 300, b"")), "xxx"),
    "endless name": (archive(member("y/" * 3000 + "z", b"")), "y/y/"),
    "device bomb": (archive(*(device(f"d{n}", 1, 3) for n in range(5000))), "device nodes"),
    "the top as a file": (archive(member("./", b"x", type=tarfile.SYMTYPE, linkname="/")), "top"),
}
