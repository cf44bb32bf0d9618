"""``system df``: what images, containers and volumes take up on disk. Mounts nothing."""

from __future__ import annotations

from ..errors import NotFound, StorageError
from ..oci import reference
from ..oci.image_config import parse_time
from .images_list import size_of
from .listing import list_containers
from .volumes_admin import tree_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model.image import Image
    from .listing import Row
    from .runtime import Runtime


class DiskUsage:
    """The three parts of the report, one document an object, and the bytes of all images.

    ``images``: Repository, Tag, ImageID, Created (seconds), Size, SharedSize, UniqueSize,
    Containers; an image with several names comes several times. ``containers``: the row, its
    RWSize and the number of its volumes. ``volumes``: VolumeName, Links, Size, ReclaimableSize.
    """

    __slots__ = ("containers", "images", "images_size", "volumes")

    def __init__(self, rt: Runtime) -> None:
        rows = list_containers(rt)
        self.images, self.images_size = _images(rt, rows)
        self.containers = [_container(rt, row) for row in rows]
        self.volumes = _volumes(rt)


def _images(rt: Runtime, rows: list[Row]) -> tuple[list[dict[str, Any]], int]:
    images = rt.store.images()
    layers = {image.id: _layers(rt, image) for image in images}
    users: dict[str, int] = {}
    for own in layers.values():
        for layer in own:
            users[layer] = users.get(layer, 0) + 1
    used = [str(row.config.get("image", {}).get("id", "")) for row in rows]
    found: list[dict[str, Any]] = []
    unique_total = 0
    for image in images:
        size = max(size_of(rt, image), 0)
        shared = sum(n for layer, n in layers[image.id].items() if users[layer] > 1)
        unique_total += size - shared
        facts = {
            "ImageID": image.id,
            "Created": parse_time(image.created),
            "Size": size,
            "SharedSize": shared,
            "UniqueSize": size - shared,
            "Containers": used.count(image.id),
        }
        found += [{**names, **facts} for names in _names(image)]
    # A shared layer is on disk once.
    sizes = {layer: n for own in layers.values() for layer, n in own.items() if users[layer] > 1}
    return found, unique_total + sum(sizes.values())


def _layers(rt: Runtime, image: Image) -> dict[str, int]:
    """Bytes by layer; a damaged image has none that can be counted."""
    try:
        return {layer.id: max(layer.diff_size, 0) for layer in rt.store.image_layers(image)}
    except StorageError:
        return {}


def _names(image: Image) -> list[dict[str, str]]:
    names = []
    for name in image.names:
        parsed = reference.parse(name)
        names.append({"Repository": parsed.name, "Tag": parsed.tag or "<none>"})
    return names or [{"Repository": "<none>", "Tag": "<none>"}]


def _container(rt: Runtime, row: Row) -> dict[str, Any]:
    size = 0
    if row.config.get("image", {}).get("id"):
        try:
            size = int(rt.store.container_size(row.id))
        except (NotFound, StorageError):
            pass  # it is being removed, or its storage is gone: it takes nothing
    mounts = row.config.get("mounts", ())
    volumes = [mount for mount in mounts if mount.get("type") == "volume"]
    return {"row": row, "RWSize": size, "LocalVolumes": len(volumes)}


def _volumes(rt: Runtime) -> list[dict[str, Any]]:
    users = rt.records.all_users("volume")
    found = []
    for volume in sorted(rt.records.volumes.all(), key=lambda volume: volume.name):
        links = len(users.get(volume.name, ()))
        size = tree_size(volume.mountpoint)
        found.append(
            {
                "VolumeName": volume.name,
                "Links": links,
                "Size": size,
                "ReclaimableSize": 0 if links else size,
            }
        )
    return found
