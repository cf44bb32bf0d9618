"""``stats``: what containers use of the host, from their cgroups (v1 and v2) and network devices."""

from __future__ import annotations

import os
import time

from ..errors import InvalidState
from ..model.stats import ContainerStats
from .sync import refresh

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model.container import ContainerState
    from .runtime import Runtime

_CGROUPS = "/sys/fs/cgroup"


def stats(
    rt: Runtime, container_id: str, previous: ContainerStats | None = None
) -> ContainerStats:
    """One measurement; the share of the CPU is that since ``previous``, without it since the start.

    Of a container that does not run everything is 0. Raises ``InvalidState`` for one without a cgroup.
    """
    container = rt.records.containers.get(container_id)
    if container.cgroups == "disabled":
        raise InvalidState(
            f"cannot measure container {container_id} as it did not create a cgroup: "
            "this container is not using cgroups"
        )
    state = refresh(rt, container_id, rt.records.containers.state(container_id)[0])
    now = time.time_ns()
    base = ContainerStats(id=container.id, name=container.name, time_ns=now)
    if state.status not in ("running", "paused"):
        return base
    places = _places(state.pid)
    if not places:
        return base  # it ended meanwhile
    cpu, kernel = _cpu(places)
    if previous is None or previous.cpu_ns > cpu:  # restarted: a new cgroup counts from 0
        previous = ContainerStats(id=base.id, name=base.name, time_ns=int(state.started_at * 1e9))
    used, limit = _memory(places)
    read, written = _block(places)
    return base.evolve(
        cpu_ns=cpu,
        cpu_kernel_ns=kernel,
        cpu_percent=_percent(cpu - previous.cpu_ns, now - previous.time_ns),
        cpu_average=_percent(cpu, now - int(state.started_at * 1e9)),
        memory=used,
        memory_limit=limit,
        pids=_number(_at(places, "pids"), "pids.current"),
        block_read=read,
        block_written=written,
        network=_network(state),
    )


def _percent(part: float, whole: float) -> float:
    return 100 * part / whole if part > 0 and whole > 0 else 0.0


def _places(pid: int) -> dict[str, str]:
    """The process' cgroup directories by controller, "" being cgroup v2's."""
    found = {}
    for line in _read(f"/proc/{pid}/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            unified = _CGROUPS if os.path.exists(f"{_CGROUPS}/cgroup.controllers") else f"{_CGROUPS}/unified"
            found[""] = unified + path
        for name in controllers.split(",") if controllers else ():
            folder = controllers if os.path.isdir(f"{_CGROUPS}/{controllers}") else name
            found[name] = f"{_CGROUPS}/{folder}{path}"
    return found


def _at(places: dict[str, str], controller: str) -> str:
    return places.get(controller) or places.get("", "")


def _cpu(places: dict[str, str]) -> tuple[int, int]:
    """Nanoseconds used, and those of them in the kernel."""
    if "cpuacct" in places:
        folder = places["cpuacct"]
        return _number(folder, "cpuacct.usage"), _number(folder, "cpuacct.usage_sys")
    values = _pairs(places.get("", ""), "cpu.stat")
    return values.get("usage_usec", 0) * 1000, values.get("system_usec", 0) * 1000


def _memory(places: dict[str, str]) -> tuple[int, int]:
    """Bytes used, without what the kernel would give back at once, and the limit."""
    most = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if "memory" in places:
        folder = places["memory"]
        used, limit = _number(folder, "memory.usage_in_bytes"), _number(folder, "memory.limit_in_bytes")
        cache = _pairs(folder, "memory.stat").get("total_inactive_file", 0)
    else:
        folder = places.get("", "")
        used, limit = _number(folder, "memory.current"), _number(folder, "memory.max")
        cache = _pairs(folder, "memory.stat").get("inactive_file", 0)
    return max(used - cache, 0), limit if 0 < limit < most else most


def _block(places: dict[str, str]) -> tuple[int, int]:
    """Bytes read from and written to block devices."""
    read = written = 0
    if "blkio" in places:
        for line in _read(f"{places['blkio']}/blkio.throttle.io_service_bytes_recursive").splitlines():
            words = line.split()
            if len(words) == 3:
                read += int(words[2]) if words[1] == "Read" else 0
                written += int(words[2]) if words[1] == "Write" else 0
        return read, written
    for line in _read(f"{places.get('', '')}/io.stat").splitlines():
        values = dict(word.split("=", 1) for word in line.split()[1:] if "=" in word)
        read += int(values.get("rbytes", 0))
        written += int(values.get("wbytes", 0))
    return read, written


def _network(state: ContainerState) -> dict[str, tuple[int, int]]:
    """Bytes received and sent by network device, the loopback left out."""
    found = {}
    for line in _read(f"/proc/{state.pid}/net/dev").splitlines()[2:]:
        name, _, rest = line.partition(":")
        words = rest.split()
        if name.strip() != "lo" and len(words) > 8:
            found[name.strip()] = (int(words[0]), int(words[8]))
    return found


def _number(folder: str, name: str) -> int:
    text = _read(f"{folder}/{name}").strip()
    return int(text) if text.isdigit() else 0


def _pairs(folder: str, name: str) -> dict[str, int]:
    rows = (line.split() for line in _read(f"{folder}/{name}").splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}


def _read(path: str) -> str:
    """A file's text; empty when the container, or the controller, is not there."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
