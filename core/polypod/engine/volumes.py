"""Volumes of a container's run: names, directories, contents, and their end.

``<volume_path>/NAME/_data`` holds the files, as podman has it. What the hot path does
not need is in ``volumes_admin`` (create, list, remove) and ``volumes_copyup``.

A container's references to its volumes are stored with it, before its volumes are
made; removing a volume looks for references. Both happen under the volume's lock, so
that a volume never goes away under a container.
"""

from __future__ import annotations

import fcntl
import os
import time

from ..errors import NoSuchVolume, UsageError
from ..kit.mounts import is_mounted
from ..model.volume import Volume

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

    from ..model.container import Container, Mount
    from .runtime import Runtime

NAME_RULE = "names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument"


class VolumeLock:
    """``with VolumeLock(rt, name):`` nobody else makes, fills, mounts or removes this volume."""

    def __init__(self, rt: Runtime, name: str) -> None:
        self._path = os.path.join(rt.tmp_dir, "volume-locks", name)
        self._fd = -1

    def __enter__(self) -> Self:
        while True:
            try:
                fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except FileNotFoundError:
                os.makedirs(os.path.dirname(self._path), 0o700, exist_ok=True)
                continue
            fcntl.flock(fd, fcntl.LOCK_EX)
            if os.fstat(fd).st_nlink:
                self._fd = fd
                return self
            os.close(fd)  # its volume was removed while we waited

    def __exit__(self, *_exc: object) -> None:
        os.close(self._fd)
        self._fd = -1

    def discard(self) -> None:
        """Delete the lock's file with its volume; call it while the lock is held."""
        os.unlink(self._path)


def check_name(name: str) -> None:
    """Raise ``UsageError`` unless ``name`` may name a volume."""

    def plain(character: str) -> bool:
        return character.isascii() and character.isalnum()

    if not name or not plain(name[0]) or not all(plain(c) or c in "_.-" for c in name):
        raise UsageError(f"running volume create option: {NAME_RULE}")
    if len(name.encode()) > 255:
        raise UsageError(f"volume name {name[:20]}… is too long: at most 255 characters")


def volume_dir(rt: Runtime, name: str) -> str:
    """The volume's directory; its files are in ``_data`` below."""
    return os.path.join(rt.volume_path, name)


def name_volumes(rt: Runtime, container: Container) -> tuple[Mount, ...]:
    """The container's mounts with every volume named: an anonymous one gets 64 hex digits.

    Nothing is made yet: :func:`make_volumes` does that once the container is stored.
    """
    named = []
    for mount in container.mounts:
        if mount.type == "volume":
            name = mount.name or mount.source or os.urandom(32).hex()
            check_name(name)
            anonymous = mount.anonymous or not (mount.name or mount.source)
            mount = mount.evolve(
                name=name,
                source=os.path.join(volume_dir(rt, name), "_data"),
                anonymous=anonymous,
            )
        named.append(mount)
    return tuple(named)


def make_volumes(rt: Runtime, container: Container) -> None:
    """Make the container's volumes that do not exist yet."""
    for mount in container.mounts:
        if mount.type == "volume":
            with VolumeLock(rt, mount.name):
                ensure_volume(rt, mount.name, anonymous=mount.anonymous)


def ensure_volume(rt: Runtime, name: str, *, anonymous: bool = False) -> Volume:
    """The volume of that name, made with podman's defaults when there is none; lock held."""
    try:
        return rt.records.volumes.get(name)
    except NoSuchVolume:
        return add_volume(rt, Volume(name=name, anonymous=anonymous))


def add_volume(rt: Runtime, volume: Volume) -> Volume:
    """Make a volume's directories and store its record; lock held. Raises ``AlreadyExists``."""
    from .events import emit

    directory = volume_dir(rt, volume.name)
    data = os.path.join(directory, "_data")
    volume = volume.evolve(mountpoint=data, created=time.time())
    os.makedirs(rt.volume_path, 0o700, exist_ok=True)
    for path, mode in ((directory, 0o700), (data, 0o755)):
        try:
            os.mkdir(path, mode)
        except FileExistsError:
            continue  # from a create that was killed, or a state that was lost: kept
        os.chmod(path, mode)  # whatever the umask
        if volume.uid or volume.gid:
            os.chown(path, volume.uid, volume.gid)
    rt.records.volumes.add(volume)
    emit(rt, "volume", "create", name=volume.name)
    return volume


def prepare_volume(rt: Runtime, container: Container, mount: Mount, rootfs: str) -> Mount:
    """Make a volume ready for a container that starts: mounted, filled, owned.

    Returns the mount with the directory as its source. ``rootfs`` is the container's
    root, mounted and not yet running.
    """
    with VolumeLock(rt, mount.name):
        volume = ensure_volume(rt, mount.name, anonymous=mount.anonymous)
        if volume.needs_mount:
            from .volumes_device import acquire

            volume = acquire(rt, volume, container.id)
        elif not os.path.isdir(volume.mountpoint):
            os.makedirs(volume.mountpoint, 0o755)  # somebody deleted it by hand
        if volume.needs_copy_up or volume.needs_chown or "U" in mount.options:
            from .volumes_copyup import fill

            fill(rt, container, mount, volume, rootfs)
    return mount.evolve(source=volume.mountpoint)


def release_volume(rt: Runtime, container: Container, mount: Mount) -> None:
    """Undo :func:`prepare_volume` for a container that ended; safe to repeat."""
    try:
        volume = rt.records.volumes.get(mount.name)
    except NoSuchVolume:
        return
    if not volume.needs_mount:
        return
    from .volumes_device import release

    with VolumeLock(rt, mount.name):
        release(rt, rt.records.volumes.get(mount.name), container.id)


def remove_anonymous(rt: Runtime, names: list[str], container_id: str) -> None:
    """Remove anonymous volumes of a container that is being removed, unless others use them."""
    for name in names:
        with VolumeLock(rt, name) as lock:
            try:
                volume = rt.records.volumes.get(name)
            except NoSuchVolume:
                continue
            others = [user for user in rt.records.volumes.users(name) if user != container_id]
            if volume.anonymous and not others:
                delete_volume(rt, volume)
                lock.discard()


def delete_volume(rt: Runtime, volume: Volume) -> None:
    """Delete a volume nobody uses, files first and record last; lock held."""
    from .events import emit
    from .tree import remove_tree

    if volume.needs_mount or is_mounted(volume.mountpoint):
        from .volumes_device import unmount

        unmount(volume)
    remove_tree(volume_dir(rt, volume.name))
    rt.records.volumes.remove(volume.name)
    emit(rt, "volume", "remove", name=volume.name)
