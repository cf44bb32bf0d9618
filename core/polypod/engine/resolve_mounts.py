"""The mounts of a container: the user's, other containers', configured ones, the image's volumes.

A later source gives way to an earlier one at the same destination: the user's own
come first, then containers.conf's, then ``--volumes-from``, then the image's.
"""

from __future__ import annotations

import os
import posixpath

from ..errors import UsageError
from ..model.container import Mount

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model.container import ContainerCreate
    from ..model.settings import Settings
    from .namespaces import FindContainer


def resolve_mounts(
    request: ContainerCreate,
    config: dict[str, Any],
    settings: Settings,
    find: FindContainer | None,
) -> tuple[tuple[Mount, ...], tuple[str, ...]]:
    """Return the mounts in order of destination, and the IDs of ``--volumes-from`` containers."""
    mounts: dict[str, Mount] = {}
    for mount in request.mounts:
        destination = _destination(mount)
        if destination in mounts:
            raise UsageError(f"{destination}: duplicate mount destination")
        mounts[destination] = mount.evolve(destination=destination, source=_source(mount))
    for mount in _configured(settings):
        mounts.setdefault(mount.destination, mount)
    donors = []
    for text in request.volumes_from:
        donor, taken = _volumes_from(text, find)
        donors.append(donor)
        for mount in taken:
            mounts.setdefault(mount.destination, mount)
    for mount in _image_volumes(request, config, settings):
        mounts.setdefault(mount.destination, mount)
    ordered = sorted(mounts.values(), key=lambda mount: mount.destination.count("/"))
    return tuple(ordered), tuple(donors)


def _destination(mount: Mount) -> str:
    if not mount.destination:
        raise UsageError("container directory cannot be empty")
    if not mount.destination.startswith("/"):
        raise UsageError(f'invalid container path "{mount.destination}", must be an absolute path')
    path = posixpath.normpath(mount.destination)
    return path[1:] if path.startswith("//") else path


def _source(mount: Mount) -> str:
    if mount.type == "bind" and mount.source and not mount.source.startswith("/"):
        return os.path.abspath(mount.source)
    return mount.source


def _configured(settings: Settings) -> list[Mount]:
    """What containers.conf mounts in every container: its ``mounts`` and ``volumes``."""
    containers = settings.containers
    if not containers.mounts and not containers.volumes:
        return []
    from .mount_text import parse_mount, parse_volume

    try:
        found = [mount for text in containers.mounts for mount in parse_mount(text)]
    except UsageError as error:
        raise UsageError(f"parsing containers.conf mounts: {error}") from None
    found += [parse_volume(text) for text in containers.volumes]
    return [mount.evolve(destination=_destination(mount), source=_source(mount)) for mount in found]


def _volumes_from(text: str, find: FindContainer | None) -> tuple[str, list[Mount]]:
    name, _, joined = text.partition(":")
    options = tuple(option for option in joined.split(",") if option)
    for option in options:
        if option not in ("z", "ro", "rw"):
            raise UsageError(
                f'invalid option "{option}" specified - volumes from another container can only '
                "use z,ro,rw options"
            )
    if len(set(options) & {"ro", "rw"}) > 1 or len(options) != len(set(options)):
        raise UsageError("cannot set ro or rw options more than once")
    if find is None:
        raise UsageError(f'looking up container "{name}" for volumes-from: no containers here')
    donor = find(name)
    taken = []
    for mount in donor.mounts:
        if mount.type not in ("bind", "volume"):
            continue
        if mount.type == "volume" and mount.name:
            # By name again: the volume is another container's to remove.
            mount = mount.evolve(source=mount.name, name="", anonymous=False)
        taken.append(mount.evolve(options=options or mount.options, from_image=False))
    return donor.id, taken


def _image_volumes(
    request: ContainerCreate, config: dict[str, Any], settings: Settings
) -> list[Mount]:
    mode = (request.image_volumes or settings.engine.image_volume_mode).lower()
    if mode in ("bind", ""):
        mode = "anonymous"
    if mode not in ("anonymous", "tmpfs", "ignore"):
        raise UsageError(
            f'invalid ImageVolumeMode "{mode}", value must be one of ignore,tmpfs,anonymous'
        )
    mounts: list[Mount] = []
    if mode == "ignore":
        return mounts
    for path in config.get("Volumes") or ():
        destination = posixpath.normpath("/" + path.lstrip("/"))
        if destination == "/":
            continue
        mounts.append(
            Mount(
                type="volume" if mode == "anonymous" else "tmpfs",
                destination=destination,
                source="" if mode == "anonymous" else "tmpfs",
                options=("rprivate", "rw", "nodev", "exec"),
                anonymous=mode == "anonymous",
                from_image=True,
            )
        )
    return mounts
