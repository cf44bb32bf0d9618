"""The content of a tar into a volume."""

from __future__ import annotations

import os

from ..errors import StorageError
from .tar_in import extract_tar
from .volumes import VolumeLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

    from .runtime import Runtime


def import_volume(rt: Runtime, name: str, stream: BinaryIO) -> None:
    """Put the entries of an archive, compressed or not, over the content of a volume (full name).

    Files that the archive does not name stay. A volume with a device is mounted meanwhile.
    Raises ``NoSuchVolume``, ``HostileLayer`` for an entry that would leave the volume, and
    ``StorageError``; what was extracted before an error stays.
    """
    from .volumes_device import acquire, release

    user = f"import-{os.getpid()}"
    with VolumeLock(rt, name):
        volume = rt.records.volumes.get(name)
        if volume.needs_mount:
            volume = acquire(rt, volume, user)
        else:
            os.makedirs(volume.mountpoint, 0o755, exist_ok=True)
    try:
        extract_tar(stream, volume.mountpoint)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StorageError(f"cannot extract the archive into volume {name}: {reason}") from error
    finally:
        if volume.needs_mount:
            with VolumeLock(rt, name):
                release(rt, rt.records.volumes.get(name), user)
