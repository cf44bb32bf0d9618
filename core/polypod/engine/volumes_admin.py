"""Volumes as objects of their own: create, list, inspect, remove, prune."""

from __future__ import annotations

import os

from ..errors import AlreadyExists, InUse, NoSuchVolume, PolypodError, UsageError
from ..model.volume import Volume
from .volumes import VolumeLock, add_volume, check_name, delete_volume

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .runtime import Runtime

_KEYS = ("o", "type", "device", "uid", "gid", "size", "inodes", "noquota", "copy", "nocopy")


def create_volume(
    rt: Runtime,
    name: str = "",
    *,
    driver: str = "",
    labels: dict[str, str] | None = None,
    options: dict[str, str] | None = None,
    uid: int | None = None,
    gid: int | None = None,
    ignore: bool = False,
) -> Volume:
    """Make a volume; without a name it is anonymous and gets 64 hex digits.

    ``options`` are the local driver's: ``type``, ``device`` and ``o`` as for mount(8), where ``o`` may
    also hold uid, gid and nocopy. With ``ignore`` an existing volume is returned
    untouched. Raises ``UsageError``, ``AlreadyExists``.
    """
    anonymous = not name
    name = name or os.urandom(32).hex()
    check_name(name)
    with VolumeLock(rt, name):
        try:
            existing = rt.records.volumes.get(name)
        except NoSuchVolume:
            pass
        else:
            if ignore:
                return existing
            raise AlreadyExists(f"volume with name {name} already exists: volume already exists")
        if driver not in ("", "local"):
            raise UsageError(
                f"volume {name} uses volume plugin {driver} but it could not be retrieved: "
                f"no volume plugin with name {driver} available: required plugin missing"
            )
        parsed = _parse_options(options or {})
        owner = (parsed.uid if uid is None else uid, parsed.gid if gid is None else gid)
        return add_volume(
            rt,
            Volume(
                name=name,
                labels=dict(labels or {}),
                options=parsed.options,
                anonymous=anonymous,
                uid=max(owner[0], 0),
                gid=max(owner[1], 0),
                needs_chown=owner == (-1, -1),
            ),
        )


class _Options:
    """What ``-o`` says: podman's stored form of it, and the owner (-1: not given)."""

    def __init__(self) -> None:
        self.options: dict[str, str] = {}
        self.uid = -1
        self.gid = -1


def _parse_options(given: dict[str, str]) -> _Options:
    parsed = _Options()
    for key, value in given.items():
        if key.lower() not in _KEYS:
            raise UsageError(f"invalid mount option {key} for driver 'local': invalid argument")
        parsed.options[key] = value
    if given.get("type", "").lower() == "bind" and not os.path.exists(given.get("device", "")):
        raise UsageError(
            "invalid volume option device for driver 'local': faccessat "
            f"{given.get('device', '')}: no such file or directory"
        )
    for option in given.get("o", "").split(","):
        name, equals, value = option.partition("=")
        _engine_option(parsed, name.lower(), equals, value)
    limits = "SIZE" in parsed.options or "INODES" in parsed.options
    if given.get("type", "").lower() == "tmpfs":
        if "INODES" in parsed.options:
            raise UsageError("volume option inodes not supported on tmpfs filesystem")
    elif limits:
        raise UsageError(
            "volume options size and inodes not supported. Filesystem does not support Project Quota"
        )
    return parsed


def _engine_option(parsed: _Options, name: str, equals: str, value: str) -> None:
    """One part of ``o=`` that is the engine's; podman lists it in capitals as well."""
    if name in ("uid", "gid"):
        if not equals:
            raise UsageError(f"{name} option must provide a {name.upper()}: invalid argument")
        if not value.isdigit():
            raise UsageError(
                f"cannot convert {name.upper()} {value} to integer: "
                f'strconv.Atoi: parsing "{value}": invalid syntax'
            )
        setattr(parsed, name, int(value))
        parsed.options[name.upper()] = value
    elif name == "size":
        parsed.options["SIZE"] = value
    elif name == "inodes":
        if not value.isdigit():
            raise UsageError(f"cannot convert inodes {value} to integer: invalid syntax")
        parsed.options["INODES"] = value
    elif name == "noquota":
        parsed.options["NOQUOTA"] = "true"


