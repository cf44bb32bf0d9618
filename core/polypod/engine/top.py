"""``top``: the processes of a container, as /proc of the host shows them (proc(5))."""

from __future__ import annotations

import os
import time

from ..errors import InvalidState
from .sync import refresh

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..oci.users import UserDatabase
    from .runtime import Runtime

_SECCOMP = {"0": "disabled", "1": "strict", "2": "filter"}
_CAPABILITIES = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")


def processes(rt: Runtime, container_id: str) -> list[dict[str, Any]]:
    """All processes of a running container by ``top``'s descriptors, the first process first.

    ``etime`` and ``time`` are seconds, ``stime`` Unix seconds, ``pcpu`` per cent, ``vsz`` KiB; all else is text.
    Users and groups are named as the container's files name them, with ``h`` in front as the host's do.
    Raises ``InvalidState`` when the container does not run.
    """
    pid = running_pid(rt, container_id)
    found = _in_namespace(pid)
    level = len(found[pid]["NSpid"].split()) - 1 if pid in found else 0
    inside = {host: status["NSpid"].split()[level] for host, status in found.items()}
    from ..oci.users import UserDatabase

    names = _Names(UserDatabase(f"/proc/{pid}/root"), UserDatabase("/"), pid)
    rows = []
    for host, status in found.items():
        row = _row(host, status, inside, names)
        if row is not None:
            rows.append(row)
    return sorted(rows, key=lambda row: int(row["pid"]))


def running_pid(rt: Runtime, container_id: str) -> int:
    """The host's PID of a running container's first process."""
    state = refresh(rt, container_id, rt.records.containers.state(container_id)[0])
    if state.status != "running":
        raise InvalidState("top can only be used on running containers")
    return state.pid


class _Names:
    """Users and groups of the container, and of the host."""

    def __init__(self, container: UserDatabase, host: UserDatabase, pid: int) -> None:
        self.container = container
        self.host = host
        self._uids, self._gids = _mapping(pid, "uid_map"), _mapping(pid, "gid_map")

    def uid(self, host: int) -> int:
        return _inside(host, self._uids)

    def user(self, host: int) -> str:
        return self.container.user_name(_inside(host, self._uids))

    def group(self, host: int) -> str:
        return self.container.group_name(_inside(host, self._gids))


def _mapping(pid: int, name: str) -> list[tuple[int, int, int]]:
    rows = (line.split() for line in _read(f"/proc/{pid}/{name}").splitlines())
    return [(int(row[0]), int(row[1]), int(row[2])) for row in rows if len(row) == 3]


def _inside(id: int, mapping: list[tuple[int, int, int]]) -> int:
    for inside, outside, count in mapping:
        if outside <= id < outside + count:
            return inside + id - outside
    return 65534  # the kernel shows what is not mapped as this one


def _in_namespace(pid: int) -> dict[int, dict[str, str]]:
    """Status by PID of all processes that the container's first process can see."""
    wanted = _namespace(pid)
    every = {int(name): _status(name) for name in os.listdir("/proc") if name.isdigit()}
    chosen = {host for host in every if _namespace(host) == wanted}
    # Those in namespaces of their own below, such as containers in the container.
    more = True
    while more:
        new = {h for h, s in every.items() if h not in chosen and int(s.get("PPid", 0)) in chosen}
        depth = len(every[pid].get("NSpid", "").split()) if pid in every else 0
        new = {h for h in new if len(every[h].get("NSpid", "").split()) > depth}
        chosen |= new
        more = bool(new)
    return {host: every[host] for host in chosen if "NSpid" in every[host]}


def _namespace(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return ""


def _status(name: int | str) -> dict[str, str]:
    """/proc/PID/status; empty when the process has gone."""
    pairs = (line.partition(":") for line in _read(f"/proc/{name}/status").splitlines())
    return {key: value.strip() for key, _, value in pairs}


def _row(
    host: int, status: dict[str, str], inside: dict[int, str], names: _Names
) -> dict[str, Any] | None:
    stat = _read(f"/proc/{host}/stat")
    if not stat:
        return None  # it ended meanwhile
    name, rest = stat[stat.index("(") + 1 : stat.rindex(")")], stat[stat.rindex(")") + 2 :].split()
    ticks = os.sysconf("SC_CLK_TCK")
    elapsed = max(float(_read("/proc/uptime").split()[0]) - int(rest[19]) / ticks, 0.0)
    used = (int(rest[11]) + int(rest[12])) / ticks
    command = _read(f"/proc/{host}/cmdline").rstrip("\0").replace("\0", " ")
    return {
        "args": command or f"[{status['Name']}]",
        "comm": name,
        "etime": elapsed,
        "hpid": str(host),
        "label": _read(f"/proc/{host}/attr/current").strip("\0\n"),
        "nice": rest[16],
        "pcpu": 100 * used / elapsed if elapsed else 0.0,
        "pgid": inside.get(int(rest[2]), "0"),
        "pid": inside[host],
        "ppid": inside.get(int(status["PPid"]), "0"),
        "rss": status.get("VmRSS", "0").partition(" ")[0],
        "seccomp": _SECCOMP.get(status.get("Seccomp", ""), "?"),
        "state": status["State"].partition(" ")[0],
        "stime": time.time() - elapsed,
        "time": used,
        "tty": _terminal(int(rest[4])),
        "vsz": str(int(rest[20]) // 1024),
        **_owners(status, names),
        **{key.lower(): _capabilities(status.get(key, "0")) for key in _CAPABILITIES},
    }


def _owners(status: dict[str, str], names: _Names) -> dict[str, str]:
    uids = [int(id) for id in status["Uid"].split()]
    gids = [int(id) for id in status["Gid"].split()]
    groups = [int(id) for id in status["Groups"].split()]
    return {
        "group": names.group(gids[1]),
        "groups": ",".join(names.group(id) for id in groups),
        "hgroup": names.host.group_name(gids[1]),
        "hgroups": ",".join(names.host.group_name(id) for id in groups),
        "huid": str(uids[1]),
        "huser": names.host.user_name(uids[1]),
        "rgroup": names.group(gids[0]),
        "ruser": names.user(uids[0]),
        "uid": str(names.uid(uids[1])),
        "user": names.user(uids[1]),
    }


def _terminal(number: int) -> str:
    """The terminal's name without /dev/; "?" for none."""
    major, minor = (number >> 8) & 0xFFF, (number & 0xFF) | ((number >> 12) & 0xFFF00)
    if not number:
        return "?"
    if 136 <= major <= 143:
        return f"pts/{(major - 136) * 256 + minor}"
    if major == 4:
        return f"tty{minor}" if minor < 64 else f"ttyS{minor - 64}"
    return "?"


def _capabilities(mask: str) -> str:
    from ..oci.capabilities import NAMES

    bits = int(mask, 16)
    held = [name[4:] for bit, name in enumerate(NAMES) if bits >> bit & 1]
    if len(held) == len(NAMES):
        return "full"
    return ",".join(sorted(held)) or "none"


def _read(path: str) -> str:
    """A file of /proc; empty when the process has gone, or is not ours to look at."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
