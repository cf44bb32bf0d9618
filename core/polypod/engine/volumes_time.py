"""Times as podman writes them in JSON."""

from __future__ import annotations

import time


def rfc3339(seconds: float) -> str:
    """Unix seconds as :func:`rfc3339_ns` writes them."""
    whole = int(seconds)
    return rfc3339_ns(whole * 1_000_000_000 + round((seconds - whole) * 1_000_000_000))


def rfc3339_ns(nanoseconds: int) -> str:
    """Unix nanoseconds as RFC 3339 with the local offset; trailing zeros are left out as Go does."""
    whole, nano = divmod(nanoseconds, 1_000_000_000)
    local = time.localtime(whole)
    offset = time.strftime("%z", local)
    zone = "Z" if offset in ("", "+0000") else f"{offset[:3]}:{offset[3:]}"
    fraction = f".{nano:09d}".rstrip("0").rstrip(".")
    return time.strftime("%Y-%m-%dT%H:%M:%S", local) + fraction + zone
