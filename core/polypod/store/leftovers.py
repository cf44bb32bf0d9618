"""The old place of a store that was moved: removed, and nothing else that lies there by now."""

from __future__ import annotations

import errno
import os

from ..kit import fastjson
from ..kit.atomic import read_bytes, remove_tree
from ..model.imagestore import IDENTITY
from .places import LEFT

_AWAY = ".moved-"
_ATTEMPTS = 10


def remove_store(root: str, id: str, moved: str) -> None:
    """Remove what a move has left at the old place, and nothing else that may lie there by now.

    ``moved``: where the store is. A mount point itself stays.
    """
    if not os.path.isdir(root):
        if os.path.isfile(root) and os.path.isfile(moved) and _alike(root, moved):
            os.unlink(root)
        return
    if not set_aside(root, id):
        return
    names = [name for name in sorted(os.listdir(root)) if name not in ("lost+found", LEFT)]
    for name in names:
        if name.startswith(_AWAY):
            _remove(f"{root}/{name}")  # left by a kill
    for name in names:
        if not name.startswith(_AWAY):
            # Whoever writes here still, having come too late for the move, does not find it any more.
            os.rename(f"{root}/{name}", f"{root}/{_AWAY}{name}")
            _remove(f"{root}/{_AWAY}{name}")
    os.unlink(f"{root}/{LEFT}")
    try:
        os.rmdir(root)
    except OSError as error:
        if error.errno not in (errno.EBUSY, errno.ENOTEMPTY, errno.EEXIST):
            raise


def set_aside(root: str, id: str) -> bool:
    """Make the old place of a moved store one that nobody writes to any more; False when it is not its place."""
    if _id_in(f"{root}/{LEFT}") != id:
        if _id_in(f"{root}/{IDENTITY}") != id:
            return False
        os.rename(f"{root}/{IDENTITY}", f"{root}/{LEFT}")  # no store any more; a kill is taken up again
    return True


def _remove(path: str) -> None:
    """Remove a tree, also when a process that has a directory of it open puts one more file there."""
    for attempt in range(_ATTEMPTS):
        try:
            remove_tree(path)
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) or attempt == _ATTEMPTS - 1:
                raise


def _id_in(path: str) -> str:
    try:
        return str(fastjson.loads(read_bytes(path) or b"{}").get("id", ""))
    except (ValueError, AttributeError):
        return ""


def _alike(one: str, other: str) -> bool:
    """Whether two files are, as far as one can tell from their beginnings, the same store."""
    with open(one, "rb", buffering=0) as a, open(other, "rb", buffering=0) as b:
        same_size = os.fstat(a.fileno()).st_size == os.fstat(b.fileno()).st_size
        return same_size and a.read(1 << 20) == b.read(1 << 20)
