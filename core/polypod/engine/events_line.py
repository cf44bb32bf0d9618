"""One event as a line of the log, in the JSON of podman's file backend.

Keys, in order: ``ContainerExitCode``, ``OOMKilled``, ``ID``, ``Image``, ``Name``, ``network``,
``Status``, ``Time`` (RFC 3339 with nanoseconds), ``Type``, ``error``, ``ContainerInspectData``,
``Attributes`` (null when there are none). Empty ones are left out.
"""

from __future__ import annotations

from ..kit.fastjson import dumps, loads
from ..model.event import Event
from .volumes_time import rfc3339_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_BEFORE = (
    ("ContainerExitCode", "exit_code"), ("OOMKilled", "oom_killed"), ("ID", "id"), ("Image", "image"),
    ("Name", "name"), ("network", "network"),
)  # fmt: skip
_AFTER = (("error", "error"), ("ContainerInspectData", "inspect"))
_FIELDS = (*_BEFORE, *_AFTER)

_seconds: dict[str, int] = {}  # date and zone -> Unix seconds; lines come in runs


def encode(event: Event) -> bytes:
    """The line, with its newline."""
    fields: dict[str, Any] = {}
    for key, name in _BEFORE:
        _put(fields, key, getattr(event, name))
    fields["Status"] = event.status
    fields["Time"] = rfc3339_ns(event.time_ns or round(event.time * 1e9))
    fields["Type"] = event.type
    for key, name in _AFTER:
        _put(fields, key, getattr(event, name))
    fields["Attributes"] = event.attributes or None
    return (dumps(fields) + "\n").encode()


def _put(fields: dict[str, Any], key: str, value: Any) -> None:
    if value is not None and value != "":
        fields[key] = value


def parse(line: bytes) -> Event | None:
    """One line of the log; None for one that a crash cut short."""
    try:
        data = loads(line)
        nano = _nanoseconds(data["Time"])
        found = {name: data[key] for key, name in _FIELDS if key in data}
        return Event(
            time=nano / 1e9,
            time_ns=nano,
            type=data["Type"],
            status=data["Status"],
            attributes=data.get("Attributes") or {},
            **found,
        )
    except (ValueError, TypeError, KeyError):
        return None


def _nanoseconds(text: str) -> int:
    whole, dot, rest = text.partition(".")
    fraction = rest.rstrip("Z") if rest.endswith("Z") else rest[: _digits(rest)]
    key = whole + rest[len(fraction) :] if dot else whole
    known = _seconds.get(key)
    if known is None:
        from datetime import datetime

        if len(_seconds) > 4096:
            _seconds.clear()
        known = _seconds[key] = int(datetime.fromisoformat(key.replace("Z", "+00:00")).timestamp())
    return known * 1_000_000_000 + int((fraction + "000000000")[:9])


def _digits(text: str) -> int:
    for index, letter in enumerate(text):
        if not letter.isdigit():
            return index
    return len(text)
