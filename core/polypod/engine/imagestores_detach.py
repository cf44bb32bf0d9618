"""``imagestore detach``: let go of a store, so that its disk can be pulled."""

from __future__ import annotations

from ..errors import InUse, NotFound, StorageError, UsageError
from ..store.filemount import unmount
from ..store.imagestores import ATTACHED
from .imagestores import refresh_catalog, reopen, stores_of, users

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model.imagestore import ImageStore
    from .runtime import Runtime


def detach(rt: Runtime, name: str, *, force: bool = False, forget: bool = False) -> ImageStore:
    """Detach a store; ``InUse`` while running containers need it, unless ``force`` stops them.

    ``forget`` also drops what is known about it, which is refused while containers need it.
    """
    stores = stores_of(rt)
    store = stores.get(name)
    if store.origin:
        raise UsageError(f"image store {name} is named by {store.origin}: take it out there")
    if forget:
        needed = [config["name"] for config in users(rt, store)]
        if needed:
            raise InUse(
                f"image store {store.name} is needed by container(s) {', '.join(needed)};"
                " remove them first, or detach it without --forget"
            )
    release(rt, store, force=force)
    with stores.register.lock():
        stores.refresh()
        store = stores.get(name)
        if stores.state(store) == ATTACHED:
            refresh_catalog(stores, store)
        unmount(stores, store, force=force)
        store = stores.register.save(store.evolve(attached=False))
        if store.way == "erofs":
            from .imagestores_ways import discard

            discard(stores, store)
        if forget:
            stores.register.forget(store.name)
    reopen(rt)
    return store


def release(rt: Runtime, store: ImageStore, *, force: bool = False) -> None:
    """Make sure that nothing running stands on a store; ``InUse`` names what does."""
    running = users(rt, store, running=True)
    if running and not force:
        names = ", ".join(f"{config['name']} ({config['id'][:12]})" for config in running)
        raise InUse(
            f"image store {store.name} is in use by running container(s) {names};"
            " stop them, or let --force do it"
        )
    for config in running:
        _stop(rt, config["id"])
    _unmount_images(rt, store, force=force)


def _stop(rt: Runtime, container_id: str) -> None:
    from .cleanup import cleanup
    from .stop import stop

    try:
        stop(rt, container_id)
        cleanup(rt, container_id)
    except NotFound:
        return  # removed meanwhile, or by its --rm


def _unmount_images(rt: Runtime, store: ImageStore, *, force: bool) -> None:
    """Images of the store that are mounted by ``image mount``."""
    stores = stores_of(rt)
    if store.way == "copy":
        return
    if stores.state(store) == ATTACHED:
        refresh_catalog(stores, store)
    own = {layer.id for layer in rt.store.layers() if not layer.store}
    layers = set(stores.register.catalog(store.name).get("layers", ())) - own
    mounted = sorted(layers & set(rt.store.layer_records.mounted()))
    if mounted and not force:
        raise InUse(
            f"image store {store.name} is in use: {len(mounted)} of its images are mounted;"
            " see 'polypod image unmount', or let --force do it"
        )
    for id in mounted:
        try:
            rt.store.layer_records.unmount(id, force=True)
        except StorageError:
            if not force:
                raise
