"""A named volume."""

from __future__ import annotations

from .struct import Struct


class Volume(Struct):
    """A named or anonymous volume; the files live below ``mountpoint``."""

    name: str
    driver: str = "local"
    mountpoint: str = ""
    created: float = 0.0
    labels: dict[str, str] = {}
    options: dict[str, str] = {}
    anonymous: bool = False
    uid: int = 0
    gid: int = 0
    needs_copy_up: bool = True
    needs_chown: bool = True
    mount_count: int = 0