def volume_document(volume: Volume) -> dict[str, Any]:
    """``podman volume inspect``'s object: its keys in its order, empty ones left out as there."""
    from .volumes_time import rfc3339

    document: dict[str, Any] = {
        "Name": volume.name,
        "Driver": volume.driver,
        "Mountpoint": volume.mountpoint,
        "CreatedAt": rfc3339(volume.created),
        "Labels": dict(volume.labels),
        "Scope": "local",
        "Options": dict(volume.options),
    }
    if volume.uid:
        document["UID"] = volume.uid
    if volume.gid:
        document["GID"] = volume.gid
    if volume.anonymous:
        document["Anonymous"] = True
    document["MountCount"] = volume.mount_count
    if volume.needs_copy_up:
        document["NeedsCopyUp"] = True
    if volume.needs_chown:
        document["NeedsChown"] = True
    return document


def list_volumes(rt: Runtime, filters: list[str] | None = None) -> list[Volume]:
    """The volumes that pass all filters (``key=value``), by name."""
    volumes = rt.records.volumes.all()
    if filters:
        from .volumes_filters import select

        return select(rt, volumes, filters)
    return volumes


def volume_exists(rt: Runtime, name: str) -> bool:
    """Whether a volume of exactly that name exists."""
    try:
        rt.records.volumes.get(name)
    except NoSuchVolume:
        return False
    return True


def remove_volume(
    rt: Runtime, name: str, *, force: bool = False, timeout: int | None = None
) -> str:
    """Remove a volume (an unambiguous prefix of its name does) and return its name.

    With ``force`` the containers that use it go first, given ``timeout`` seconds to stop.
    Raises ``NoSuchVolume``, ``InUse``.
    """
    volume = rt.records.volumes.find(name)
    while True:
        with VolumeLock(rt, volume.name) as lock:
            volume = rt.records.volumes.get(volume.name)
            users = rt.records.volumes.users(volume.name)
            if not users:
                delete_volume(rt, volume)
                lock.discard()
                return volume.name
        if not force:
            raise InUse(
                f"volume {volume.name} is being used by the following container(s): "
                f"{', '.join(users)}: volume is being used"
            )
        from .remove import remove

        for user in users:
            # Outside the volume's lock: removing a container takes it for its own volumes.
            remove(rt, user, force=True, timeout=timeout)


class Pruned:
    """One volume of a prune: its name, the bytes it held, and why it stayed ("" = removed)."""

    __slots__ = ("error", "name", "size")

    def __init__(self, name: str, size: int, error: str = "") -> None:
        self.name = name
        self.size = size
        self.error = error


def prunable(
    rt: Runtime, filters: list[str] | None = None, *, everything: bool = False
) -> list[Volume]:
    """The volumes that :func:`prune_volumes` would remove: unused, and anonymous unless ``everything``."""
    from .volumes_filters import select

    used = rt.records.all_users("volume")
    volumes = [
        volume
        for volume in rt.records.volumes.all()
        if volume.name not in used and (everything or volume.anonymous)
    ]
    return select(rt, volumes, filters or [], pruning=True)


def prune_volumes(
    rt: Runtime, filters: list[str] | None = None, *, everything: bool = False
) -> list[Pruned]:
    """Remove unused volumes; one that came into use meanwhile stays and is reported."""
    pruned = []
    for volume in prunable(rt, filters, everything=everything):
        size = tree_size(volume.mountpoint)
        try:
            remove_volume(rt, volume.name)
        except NoSuchVolume:
            continue  # somebody else was faster
        except PolypodError as error:
            pruned.append(Pruned(volume.name, 0, str(error)))
        else:
            pruned.append(Pruned(volume.name, size))
    return pruned


def tree_size(path: str) -> int:
    """Bytes of the files below a directory, several names of one file counted once."""
    total, seen, stack = 0, set(), [path]
    while stack:
        try:
            with os.scandir(stack.pop()) as entries:
                for entry in entries:
                    status = entry.stat(follow_symlinks=False)
                    if entry.is_dir(follow_symlinks=False):
                        stack.append(entry.path)
                    elif status.st_nlink < 2 or (status.st_dev, status.st_ino) not in seen:
                        seen.add((status.st_dev, status.st_ino))
                        total += status.st_size
        except (FileNotFoundError, NotADirectoryError):
            continue
    return total
