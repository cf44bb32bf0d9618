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
    needs_copy_up: bool = True  # the image's content has not been copied into it yet
    needs_chown: bool = True  # its owner is still to become the container's
    mounted_by: tuple[str, ...] = ()  # IDs of the containers for which its device is mounted

    @property
    def mount_count(self) -> int:
        """How many containers hold its device mounted."""
        return len(self.mounted_by)

    @property
    def needs_mount(self) -> bool:
        """Whether a device of its own is mounted at ``mountpoint`` while it is used."""
        return bool(self.options.get("type") or self.options.get("device"))
