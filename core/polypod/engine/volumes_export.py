"""The content of a volume as a tar."""

from __future__ import annotations

import os

from .tar_out import send_tree, to_file
from .volumes import VolumeLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .runtime import Runtime


def export_volume(rt: Runtime, name: str, fd: int) -> None:
    """Write the content of a volume (full name) to an open file descriptor.

    A volume with a device is mounted meanwhile. Containers that use it may change it.
    """
    volume = rt.records.volumes.get(name)
    if not volume.needs_mount:
        send_tree(volume.mountpoint, fd)
        return
    from .volumes_device import acquire, release

    user = f"export-{os.getpid()}"
    with VolumeLock(rt, name):
        volume = acquire(rt, rt.records.volumes.get(name), user)
    try:
        send_tree(volume.mountpoint, fd)
    finally:
        with VolumeLock(rt, name):
            release(rt, rt.records.volumes.get(name), user)


def export_volume_file(rt: Runtime, name: str, path: str) -> None:
    """:func:`export_volume` to a file, which is deleted again when something fails."""
    to_file(path, lambda fd: export_volume(rt, name, fd))
