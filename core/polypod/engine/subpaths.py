"""Subpaths of mounts: pinned before the OCI runtime sees them.

Whoever else has a volume may put a symbolic link in place of one of its directories at any
moment, so the path of a subpath proves nothing by the time that it is mounted. Here it is opened
once, below the volume's root, and the open file itself is mounted at a place in the container's
run directory. The runtime gets that place, which no container can change.
"""

from __future__ import annotations

import errno
import os
import stat

from ..errors import StorageError, UsageError
from ..kit import mounts
from ..oci.users import open_in_root
from .tree import remove_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..model.container import Container, Mount

#: Mounts of something on the host; a subpath of any other means nothing.
_SOURCED = frozenset(("bind", "volume", "overlay", "image"))
#: With these the container sees what is mounted below the source later, or the source what it mounts.
_PROPAGATED = frozenset(("shared", "rshared", "slave", "rslave"))


def pin_subpaths(container: Container, entries: Iterable[Mount]) -> list[Mount]:
    """The mounts, those with a subpath replaced by ones of the same file or directory under a private path.

    Sources must be real paths. Raises ``UsageError`` when there is no such subpath, and
    ``StorageError``; :func:`release_subpaths` undoes also what was half done.
    """
    release_subpaths(container)
    folder = _folder(container)
    try:
        os.makedirs(folder, 0o700, exist_ok=True)
        # Else each would also be mounted in every container that has the host's /run.
        mounts.make_private(folder)
    except OSError as error:
        raise StorageError(f"cannot prepare {folder} for subpaths: {_reason(error)}") from error
    return [
        _pinned(entry, f"{folder}/{number}") if entry.subpath and entry.type in _SOURCED else entry
        for number, entry in enumerate(entries)
    ]


def release_subpaths(container: Container) -> None:
    """Unmount and delete what :func:`pin_subpaths` made; safe to repeat."""
    folder = _folder(container)
    try:
        # A mount inside that is shared with the volume's own would be unmounted there too.
        mounts.mount("", folder, "", mounts.MS_PRIVATE | mounts.MS_REC)
        mounts.umount(folder, mounts.MNT_DETACH | mounts.UMOUNT_NOFOLLOW)
    except OSError as error:
        if error.errno == errno.ENOENT:
            return
        if error.errno != errno.EINVAL:  # not mounted: only the directory is left
            raise StorageError(f"cannot unmount {folder}: {_reason(error)}") from error
    try:
        remove_tree(folder)
    except OSError as error:
        raise StorageError(f"cannot remove {folder}: {_reason(error)}") from error


def _folder(container: Container) -> str:
    return f"{container.run_dir}/subpaths"


def _pinned(entry: Mount, target: str) -> Mount:
    where = f"subpath {entry.subpath} of {entry.name or entry.source}"
    try:
        fd = open_in_root(entry.source, entry.subpath)
    except OSError as error:
        raise UsageError(f"cannot use {where}: {error.strerror}") from error
    try:
        if "U" in entry.options:
            from ..oci.spec_owner import refuse_precious

            real = os.readlink(f"/proc/self/fd/{fd}")
            refuse_precious(real, real)
        _bind(fd, target, entry.options)
    except OSError as error:
        raise StorageError(f"cannot mount {where}: {_reason(error)}") from error
    finally:
        os.close(fd)
    return entry.evolve(source=target, subpath="")


def _bind(fd: int, target: str, options: tuple[str, ...]) -> None:
    """Mount the open file or directory, with the mounts below it unless ``bind`` says no."""
    if stat.S_ISDIR(os.fstat(fd).st_mode):
        os.mkdir(target, 0o700)
    else:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    depth = 0 if "bind" in options else mounts.MS_REC
    mounts.mount(f"/proc/self/fd/{fd}", target, "", mounts.MS_BIND | depth)
    if _PROPAGATED.isdisjoint(options):
        mounts.mount("", target, "", mounts.MS_PRIVATE | mounts.MS_REC)


def _reason(error: OSError) -> str:
    return os.strerror(error.errno or 0).lower()
