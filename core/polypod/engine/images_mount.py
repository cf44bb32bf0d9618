"""``image mount`` and ``image unmount``: an image's root file system, read-only, on the host."""

from __future__ import annotations

from ..errors import ImageDetached, InvalidState
from .events import emit
from .images_list import repo_tags
from .images_lookup import find, lookup, lookup_instance

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model.image import Image
    from .runtime import Runtime


def mount(rt: Runtime, names: list[str], *, all: bool = False) -> list[dict[str, Any]]:
    """Mount images (each call counts one more user) and tell where they are."""
    images = [lookup_instance(rt, name)[0] for name in names]
    if all:
        images = [image for image in rt.store.images() if not image.read_only]
    reports = []
    for image in images:
        if not image.top_layer:
            raise InvalidState(f"image {image.id} has no layers that could be mounted")
        path = rt.store.layer_records.mount(image.top_layer, read_only=True, label="", options=())
        emit(rt, "image", "mount", id=image.id)
        reports.append(_report(image, path))
    return reports


def mounted(rt: Runtime) -> list[dict[str, Any]]:
    """The images that are mounted."""
    paths = rt.store.layer_records.mounted()
    found = [image for image in rt.store.images() if image.top_layer in paths]
    return [_report(image, paths[image.top_layer]) for image in found]


def unmount(rt: Runtime, names: list[str], *, all: bool = False, force: bool = False) -> list[str]:
    """Take one user off the images' mounts, all with ``force``; IDs of those that were mounted."""
    paths = rt.store.layer_records.mounted()
    away = rt.store.detached_images()  # what is mounted of a store that went away can be let go of
    images = [*rt.store.images(), *away] if all else [_mounted_one(rt, name, away) for name in names]
    done = []
    for image in images:
        if image.top_layer in paths:
            rt.store.layer_records.unmount(image.top_layer, force=force)
            emit(rt, "image", "unmount", id=image.id)
            done.append(image.id)
    return done


def _mounted_one(rt: Runtime, name: str, away: list[Image]) -> Image:
    try:
        return lookup(rt, name)[0]
    except ImageDetached:
        return find(away, name)[0]


def _report(image: Image, path: str) -> dict[str, Any]:
    return {
        "id": image.id,
        "Names": [image.digest],
        "Repositories": repo_tags(image),
        "mountpoint": path,
    }
