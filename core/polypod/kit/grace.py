"""Have the kernel's grace period for moves between cgroups pass while we still read our modules.

The first process that writes ``cgroup.procs`` after some rest waits for an RCU grace
period, 4 to 15 ms, and holds the cgroup lock meanwhile; those who write shortly after it
pay nothing (``percpu_down_write`` of ``cgroup_threadgroup_rwsem``, kernel/cgroup/cgroup.c).
The OCI runtime joins a cgroup in the middle of every start and exec. So a thread writes
our own process to the cgroup that it is in, which moves nothing, at the very beginning.
docs/explanation/decisions/0010 has the figures.
"""

from __future__ import annotations

import os

_ROOT = "/sys/fs/cgroup"


def begin() -> None:
    """Start the thread; returns at once. Leaving the process waits until the thread's write is over."""
    from .background import Background

    Background(rejoin)


def rejoin(own: str = "/proc/self/cgroup", root: str = _ROOT) -> str:
    """Write this process to the cgroup where it is; return the file written, "" where none could be.

    A host that does not let us (read-only, rootless without delegation) loses only the head start.
    """
    try:
        with open(own, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().splitlines()
    except OSError:
        return ""
    pid = b"%d" % os.getpid()
    for line in reversed(lines):  # version 2 stands last, and has one hierarchy for all
        _, controllers, path = line.split(":", 2)
        if "/.." in path:
            continue  # outside of our cgroup namespace: that cgroup is not below the root
        name = controllers.removeprefix("name=")
        for place in (f"{root}/{name}",) if name else (f"{root}/unified", root):
            procs = f"{place}{path.rstrip('/')}/cgroup.procs"
            try:
                if _holds(procs, pid):
                    with open(procs, "wb", buffering=0) as file:
                        file.write(pid)
                    return procs
            except OSError:
                continue
    return ""


def _holds(procs: str, pid: bytes) -> bool:
    """Whether that is our cgroup: where another namespace's hierarchy is mounted, the path says another."""
    with open(procs, "rb") as file:
        return pid in file.read().split()
