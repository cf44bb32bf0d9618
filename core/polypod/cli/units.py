"""Sizes, durations and points in time, read and worded as Go programs do.

The words are those of docker/go-units and of Go's ``time`` package, because
scripts compare them: ``About a minute``, ``4.21 MB``, ``1m30s``.
"""

from __future__ import annotations

import time

_DECIMAL = ("B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB")
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB")
_POWER = {"k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_NANO = {
    "ns": 1, "us": 1_000, "µs": 1_000, "μs": 1_000, "ms": 1_000_000,
    "s": 1_000_000_000, "m": 60_000_000_000, "h": 3_600_000_000_000,
}  # fmt: skip
_MAX_NANO = (1 << 63) - 1


def human_duration(seconds: float) -> str:
    """Word a span of time: ``3 seconds``, ``About an hour``, ``2 weeks``."""
    whole = int(seconds)
    minutes = whole // 60
    hours = int(seconds / 3600 + 0.5)
    if whole < 1:
        return "Less than a second"
    if whole == 1:
        return "1 second"
    if whole < 60:
        return f"{whole} seconds"
    if minutes == 1:
        return "About a minute"
    if minutes < 60:
        return f"{minutes} minutes"
    if hours == 1:
        return "About an hour"
    for limit, unit, word in (
        (48, 1, "hours"),
        (24 * 14, 24, "days"),
        (24 * 60, 24 * 7, "weeks"),
        (24 * 365 * 2, 24 * 30, "months"),
    ):
        if hours < limit:
            return f"{hours // unit} {word}"
    return f"{int(seconds / 3600) // 24 // 365} years"


def human_size(size: float, precision: int = 4, space: bool = False) -> str:
    """Word a number of bytes in powers of 1000: ``4.211MB``.

    ``precision`` counts significant digits. With ``space`` a blank parts number and
    unit, as in the list of images.
    """
    index = 0
    while size >= 1000 and index < len(_DECIMAL) - 1:
        size /= 1000
        index += 1
    return f"{size:.{precision}g}{' ' if space else ''}{_DECIMAL[index]}"


def bytes_size(size: float) -> str:
    """Word a number of bytes in powers of 1024: ``4.016MiB``."""
    index = 0
    while size >= 1024 and index < len(_BINARY) - 1:
        size /= 1024
        index += 1
    return f"{size:.4g}{_BINARY[index]}"


def parse_size(text: str) -> int:
    """Read a number of bytes, powers of 1024: ``512m``, ``1g``, ``10b``, ``1.5GiB``.

    -1 is allowed, for it means "no limit". Raises ``ValueError`` in go-units' words.
    """
    if text == "-1":
        return -1
    cut = len(text)
    while cut and text[cut - 1] not in "0123456789. ":
        cut -= 1
    if not cut:
        raise ValueError(f"invalid size: '{text}'")
    number, suffix = text[:cut].removesuffix(" "), text[cut:].lower()
    try:
        if not number.isascii() or number != number.strip() or "_" in number:
            raise ValueError
        size = float(number)
    except ValueError:
        raise ValueError(f'strconv.ParseFloat: parsing "{number}": invalid syntax') from None
    if size < 0:
        raise ValueError(f"invalid size: '{text}'")
    if suffix in ("", "b"):
        return int(size)
    power = _POWER.get(suffix[0])
    if power is None or suffix[1:] not in ("", "b", "ib"):
        raise ValueError(f"invalid suffix: '{suffix}'")
    return int(size * 1024**power)


def parse_duration(text: str) -> float:
    """Read a Go duration (``1m30s``, ``1.5h``, ``0``) as seconds."""
    return parse_duration_ns(text) / 1e9


def parse_duration_ns(text: str) -> int:
    """Read a Go duration as nanoseconds; raise ``ValueError`` in Go's words."""
    quoted = '"' + text.replace('"', '\\"') + '"'
    rest = text[1:] if text[:1] in ("+", "-") else text
    sign = -1 if text[:1] == "-" else 1
    if rest == "0":
        return 0
    if not rest:
        raise ValueError(f"time: invalid duration {quoted}")
    total = 0
    while rest:
        number = _leading(rest, "0123456789.")
        rest = rest[len(number) :]
        if not number.strip(".") or number.count(".") > 1:
            raise ValueError(f"time: invalid duration {quoted}")
        unit = _leading_unit(rest)
        rest = rest[len(unit) :]
        if not unit:
            raise ValueError(f"time: missing unit in duration {quoted}")
        if unit not in _NANO:
            raise ValueError(f'time: unknown unit "{unit}" in duration {quoted}')
        whole, _, fraction = number.partition(".")
        total += int(whole or "0") * _NANO[unit]
        if fraction:
            total += int(fraction) * _NANO[unit] // 10 ** len(fraction)
        if total > _MAX_NANO:
            raise ValueError(f"time: invalid duration {quoted}")
    return sign * total


