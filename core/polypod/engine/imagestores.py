"""Image stores beside the writable one: which there are, how they are, who needs them."""

from __future__ import annotations

from ..errors import StorageError
from ..store.imagestores import ATTACHED
from .runtime import open_imagestores

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model.container import Container
    from ..model.imagestore import ImageStore
    from ..store.imagestores import ImageStores
    from .runtime import Runtime


def stores_of(rt: Runtime) -> ImageStores:
    """The image stores; an object also where there are none yet."""
    return rt.imagestores if rt.imagestores is not None else open_imagestores(rt)


def reopen(rt: Runtime) -> ImageStores:
    """Forget what is known about the stores, because it changed; the stores as they are now."""
    for part in ("imagestores", "store", "storage_driver"):
        rt.__dict__.pop(part, None)
    return stores_of(rt)


def inside_of(path: str) -> str:
    """The path from its mount point, "" on the root file system."""
    from ..store.probing import mount_point, mount_types

    point = mount_point(path, mount_types()).rstrip("/")
    return (path[len(point) :] or "/") if point else ""


def require(rt: Runtime, container: Container) -> None:
    """Raise ``StoreAbsent`` when the store that the container's image lies in is not there.

    Another store may have the same layers: then nothing is missing.
    """
    image = container.image
    stores = stores_of(rt)
    if not image.store or stores.is_ready(image.store, image.store_id):
        return
    try:
        rt.storage_driver.mounts(rt.store.container_layer(container.id))
    except StorageError:
        stores.refuse(f"container {container.id[:12]}", image.store, image.store_id)


def lost_stores(rt: Runtime, documents: list[dict[str, Any]]) -> dict[str, str]:
    """For a listing of containers: container ID -> name of the store that it needs and that is not there."""
    found: dict[str, str] = {}
    for config in documents:
        image = config.get("image", {})
        name, id = image.get("store", ""), image.get("store_id", "")
        if not name:
            continue
        stores = stores_of(rt)
        if not stores.is_ready(name, id):
            store = stores.of_container(name, id)
            found[config["id"]] = store.name if store is not None else name
    return found


def users(rt: Runtime, store: ImageStore, *, running: bool = False) -> list[dict[str, Any]]:
    """The containers (as documents) whose image lies in a store; only those that run with ``running``."""
    found = []
    for config, state in rt.records.containers.rows()[0]:
        image = config.get("image", {})
        if not image.get("store"):
            continue
        if image.get("store_id", "") != store.id and image["store"] != store.name:
            continue
        if not running or not state.get("cleaned", True):
            found.append(config)
    return found


def list_stores(rt: Runtime) -> list[dict[str, Any]]:
    """All image stores, the writable imagestore of the configuration first; as documents."""
    stores = stores_of(rt)
    rows = []
    settings = rt.settings
    if settings.storage.imagestore:
        rows.append(_writable(rt))
    for store in stores.stores:
        if store.attached and not store.origin:
            refresh_catalog(stores, store)
        rows.append(document(rt, stores, store))
    return rows


def _writable(rt: Runtime) -> dict[str, Any]:
    path = rt.settings.storage.imagestore
    number = len([image for image in rt.store.image_records.all() if not image.store])
    return {
        "Name": path, "ID": "", "Path": path, "State": ATTACHED, "Kind": "dir", "Way": "direct",
        "Why": "", "ReadOnly": False, "Required": True, "ShareLayers": True, "Images": number,
        "Containers": 0, "Reason": "", "Origin": rt.settings.origin.get("storage.imagestore", ""),
    }  # fmt: skip


def document(rt: Runtime, stores: ImageStores, store: ImageStore) -> dict[str, Any]:
    """One store as ``imagestore inspect`` shows it."""
    state = stores.state(store)
    return {
        "Name": store.name,
        "ID": store.id,
        "Path": store.path,
        "State": state,
        "Kind": store.kind,
        "Way": store.way,
        "Why": store.why,
        "ReadOnly": store.read_only or bool(store.origin) or store.kind != "dir",
        "Required": store.required,
        "ShareLayers": store.share_layers,
        "Images": _count(rt, stores, store, state),
        "Containers": len(users(rt, store)) if store.id else 0,
        "Reason": stores.reasons().get(store.name, "") if store.attached else "",
        "Origin": store.origin,
    }


def inspect_store(rt: Runtime, name: str) -> dict[str, Any]:
    """:func:`document` with the names of what is in the store and of who needs it."""
    stores = stores_of(rt)
    store = stores.get(name)
    if store.attached and not store.origin:
        refresh_catalog(stores, store)
    images: list[str] = []
    if not store.origin:
        for entry in stores.register.catalog(store.name).get("images", ()):
            images += entry.get("names") or [entry["id"]]
    return {
        **document(rt, stores, store),
        "ImageNames": sorted(images),
        "Users": sorted(config["name"] for config in users(rt, store)) if store.id else [],
    }


def _count(rt: Runtime, stores: ImageStores, store: ImageStore, state: str) -> int:
    if store.origin:
        from ..store.catalog import records

        return len(records(stores, store)[0]) if state == ATTACHED else 0
    return len(stores.register.catalog(store.name).get("images", ()))


def refresh_catalogs(rt: Runtime) -> None:
    """Keep what each attached store holds, as far as it changed."""
    stores = stores_of(rt)
    for store in stores.usable():
        if not store.origin:
            refresh_catalog(stores, store)


def refresh_catalog(stores: ImageStores, store: ImageStore) -> None:
    """Keep what a store holds, when it changed since it was seen last."""
    from ..store.catalog import refresh

    if stores.state(store) == ATTACHED and store.way != "copy":
        refresh(stores, store)
