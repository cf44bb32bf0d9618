"""Put a monitor into a cgroup of its own (cgroupfs), so that it is not counted to its starter."""

from __future__ import annotations

import os

_ROOT = "/sys/fs/cgroup"


def enter(parent: str, pid: int) -> bool:
    """Move ``pid`` to ``<parent>/conmon`` in every hierarchy; False where none could be written.

    A host that does not allow it (rootless without delegation) loses nothing but the accounting.
    """
    moved = False
    for hierarchy in _hierarchies():
        place = f"{hierarchy}/{parent.strip('/')}/conmon"
        try:
            os.makedirs(place, exist_ok=True)
            _inherit_cpuset(place)
            with open(f"{place}/cgroup.procs", "w", encoding="utf-8") as file:
                file.write(str(pid))
            moved = True
        except OSError:
            continue
    return moved


def _hierarchies() -> list[str]:
    if os.path.exists(f"{_ROOT}/cgroup.procs"):
        return [_ROOT]
    seen: dict[str, str] = {}
    for name in sorted(os.listdir(_ROOT)):
        path = f"{_ROOT}/{name}"
        if os.path.exists(f"{path}/cgroup.procs") and name not in ("unified", "systemd"):
            seen.setdefault(os.path.realpath(path), path)
    return list(seen.values())


def _inherit_cpuset(place: str) -> None:
    """A new v1 cpuset has no CPUs and takes no process until it gets its parent's."""
    for name in ("cpuset.cpus", "cpuset.mems"):
        path = f"{place}/{name}"
        if not os.path.exists(path):
            return
        for level in (os.path.dirname(place), place):
            with open(f"{level}/{name}", encoding="utf-8") as file:
                if file.read().strip():
                    continue
            with open(f"{os.path.dirname(level)}/{name}", encoding="utf-8") as file:
                inherited = file.read()
            with open(f"{level}/{name}", "w", encoding="utf-8") as file:
                file.write(inherited)
