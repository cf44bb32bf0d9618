"""Points in time as users type them: a Go duration back from now, a Unix time, or a date."""

from __future__ import annotations

import time

from ..errors import UsageError

_UNITS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}


def until(text: str) -> float:
    """Unix seconds for ``10m``, ``1600000000``, ``2024-01-31`` or an RFC 3339 time."""
    seconds = go_duration(text)
    if seconds is not None:
        return time.time() - seconds
    try:
        return float(text)
    except ValueError:
        pass
    from datetime import datetime

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f'failed to parse "{text}" as a time: use a duration such as 10m, '
            "a Unix time or an RFC 3339 date"
        ) from None
    # Without a zone it is local time, as docker has it.
    return moment.timestamp()


def go_duration(text: str) -> float | None:
    """Seconds of a Go duration (``1h30m``, ``1.5s``), None when the text is none."""
    rest = text.removeprefix("-").removeprefix("+")
    sign = -1.0 if text.startswith("-") else 1.0
    total, found = 0.0, False
    while rest:
        digits = len(rest) - len(rest.lstrip("0123456789."))
        unit = rest[digits:]
        unit = unit[: len(unit) - len(unit.lstrip("nuµμmsh"))]
        name = next(
            (n for n in ("ns", "us", "µs", "μs", "ms", "s", "m", "h") if unit.startswith(n)), ""
        )
        if not digits or not name:
            return None
        try:
            total += float(rest[:digits]) * _UNITS[name]
        except ValueError:
            return None
        rest, found = rest[digits + len(name) :], True
    return sign * total if found else None
