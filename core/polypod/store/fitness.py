"""Can containers stand on a store where it lies? Tried, not guessed."""

from __future__ import annotations

import errno
import os

from ..kit import mounts
from ..kit.atomic import read_bytes, remove_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .foreign import Root

_NO_XATTRS = (errno.EOPNOTSUPP, errno.ENOSYS, errno.EPERM, errno.EACCES)


def overlay_refuses(root: Root, workplace: str) -> str:
    """Why the kernel's overlay cannot use the store's layers as lower directories, or "".

    ``workplace`` is an existing directory of the graphroot: upper and work directory lie there.
    """
    lowers = [tree for id in root.layers if os.path.isdir(tree := root.tree(id))][:2]
    lowers = lowers or [root.root]
    top = f"{workplace}/trial-{os.getpid()}"
    try:
        for name in ("upper", "work", "merged"):
            os.makedirs(f"{top}/{name}", 0o700)
        joined = ":".join(lowers)
        if ":" in root.root or "," in root.root:
            return f"its path {root.root} has a character that overlay's options cannot hold"
        data = f"lowerdir={joined},upperdir={top}/upper,workdir={top}/work"
        try:
            mounts.mount("overlay", f"{top}/merged", "overlay", 0, data)
        except OSError as error:
            if error.errno == errno.EPERM and os.geteuid() != 0:
                return ""  # a matter of privileges: the driver has its own ways
            return f"overlay refuses it as a lower layer ({os.strerror(error.errno or 0).lower()})"
        try:
            os.listdir(f"{top}/merged")
        except OSError as error:
            return f"overlay cannot read it ({os.strerror(error.errno or 0).lower()})"
        finally:
            mounts.umount(f"{top}/merged", mounts.MNT_DETACH)
        return ""
    finally:
        remove_tree(top)


def for_program(root: Root) -> str:
    """Why the kernel would misread the layers, or "": they were written for fuse-overlayfs (``.wh.`` files)."""
    flag = read_bytes(f"{root.root}/{root.driver}/.has-mount-program")
    return "its layers were written for fuse-overlayfs" if (flag or b"").strip() == b"true" else ""


def lacks_xattrs(path: str) -> bool:
    """Whether a directory cannot tell its ``trusted.*`` attributes; for a user, any."""
    name = "trusted.overlay.opaque" if os.geteuid() == 0 else "user.overlay.opaque"
    try:
        os.getxattr(path, name)
    except OSError as error:
        return error.errno in _NO_XATTRS
    return False


def must_rebuild(root: Root) -> str:
    """Why layers have to be made anew from tar-split data, or "": their xattrs do not show."""
    trees = [id for id in root.layers if os.path.isdir(root.tree(id))]
    if not trees or not lacks_xattrs(root.tree(trees[0])):
        return ""
    if any(root.needs_xattrs(id) for id in trees):
        return "its file system shows no extended attributes, and layers have some"
    return ""


def has_erofs() -> bool:
    """Whether an erofs file can be made and mounted here."""
    from shutil import which

    if which("mkfs.erofs") is None:
        return False
    with open("/proc/filesystems", encoding="ascii", errors="replace") as file:
        return "\terofs\n" in file.read() or which("erofsfuse") is not None
