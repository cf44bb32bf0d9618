"""Remove run directories that a command left when it was killed before its container was recorded.

Between making the lock file and writing the first record there is a moment; a SIGKILL in it
leaves an empty run directory that belongs to nothing. `rm --all` and `container prune` look.
"""

from __future__ import annotations

import fcntl
import os

from .tree import remove_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .runtime import Runtime


def sweep(rt: Runtime) -> list[str]:
    """Delete such directories and return the IDs that they were named after."""
    base = os.path.dirname(os.path.dirname(rt.run_dir("x")))
    try:
        names = [name for name in os.listdir(base) if len(name) == 64]
    except FileNotFoundError:
        return []
    known = set(rt.records.containers.ids()) if names else set()
    return [name for name in names if name not in known and _removed(rt, name)]


def _removed(rt: Runtime, name: str) -> bool:
    """Only what is ours (a lock file and nothing more) and nobody's at work on."""
    folder = rt.run_dir(name)
    try:
        if os.listdir(folder) not in (["lock"], []):
            return False
        fd = os.open(f"{folder}/lock", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever held the lock may have recorded the container since we looked.
        if name in rt.records.containers.ids():
            return False
        remove_tree(os.path.dirname(folder))
    except BlockingIOError:
        return False
    finally:
        os.close(fd)
    return True
