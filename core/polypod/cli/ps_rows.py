"""The columns of ``ps``: what a row shows, in podman's words."""

from __future__ import annotations

import time

from .units import human_duration, human_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..engine.listing import Row


class PsRow(dict):  # type: ignore[type-arg]
    """A row whose columns are worked out when a template asks for them.

    ``full`` is --no-trunc.
    """

    __slots__ = ("_full", "_now", "_row")

    def __init__(self, row: Row, now: float, full: bool) -> None:
        super().__init__()
        self._row = row
        self._now = now
        self._full = full

    def __missing__(self, column: str) -> Any:
        maker = COLUMNS.get(column)
        if maker is None:
            raise KeyError(column)
        value = self[column] = maker(self._row, self._now, self._full)
        return value

    def __contains__(self, column: object) -> bool:
        return column in COLUMNS

    def get(self, column: str, default: Any = None) -> Any:
        """The column, worked out on demand."""
        return self[column] if column in COLUMNS else default


def _id(row: Row, _now: float, full: bool) -> str:
    return row.id if full else row.id[:12]


def _image_id(row: Row, _now: float, full: bool) -> str:
    image = str(row.config.get("image", {}).get("id", ""))
    return image if full else image[:12]


def _command(row: Row, _now: float, full: bool) -> str:
    text = " ".join(row.command)
    return text if full or len(text) <= 17 else text[:17] + "..."


def _created(row: Row, now: float, _full: bool) -> str:
    return human_duration(now - row.created) + " ago"


def status(row: Row, now: float, _full: bool = False) -> str:
    """``Up 3 seconds``, ``Exited (0) 2 minutes ago``, ``Created``; and the image store that is missing."""
    return _status(row, now) + (f" (detached: {row.lost})" if row.lost else "")


def _status(row: Row, now: float) -> str:
    if row.state == "running":
        return "Up " + human_duration(now - row.changing.get("started_at", now))
    if row.state == "exited":
        ended = human_duration(now - row.changing.get("finished_at", now))
        return f"Exited ({row.exit_code}) {ended} ago"
    return row.state.title()


def ports(row: Row, _now: float, _full: bool) -> str:
    """``0.0.0.0:8080->80/tcp, 443/tcp``."""
    network = row.config.get("network", {})
    shown: list[str] = []
    published: set[str] = set()
    for port in network.get("ports", ()):
        inside, outside, span = port["container_port"], port.get("host_port", 0), port.get("range", 1)
        address = port.get("host_ip") or "0.0.0.0"
        for protocol in port.get("protocol", "tcp").split(","):
            if span > 1:
                shown.append(
                    f"{address}:{outside}-{outside + span - 1}->{inside}-{inside + span - 1}/{protocol}"
                )
            else:
                shown.append(f"{address}:{outside}->{inside}/{protocol}")
            published.update(f"{inside + step}/{protocol}" for step in range(span))
    shown += _exposed(network.get("expose", ()), published)
    return ", ".join(shown)


def _exposed(texts: list[str], published: set[str]) -> list[str]:
    found: list[tuple[str, int]] = []
    for text in texts:
        numbers, _, protocol = text.partition("/")
        first, _, last = numbers.partition("-")
        for number in range(int(first), int(last or first) + 1):
            if f"{number}/{protocol or 'tcp'}" not in published:
                found.append((protocol or "tcp", number))
    shown: list[str] = []
    for protocol, start, end in _spans(sorted(set(found))):
        shown.append(f"{start}/{protocol}" if start == end else f"{start}-{end}/{protocol}")
    return shown


def _spans(ports: list[tuple[str, int]]) -> list[tuple[str, int, int]]:
    spans: list[tuple[str, int, int]] = []
    for protocol, number in ports:
        if spans and spans[-1][0] == protocol and spans[-1][2] == number - 1:
            spans[-1] = (protocol, spans[-1][1], number)
        else:
            spans.append((protocol, number, number))
    return spans


def _size(row: Row, _now: float, _full: bool) -> str:
    if row.size_unknown:
        return "unknown"
    if row.size is None:
        from ..kit.log import error

        error("Size format requires --size option")
        return ""
    root, written = row.size
    return f"{human_size(written, 3)} (virtual {human_size(root, 3)})"


def _labels(row: Row, _now: float, _full: bool) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(row.labels.items()))


def _networks(row: Row, _now: float, _full: bool) -> str:
    return ",".join(row.config.get("network", {}).get("networks", ()))


def _created_at(row: Row, _now: float, _full: bool) -> str:
    whole = int(row.created)
    fraction = f"{row.created - whole:.9f}"[1:].rstrip("0").rstrip(".")
    local = time.localtime(whole)
    return time.strftime("%Y-%m-%d %H:%M:%S", local) + fraction + time.strftime(" %z %Z", local)


def mounts(row: Row) -> list[str]:
    """Destinations of the user's mounts and volumes."""
    return [mount["destination"] for mount in row.config.get("mounts", ())]


