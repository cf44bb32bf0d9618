"""Remove run directories that a command left when it was killed before its container was recorded.

Between making the lock file and writing the first record there is a moment, and so there is between
the last record and the last directory that ``rm`` deletes; a SIGKILL in it
leaves an empty run directory, or the monitor's notes, that belong to nothing. `rm --all` and `container prune` look.
"""

from __future__ import annotations

import fcntl
import os

from .tree import remove_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .runtime import Runtime

#: What stays in a run directory until its container's record has gone: the lock, and who cleans up.
KEPT = ("lock", "owner")


def sweep(rt: Runtime) -> list[str]:
    """Delete such directories and return the IDs that they were named after."""
    removed = _sweep_run_directories(rt)
    for base in (rt.exit_dir, os.path.dirname(rt.persist_dir("x"))):
        _sweep_notes(rt, base)
    return removed


def _sweep_notes(rt: Runtime, base: str) -> None:
    """Delete a monitor's notes when not even a run directory, which is made first and goes last, is left."""
    try:
        names = [name for name in os.listdir(base) if len(name) == 64]
    except FileNotFoundError:
        return
    known = set(rt.records.containers.ids()) if names else set()  # a record is older than its notes
    for name in names:
        if name in known or os.path.lexists(os.path.dirname(rt.run_dir(name))):
            continue
        path = f"{base}/{name}"
        try:
            os.unlink(path)
        except FileNotFoundError:
            continue
        except IsADirectoryError:
            remove_tree(path)


def _sweep_run_directories(rt: Runtime) -> list[str]:
    base = os.path.dirname(os.path.dirname(rt.run_dir("x")))
    try:
        names = [name for name in os.listdir(base) if len(name) == 64]
    except FileNotFoundError:
        return []
    known = set(rt.records.containers.ids()) if names else set()
    return [name for name in names if name not in known and _removed(rt, name)]


def _removed(rt: Runtime, name: str) -> bool:
    """Only what is ours (:data:`KEPT` and nothing more) and nobody's at work on."""
    folder = rt.run_dir(name)
    try:
        if not set(KEPT).issuperset(os.listdir(folder)):
            return False
        fd = os.open(f"{folder}/lock", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return _empty_removed(rt, name)
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


def _empty_removed(rt: Runtime, name: str) -> bool:
    """A directory without a lock file; who is about to make one makes its directory anew."""
    if any(container["id"] == name for container in rt.store.containers()):
        return False  # another engine's
    folder = rt.run_dir(name)
    for path in (f"{folder}/owner", folder, os.path.dirname(folder)):
        try:
            (os.unlink if path.endswith("/owner") else os.rmdir)(path)
        except FileNotFoundError:
            continue
        except OSError:
            return False  # not empty: not ours
    return True
