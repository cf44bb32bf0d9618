"""``imagestore export``: images in one file that attaches read-only in one mount."""

from __future__ import annotations

import os

from ..errors import NoSuchImage, StorageError, UsageError
from ..store.export import write_file
from ..store.filemount import sweep
from ..store.foreign import Root
from ..store.imagestores import ATTACHED
from .images_lookup import find, lookup
from .imagestores import stores_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model.image import Image
    from .runtime import Runtime


def export(rt: Runtime, target: str, format: str, *, store: str = "", images: list[str]) -> str:
    """Write a store, or single images of it or of all stores, to a file; returns the new store's ID."""
    target = os.path.abspath(target)
    if os.path.isdir(target):
        raise UsageError(f"{target} is a directory: give the name of a file to write")
    if not os.path.isdir(os.path.dirname(target)):
        raise StorageError(f"the directory {os.path.dirname(target)} does not exist")
    if not store and not images:
        raise UsageError("say what to export: the name of an image store, or --image")
    stores = stores_of(rt)
    os.makedirs(stores.run_dir, 0o700, exist_ok=True)
    sweep(stores.run_dir, ".stage-")
    chosen = _of_store(rt, store, images) if store else _of_all(rt, images)
    if not chosen:
        raise StorageError(f"image store {store} has no images to export")
    return write_file(chosen, target, format, stores.run_dir)


def _of_store(rt: Runtime, name: str, images: list[str]) -> list[tuple[Root, dict[str, Any]]]:
    stores = stores_of(rt)
    store = stores.get(name)
    if stores.state(store) != ATTACHED:
        raise StorageError(stores.sentence(store))
    root = Root(stores.root(store), store.driver)
    if not images:
        return [(root, image) for image in root.images.values()]
    from ..store.images import to_image

    known = [to_image(record, name) for record in root.images.values()]
    return [(root, root.images[find(known, wanted)[0].id]) for wanted in images]


def _of_all(rt: Runtime, images: list[str]) -> list[tuple[Root, dict[str, Any]]]:
    places = rt.store.places
    roots = [Root(root, rt.driver_name) for root in dict.fromkeys((places.image_root, places.root))]
    roots += [Root(root, rt.driver_name) for root in places.extra]
    return [_locate(roots, lookup(rt, name)[0]) for name in images]


def _locate(roots: list[Root], image: Image) -> tuple[Root, dict[str, Any]]:
    """The first root that has the image with all its layers."""
    problem: StorageError | None = None
    for root in roots:
        record = root.images.get(image.id)
        if record is None:
            continue
        try:
            root.chain(record)
        except StorageError as error:
            problem = error
            continue
        return root, record
    raise problem or NoSuchImage(f"{image.id}: image not known")
