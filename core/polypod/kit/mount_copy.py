"""Take a mount out of another mount namespace into this one.

mount(2) binds only what is in the caller's own namespace. So a child goes into the other
one, clones the mount there without a place (open_tree(2)), comes back and puts
it down (move_mount(2)). Needs root and Linux 5.2.
"""

from __future__ import annotations

import os

from ..errors import StorageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_CLONE_NEWNS = 0x00020000
_AT_FDCWD = -100
# These two have the same number on every architecture.
_OPEN_TREE, _MOVE_MOUNT = 428, 429
_OPEN_TREE_CLONE, _OPEN_TREE_CLOEXEC = 1, os.O_CLOEXEC
_MOVE_MOUNT_F_EMPTY_PATH = 0x4


def copy_mount(pid: int, path: str, target: str) -> None:
    """Mount at ``target`` what process ``pid`` sees mounted at ``path``.

    The copy shares the file system, so both see each other's files, and stays when
    the process ends. Raises ``StorageError``.
    """
    import ctypes

    lib = ctypes.CDLL(None, use_errno=True)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = _copy(ctypes, lib, pid, path, target)
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code:
        reason = os.strerror(code) if code > 0 else f"killed by signal {-code}"
        raise StorageError(f"cannot share {path} of process {pid} at {target}: {reason.lower()}")


def _copy(ctypes: Any, lib: Any, pid: int, path: str, target: str) -> int:
    """The child's work; returns 0 or an errno."""
    try:
        home = os.open("/proc/self/ns/mnt", os.O_RDONLY)
        there = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY)
    except OSError as error:
        return error.errno or 1
    if lib.setns(there, _CLONE_NEWNS):
        return int(ctypes.get_errno())
    flags = _OPEN_TREE_CLONE | _OPEN_TREE_CLOEXEC
    tree = lib.syscall(_OPEN_TREE, _AT_FDCWD, path.encode(), flags)
    if tree < 0:
        return int(ctypes.get_errno())
    if lib.setns(home, _CLONE_NEWNS):
        return int(ctypes.get_errno())
    if lib.syscall(_MOVE_MOUNT, tree, b"", _AT_FDCWD, target.encode(), _MOVE_MOUNT_F_EMPTY_PATH):
        return int(ctypes.get_errno())
    return 0
