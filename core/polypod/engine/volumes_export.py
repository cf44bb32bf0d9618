"""The content of a volume as a tar."""

from __future__ import annotations

import os

from ..errors import PolypodError
from .volumes import VolumeLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model.volume import Volume
    from .runtime import Runtime


def export_volume(rt: Runtime, name: str, fd: int) -> None:
    """Write the content of a volume (full name) to an open file descriptor.

    A volume with a device is mounted meanwhile. Containers that use it may change it.
    """
    volume = rt.records.volumes.get(name)
    if not volume.needs_mount:
        _write(volume, fd)
        return
    from .volumes_device import acquire, release

    user = f"export-{os.getpid()}"
    with VolumeLock(rt, name):
        volume = acquire(rt, rt.records.volumes.get(name), user)
    try:
        _write(volume, fd)
    finally:
        with VolumeLock(rt, name):
            release(rt, rt.records.volumes.get(name), user)


def export_volume_file(rt: Runtime, name: str, path: str) -> None:
    """:func:`export_volume` to a file, which is deleted again when something fails."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise PolypodError(f"open {path}: {(error.strerror or '').lower()}") from None
    try:
        export_volume(rt, name, fd)
    except BaseException:
        if os.path.isfile(path):
            os.unlink(path)
        raise
    finally:
        os.close(fd)


def _write(volume: Volume, fd: int) -> None:
    from ..oci.tarstream_write import write_tree

    for piece in write_tree(volume.mountpoint):
        view = memoryview(piece)
        while view:
            view = view[os.write(fd, view) :]
