"""Let crun work on a host with hybrid cgroups.

crun refuses to run there while any controller is left to the cgroup2 hierarchy
("drop all controllers from cgroupv2"): on a host whose init mounts the usual v1
hierarchies by hand one such as hugetlb stays behind. Mounted as v1 beside the others, as systemd
does it in its hybrid layout, it is gone from there.
"""

from __future__ import annotations

import os

_LEFT = "/sys/fs/cgroup/unified/cgroup.controllers"


def left_to_cgroup2() -> list[str]:
    """Controllers that no v1 hierarchy has taken; none on a host that is not hybrid."""
    try:
        fd = os.open(_LEFT, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return []
    try:
        return os.read(fd, 4096).decode().split()
    finally:
        os.close(fd)


def mount_as_v1(controllers: list[str]) -> list[str]:
    """Mount them under /sys/fs/cgroup; returns those for which it worked.

    One that is in use in cgroup2, or that we may not mount, stays: crun says so itself.
    """
    from polypod.kit.mounts import mount

    done = []
    for name in controllers:
        place = f"/sys/fs/cgroup/{name}"
        try:
            os.makedirs(place, exist_ok=True)
            mount("cgroup", place, "cgroup", 0xE, name)  # nosuid, nodev, noexec
        except OSError:
            continue
        done.append(name)
    return done
