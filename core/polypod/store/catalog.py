"""What a store holds, remembered for the time when it is not there."""

from __future__ import annotations

import os

from ..errors import StorageError
from .images import to_image
from .table import load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model.imagestore import ImageStore
    from .imagestores import ImageStores

    Records = tuple[list[dict[str, Any]], list[dict[str, Any]]]


def records(stores: ImageStores, store: ImageStore) -> Records:
    """The image records and the layer records of a store that is there."""
    return read_records(stores.root(store), store.driver)


def read_records(root: str, driver: str) -> Records:
    """The image records and the layer records in a root; ``StorageError`` when they cannot be read."""
    try:
        return load(f"{root}/{driver}-images/images.json"), load(f"{root}/{driver}-layers/layers.json")
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise StorageError(f"cannot read the image store at {root}: {reason}") from error


def stamp(root: str, driver: str) -> list[int]:
    """Times and sizes of a store's tables: they change with what it holds."""
    found = []
    for part in ("images", "layers"):
        try:
            info = os.stat(f"{root}/{driver}-{part}/{part}.json")
        except OSError:
            found += [0, 0]
            continue
        found += [info.st_mtime_ns, info.st_size]
    return found


def refresh(stores: ImageStores, store: ImageStore) -> None:
    """Write the catalog anew when the store's tables changed."""
    root = stores.root(store)
    now = stamp(root, store.driver)
    if stores.register.catalog(store.name).get("stamp") != now:
        images, layers = records(stores, store)
        document = {"stamp": now, **catalog_of(images, layers)}
        stores.register.save_catalog(store.name, document)


def catalog_of(images: list[dict[str, Any]], layers: list[dict[str, Any]]) -> dict[str, Any]:
    """The catalog of these records."""
    sizes = {layer["id"]: (layer.get("diff-size", 0), layer.get("parent", "")) for layer in layers}
    return {
        "images": [_entry(record, sizes) for record in images],
        "layers": sorted(sizes),
    }


def _entry(record: dict[str, Any], layers: dict[str, tuple[int, str]]) -> dict[str, Any]:
    image = to_image(record)
    size, layer = sum((record.get("big-data-sizes") or {}).values()), image.top_layer
    while layer in layers:
        size += max(layers[layer][0], 0)
        layer = layers[layer][1]
    entry = image.to_dict()
    entry.pop("store", None)
    entry.pop("read_only", None)
    return {**entry, "size": size}


def sizes(catalog: dict[str, Any]) -> dict[str, int]:
    """Image ID -> bytes, from a catalog."""
    return {entry["id"]: int(entry.get("size", -1)) for entry in catalog.get("images", ())}
