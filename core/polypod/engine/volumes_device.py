"""Volumes with a device of their own (``volume create -o type=… -o device=… -o o=…``).

The device is mounted at the volume's directory while containers use it. The record
lists for whom, by container ID, so that a repeated mount or unmount counts once; the
kernel says whether it is mounted at all, so that a reboot needs no repair.
"""

from __future__ import annotations

import os

from ..errors import StorageError
from ..kit.mounts import MNT_DETACH, is_mounted, umount

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model.volume import Volume
    from .runtime import Runtime

_FOR_ENGINE = ("uid", "gid", "noquota", "timeout", "inodes", "copy", "nocopy")


def acquire(rt: Runtime, volume: Volume, user: str) -> Volume:
    """Mount the volume's device for one more user; the volume's lock is held."""
    os.makedirs(volume.mountpoint, 0o755, exist_ok=True)
    others: tuple[str, ...] = ()
    if is_mounted(volume.mountpoint):
        others = tuple(holder for holder in volume.mounted_by if holder != user)
    else:
        _mount(volume)
    return rt.records.volumes.update(
        volume.name, lambda stored: stored.evolve(mounted_by=(*others, user))
    )


def release(rt: Runtime, volume: Volume, user: str) -> Volume:
    """Give the device up for one user, and unmount it after the last; the lock is held."""
    if user not in volume.mounted_by:
        return volume
    others = tuple(holder for holder in volume.mounted_by if holder != user)
    if not others:
        unmount(volume)
    return rt.records.volumes.update(volume.name, lambda stored: stored.evolve(mounted_by=others))


def unmount(volume: Volume) -> None:
    """Unmount the volume's device, also while it is busy."""
    try:
        while umount(volume.mountpoint, MNT_DETACH):
            continue
    except OSError as error:
        raise StorageError(f"unmounting volume {volume.name}: {error.strerror}") from error


def _mount(volume: Volume) -> None:
    """Mount with mount(8), which knows helpers (nfs, cifs, fuse) that mount(2) does not."""
    from shutil import which

    from ..kit.spawn import run

    program = which("mount", path="/usr/bin:/bin:/usr/sbin:/sbin:" + os.environ.get("PATH", ""))
    if program is None:
        raise StorageError("locating 'mount' binary: not found; install the package mount")
    argv = [program]
    kind, device = volume.options.get("type", ""), volume.options.get("device", "")
    options = mount_options(volume.options.get("o", ""), kind)
    if options:
        argv += ["-o", options]
    if kind == "bind":
        argv += ["-o", "bind"]
    elif kind:
        argv += ["-t", kind]
    done = run([*argv, device or kind, volume.mountpoint])
    if done.code != 0:
        detail = done.stderr.decode(errors="replace").strip() or f"exit code {done.code}"
        raise StorageError(f"mounting volume {volume.name}: {detail}")


def mount_options(text: str, kind: str) -> str:
    """The part of ``o=`` that is for mount(8): tmpfs knows uid and gid itself, others do not."""
    kept = []
    for option in text.split(","):
        name = option.partition("=")[0].lower()
        if not option or (name in _FOR_ENGINE and not (kind == "tmpfs" and name in ("uid", "gid"))):
            continue
        kept.append(option)
    return ",".join(kept)
