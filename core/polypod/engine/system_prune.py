"""``system prune``: containers, volumes, images and networks that nothing needs."""

from __future__ import annotations

from ..errors import PolypodError
from .images_remove import prune as prune_images
from .networks import prune_networks
from .prune import prune_containers
from .volumes_admin import prune_volumes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .runtime import Runtime


class Pruned:
    """What was removed, by kind, the bytes that this freed, and what went wrong."""

    __slots__ = ("containers", "errors", "images", "networks", "reclaimed", "volumes")

    def __init__(self) -> None:
        self.containers: list[str] = []
        self.volumes: list[str] = []
        self.images: list[str] = []
        self.networks: list[str] = []
        self.reclaimed = 0
        self.errors: list[Exception] = []


def prune_all(rt: Runtime, filters: list[str], *, all: bool, volumes: bool) -> Pruned:
    """Remove stopped containers, then what only they needed; ``all`` takes every unused image.

    One part's failure stops no other part.
    """
    pruned = Pruned()
    sizes = {id: _written(rt, id) for id in rt.records.containers.ids()}
    removed, errors = prune_containers(rt, filters)
    pruned.containers += removed
    pruned.errors += errors
    pruned.reclaimed += sum(sizes.get(id, 0) for id in removed)
    if volumes:
        for volume in prune_volumes(rt, filters, everything=True):
            if volume.error:
                pruned.errors.append(PolypodError(volume.error))
            else:
                pruned.volumes.append(volume.name)
                pruned.reclaimed += volume.size
    try:
        for image in prune_images(rt, all=all, external=False, filters=filters):
            pruned.images.append(image.id)
            pruned.reclaimed += max(image.size, 0)
    except PolypodError as error:
        pruned.errors.append(error)
    for name, problem in prune_networks(rt, filters):
        if problem is None:
            pruned.networks.append(name)
        else:
            pruned.errors.append(problem)
    return pruned


def _written(rt: Runtime, id: str) -> int:
    try:
        return int(rt.store.container_size(id))
    except (PolypodError, OSError):
        return 0  # a container without a layer of ours, or one that is being removed
