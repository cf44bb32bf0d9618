"""Times as podman writes them in JSON."""

from __future__ import annotations

import time


def rfc3339(seconds: float) -> str:
    """RFC 3339 with nanoseconds and the local offset; trailing zeros are left out as Go does."""
    whole = int(seconds)
    nanoseconds = round((seconds - whole) * 1_000_000_000)
    local = time.localtime(whole)
    offset = time.strftime("%z", local)
    zone = "Z" if offset in ("", "+0000") else f"{offset[:3]}:{offset[3:]}"
    fraction = f".{nanoseconds:09d}".rstrip("0").rstrip(".")
    return time.strftime("%Y-%m-%dT%H:%M:%S", local) + fraction + zone
