"""``imagestore move``: a store to another place, with everything that is made from it."""

from __future__ import annotations

import os

from ..errors import StorageError, UsageError
from ..store.filemount import unmount
from ..store.identity import read_identity
from ..store.imagestores import ATTACHED
from ..store.leftovers import remove_store, set_aside
from ..store.transfer import MARKER, move_directory, move_file, writers_kept_out
from .imagestores import inside_of, reopen, stores_of, users
from .imagestores_detach import release

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..model.imagestore import ImageStore
    from ..store.imagestores import ImageStores
    from .runtime import Runtime


def move(rt: Runtime, name: str, path: str, say: Callable[[str], None]) -> ImageStore:
    """Move a store to ``path``, which must not exist or be an empty directory; returns its record.

    Refused while running containers need it (``InUse``). It may be killed and called again.
    """
    if not path:
        raise UsageError(f"say where image store {name} is to be moved: the path is empty")
    stores = stores_of(rt)
    store = stores.get(name)
    if store.origin:
        raise UsageError(
            f"image store {name} is named by {store.origin}: move the directory, then change it there"
        )
    release(rt, store)
    with stores.register.lock():
        stores.refresh()
        store = stores.get(name)
        if stores.state(store) != ATTACHED:
            raise StorageError(stores.sentence(store))
        store = stores.get(name)  # where it was found: an earlier move may not have been written down
        target = _target(store, path)
        store = _finish_earlier(rt, stores, store)
        if target != store.path:
            store = _move(rt, stores, store, target)
    if store.obsolete:
        say(f"{store.obsolete} is kept while containers run on it; 'polypod imagestore check --repair' removes it")
    reopen(rt)
    return store


def _target(store: ImageStore, path: str) -> str:
    target = os.path.realpath(path)
    if store.kind != "dir" and os.path.isdir(target):
        target = f"{target}/{os.path.basename(store.path)}"
    if target.startswith(store.path + "/"):
        raise UsageError(f"image store {store.name} cannot be moved into itself ({target})")
    if not os.path.isdir(os.path.dirname(target)):
        raise StorageError(f"the directory {os.path.dirname(target)} does not exist")
    return target


def _move(rt: Runtime, stores: ImageStores, store: ImageStore, target: str) -> ImageStore:
    if store.read_only or store.foreign:
        raise UsageError(
            f"image store {store.name} is only read: copy it to {target} yourself, and attach it there"
        )
    if store.kind == "dir":
        _refuse_containers(store)
    save = stores.register.save
    store = save(store.evolve(moving_to=target))
    if store.kind != "dir":
        unmount(stores, store)
        move_file(store.path, target)
        store = save(store.evolve(path=target, inside="", moving_to="", obsolete=store.path))
        return clear_obsolete(rt, stores, store)
    # Held until the old place is empty: what somebody wrote there in between would go with it.
    with writers_kept_out(store.path, store.driver):
        renamed = move_directory(store.path, target, store.driver, store.id)
        obsolete = "" if renamed else store.path
        moved = store.evolve(path=target, inside=inside_of(target), moving_to="", obsolete=obsolete)
        moved = save(moved)
        if obsolete:
            set_aside(obsolete, store.id)  # containers may run on it still: then it stays
        return clear_obsolete(rt, stores, moved)


def _refuse_containers(store: ImageStore) -> None:
    """Another engine's graphroot cannot be moved from here: its containers know their paths."""
    from ..store.table import load

    if load(f"{store.path}/{store.driver}-containers/containers.json"):
        raise StorageError(
            f"{store.path} is the graphroot of an engine with containers; remove those first, or export the images"
        )


def _finish_earlier(rt: Runtime, stores: ImageStores, store: ImageStore) -> ImageStore:
    """Complete what a killed move, or one under running containers, has left."""
    save = stores.register.save
    if store.moving_to and store.path == store.moving_to:
        store = save(store.evolve(moving_to=""))  # renamed, and killed before it was written down
    elif store.moving_to and os.path.exists(f"{store.moving_to}/{MARKER}"):
        return store  # taken up again, or overruled, by who called
    return clear_obsolete(rt, stores, store)


def clear_obsolete(rt: Runtime, stores: ImageStores, store: ImageStore) -> ImageStore:
    """Remove the old place of a store that was moved, unless something runs on it still."""
    if not store.obsolete or users(rt, store, running=True):
        return store
    current = store.path if store.kind != "dir" else ""
    if current != store.obsolete and (store.kind != "dir" or read_identity(store.path) == store.id):
        try:
            remove_store(store.obsolete, store.id, store.path)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise StorageError(
                f"image store {store.name} is at {store.path} now, but {store.obsolete} cannot be removed: {reason}"
            ) from error
    return stores.register.save(store.evolve(obsolete=""))