def _leading(text: str, characters: str) -> str:
    index = 0
    while index < len(text) and text[index] in characters:
        index += 1
    return text[:index]


def _leading_unit(text: str) -> str:
    index = 0
    while index < len(text) and text[index] not in "0123456789.":
        index += 1
    return text[:index]


def format_duration(seconds: float) -> str:
    """Print seconds as Go prints a duration: ``1m30s``, ``1.5s``, ``250ms``, ``0s``."""
    return format_duration_ns(round(seconds * 1e9))


def format_duration_ns(nano: int) -> str:
    """Print nanoseconds as Go prints a duration."""
    if nano == 0:
        return "0s"
    sign, nano = ("-" if nano < 0 else ""), abs(nano)
    if nano < 1_000_000_000:
        for unit, size in (("ms", 1_000_000), ("µs", 1_000), ("ns", 1)):
            if nano >= size:
                return f"{sign}{_decimal(nano, size)}{unit}"
    minutes, rest = divmod(nano, 60_000_000_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(rest, 1_000_000_000)}s"
    if hours:
        text = f"{hours}h{minutes}m{text}"
    elif minutes:
        text = f"{minutes}m{text}"
    return sign + text


def _decimal(value: int, size: int) -> str:
    whole, rest = divmod(value, size)
    if not rest:
        return str(whole)
    return f"{whole}.{str(rest).rjust(len(str(size)) - 1, '0').rstrip('0')}"


def parse_time(text: str, now: float | None = None) -> float:
    """Read a point in time as seconds since the epoch, for --since, --until and filters.

    RFC 3339 in whole or in part (``2024-05-01``, ``2024-05-01T10:00``, local time where
    no zone is given), Unix seconds with a fraction, or a Go duration before ``now``.
    Raises ``ValueError``.
    """
    if text[:1].isdigit() and text.replace(".", "", 1).isdigit():
        return float(text)
    try:
        return (time.time() if now is None else now) - parse_duration(text)
    except ValueError:
        pass  # not a duration, then a date
    return _parse_date(text)


def parse_moment(text: str, *, later: bool) -> float:
    """Read a point in time; a duration counts back from now, or with ``later`` forward.

    For --since and --until. Raises ``ValueError``.
    """
    try:
        return float(text)
    except ValueError:
        pass  # not Unix seconds
    try:
        span = parse_duration(text)
        return time.time() + span if later else time.time() - span
    except ValueError:
        pass  # nor a duration
    return parse_time(text)


def _parse_date(text: str) -> float:
    from datetime import datetime

    stamp = text.replace("z", "Z")
    if len(stamp) > 10 and stamp[10] in "Z+-" and "T" not in stamp:
        stamp = f"{stamp[:10]}T00:00:00{stamp[10:]}"
    if len(stamp) == 13 and stamp[10] == "T":
        stamp += ":00"
    try:
        return datetime.fromisoformat(_to_microseconds(stamp)).timestamp()
    except ValueError:
        raise ValueError(f'failed to parse time/date: "{text}" is none') from None


def _to_microseconds(stamp: str) -> str:
    """Cut the nanoseconds that datetime cannot hold."""
    dot = stamp.find(".")
    if dot < 0:
        return stamp
    digits = _leading(stamp[dot + 1 :], "0123456789")
    return f"{stamp[: dot + 1]}{digits[:6].ljust(6, '0')}{stamp[dot + 1 + len(digits) :]}"


def format_rfc3339(seconds: float, nano: int | None = None, utc: bool = False) -> str:
    """Print a point in time as Go's RFC3339Nano: ``2024-05-01T10:00:00.5+02:00``.

    ``nano`` are the nanoseconds within the second where a float is too coarse.
    """
    whole = int(seconds // 1)
    if nano is None:
        nano = round((seconds - whole) * 1e6) * 1000
        whole, nano = whole + nano // 10**9, nano % 10**9
    parts = time.gmtime(whole) if utc else time.localtime(whole)
    fraction = f".{nano:09d}".rstrip("0").rstrip(".")
    zone = "+0000" if utc else time.strftime("%z", parts)
    zone = "Z" if zone == "+0000" else f"{zone[:3]}:{zone[3:]}"
    return time.strftime("%Y-%m-%dT%H:%M:%S", parts) + fraction + zone