def namespaces(row: Row) -> dict[str, str]:
    """Namespace IDs of the container's process by podman's names."""
    from ..engine.listing import namespace_ids

    found = namespace_ids(row.changing.get("pid", 0)) if row.state in ("running", "paused") else {}
    return {
        "Cgroup": found.get("cgroup", ""),
        "IPC": found.get("ipc", ""),
        "MNT": found.get("mnt", ""),
        "NET": found.get("net", ""),
        "PIDNS": found.get("pid", ""),
        "User": found.get("user", ""),
        "UTS": found.get("uts", ""),
    }


def _namespace(name: str) -> Callable[[Row, float, bool], str]:
    return lambda row, _now, _full: namespaces(row)[name]


COLUMNS: dict[str, Callable[[Row, float, bool], Any]] = {
    "ID": _id,
    "Image": lambda row, _now, _full: row.image_name,
    "ImageID": _image_id,
    "Command": _command,
    "Created": _created,
    "CreatedHuman": _created,
    "CreatedAt": _created_at,
    "RunningFor": _created,
    "Status": status,
    "State": lambda row, _now, _full: row.state,
    "Ports": ports,
    "Names": lambda row, _now, _full: row.name,
    "Label": lambda row, _now, _full: lambda name: row.labels.get(name, ""),
    "Labels": _labels,
    "Networks": _networks,
    "Mounts": lambda row, _now, _full: ",".join(mounts(row)),
    "Size": _size,
    "Store": lambda row, _now, _full: row.config.get("image", {}).get("store", ""),
    "Pid": lambda row, _now, _full: row.changing.get("pid", 0),
    "Pod": lambda row, _now, full: row.config.get("pod", "") if full else row.config.get("pod", "")[:12],
    "PodName": lambda _row, _now, _full: "",
    "ExitCode": lambda row, _now, _full: row.exit_code,
    "Exited": lambda row, _now, _full: row.state == "exited",
    "ExitedAt": lambda row, _now, _full: int(row.changing.get("finished_at", 0)),
    "StartedAt": lambda row, _now, _full: int(row.changing.get("started_at", 0)),
    "Restarts": lambda row, _now, _full: row.changing.get("restart_count", 0),
    "AutoRemove": lambda row, _now, _full: row.config.get("lifecycle", {}).get("remove", False),
    "CIDFile": lambda row, _now, _full: row.config.get("lifecycle", {}).get("cidfile", ""),
    "IsInfra": lambda row, _now, _full: row.config.get("is_infra", False),
    "Namespaces": lambda row, _now, _full: namespaces(row),
    "Cgroup": _namespace("Cgroup"),
    "IPC": _namespace("IPC"),
    "MNT": _namespace("MNT"),
    "NET": _namespace("NET"),
    "PIDNS": _namespace("PIDNS"),
    "User": _namespace("User"),
    "UTS": _namespace("UTS"),
}

HEADINGS = {
    "Cgroup": "cgroupns",
    "CreatedHuman": "created",
    "ID": "container id",
    "IPC": "ipc",
    "MNT": "mnt",
    "NET": "net",
    "Networks": "networks",
    "PIDNS": "pidns",
    "Pod": "pod id",
    "PodName": "podname",
    "Restarts": "restarts",
    "RunningFor": "running for",
    "UTS": "uts",
    "User": "userns",
}


def document(row: Row, now: float) -> dict[str, Any]:
    """One container as ``ps --format json`` has it."""
    network = row.config.get("network", {})
    image = row.config.get("image", {})
    size = None if row.size is None else {"rootFsSize": row.size[0], "rwSize": row.size[1]}
    return {
        "AutoRemove": row.config.get("lifecycle", {}).get("remove", False),
        "Command": row.command,
        "CreatedAt": human_duration(now - row.created) + " ago",
        "CIDFile": row.config.get("lifecycle", {}).get("cidfile", ""),
        "Exited": row.state == "exited",
        "ExitedAt": int(row.changing.get("finished_at", 0)) or -62135596800,
        "ExitCode": row.exit_code,
        "ExposedPorts": None,
        "Id": row.id,
        "Image": row.image_name,
        "ImageID": image.get("id", ""),
        "IsInfra": row.config.get("is_infra", False),
        "Labels": row.labels or None,
        "Mounts": mounts(row),
        "Names": [row.name],
        "Namespaces": {},
        "Networks": list(network.get("networks", ())),
        "Pid": row.changing.get("pid", 0) if row.state in ("running", "paused") else 0,
        "Pod": row.config.get("pod", ""),
        "PodName": "",
        "Ports": _port_documents(network.get("ports", ())),
        "Restarts": row.changing.get("restart_count", 0),
        "Size": size,
        "StartedAt": int(row.changing.get("started_at", 0)) or -62135596800,
        "State": row.state,
        "Status": status(row, now),
        "Created": int(row.created),
    }


def _port_documents(found: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    return [
        {
            "host_ip": port.get("host_ip", ""),
            "container_port": port["container_port"],
            "host_port": port.get("host_port", 0),
            "range": port.get("range", 1),
            "protocol": port.get("protocol", "tcp"),
        }
        for port in found
    ] or None
