"""Layers in plain files: deletions as ``.wh.`` files, as fuse-overlayfs and archives have them.

So an image store can lie on a file system that has no ``trusted.*`` attributes (9p, many FUSE and
network file systems), where the kernel's overlay could not keep its marks. Containers on such layers are mounted by
fuse-overlayfs. The store's home says so in the file that containers/storage has for it.
"""

from __future__ import annotations

import errno
import os

from polypod.errors import StorageError
from polypod.kit.atomic import read_bytes, write_atomic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

FLAG = ".has-mount-program"
PROGRAM = "fuse-overlayfs"
_NO_XATTRS = (errno.EOPNOTSUPP, errno.ENOSYS)


def is_plain(home: str) -> bool:
    """Whether the layers in a home were written for a mount program."""
    return (read_bytes(f"{home}/{FLAG}") or b"").strip() == b"true"


def mark(home: str) -> None:
    """Note that layers in a home are written for a mount program."""
    if not is_plain(home):
        os.makedirs(home, 0o700, exist_ok=True)
        write_atomic(f"{home}/{FLAG}", b"true")


def must_be(home: str) -> bool:
    """Whether new layers in a home have to be plain; notes it when its file system is such that they must.

    ``StorageError`` when they would have to be and nothing could mount them.
    """
    if is_plain(home):
        return True
    os.makedirs(f"{home}/l", 0o755, exist_ok=True)
    if not _lacks_xattrs(home):
        return False
    if not _path():
        raise StorageError(
            f"the file system at {home} has no extended attributes, which overlay needs; install"
            f" {PROGRAM}, or put the image store elsewhere"
        )
    mark(home)
    return True


def _lacks_xattrs(home: str) -> bool:
    """Tried by writing: some file systems read attributes that they do not let anybody set."""
    if os.geteuid() != 0:
        return False
    try:
        os.setxattr(f"{home}/l", "trusted.overlay.polypod", b"y")
        os.removexattr(f"{home}/l", "trusted.overlay.polypod")
    except OSError as error:
        return error.errno in _NO_XATTRS
    return False


def program_for(paths: Sequence[str], homes: Sequence[str]) -> str:
    """The mount program that a view of these directories needs, "" for the kernel's overlay."""
    for home in homes:
        if any(path.startswith(home + "/") for path in paths) and is_plain(home):
            program = _path()
            if not program:
                raise StorageError(f"the layers in {home} need {PROGRAM}, which is not installed")
            return program
    return ""


def _path() -> str:
    from shutil import which

    return which(PROGRAM) or ""
