"""Removing images and layers, without taking away what something else stands on."""

from __future__ import annotations

import os

from ..errors import ImageInUse, NoSuchImage, PolypodError, StorageError
from ..kit.atomic import remove_tree
from .pending import Note
from .places import random_id
from .putlayer import pending_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .layers import Locks
    from .store import Store


# Layers whose files go at a time: each is a locked file meanwhile, and the store is locked for all of them.
_STEP = 64


def delete_images(store: Store, image_ids: Sequence[str]) -> dict[str, list[str] | PolypodError]:
    """See :meth:`polypod.store.Store.delete_images`.

    Records go first, under the locks; the files are moved to a name that nobody
    knows and deleted after the locks are given back, since that may take seconds.
    """
    outcome: dict[str, list[str] | PolypodError] = {}
    left = list(reversed(image_ids))
    while left:
        with store.layer_records.lock(images=True) as locks:
            plan = _Plan(store)
            while left and len(plan.layers) < _STEP:
                id = left.pop()
                try:
                    outcome[id] = plan.take(id)
                except PolypodError as error:
                    outcome[id] = error
            store.image_records.remove(plan.images)
            notes = _forget(store, locks, plan.layers)
        _erase(store, notes)
    return outcome


class _Plan:
    """What goes, decided on the records as they are under the locks."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.images: list[str] = []
        self.layers: list[str] = []
        self._parents = {x.id: x.parent for x in store.layers() if not x.store}
        self._needed: dict[str, int] = {}  # by what stands on it: layers, images, containers
        containers = store.container_records.all()
        self._users = {c.get("image", ""): c["id"] for c in reversed(containers)}
        tops = [image.top_layer for image in store.images() if not image.store]
        for id in (*self._parents.values(), *tops, *(c.get("layer", "") for c in containers)):
            self._needed[id] = self._needed.get(id, 0) + 1

    def take(self, image_id: str) -> list[str]:
        """Add an image; returns the layers that go with it, topmost first."""
        if image_id in self._users:
            raise in_use(self._users[image_id])
        if image_id in self.images:
            raise NoSuchImage(f"{image_id}: image not known")
        record = self._store.image_records.writable_record(image_id)
        self.images.append(image_id)
        top = record.get("layer", "")
        self._needed[top] = self._needed.get(top, 0) - 1
        gone: list[str] = []
        for id in (*reversed(record.get("mapped-layers") or ()), top):
            while id in self._parents and not self._needed.get(id):
                gone.append(id)
                id = self._parents.pop(id)
                self._needed[id] -= 1
        self.layers += gone
        return gone


def in_use(container: str) -> ImageInUse:
    """The error for an image that a container was made from."""
    return ImageInUse(f"image used by {container}: image is in use by a container")


def delete_layer(store: Store, id: str) -> None:
    """See :meth:`polypod.store.Store.delete_layer`."""
    with store.layer_records.lock(images=True) as locks:
        reason = _needed_by(store, id)
        if reason:
            raise StorageError(f"layer {id} is in use by {reason}")
        if store.layer_records.find(id) is None:
            raise StorageError(f"layer {id}: layer not known")
        notes = _forget(store, locks, [id])
    _erase(store, notes)


def _needed_by(store: Store, id: str) -> str:
    """What stands on a layer, in words, or ""."""
    for image in store.images():
        if image.top_layer == id and not image.store:
            return f"image {image.id}"
    for layer in store.layers():
        if layer.parent == id and not layer.store:
            return f"layer {layer.id}"
    for container in store.container_records.all():
        if container.get("layer") == id:
            return f"container {container['id']}"
    # A container is recorded before its layer is: its image says what it is about to stand on.
    tops = {image.id: image.top_layer for image in store.images()}
    for container in store.container_records.all():
        if tops.get(container.get("image", "")) == id:
            return f"container {container['id']}"
    return ""


def _forget(store: Store, locks: Locks, ids: Sequence[str]) -> list[Note]:
    """Take layers' records away and their files out of everybody's sight; nothing stands on them."""
    records = store.layer_records
    pending = pending_of(store)
    mounted = records.mounted() if ids else {}
    notes = []
    for id in ids:
        if id in mounted:
            records.unmount(id, force=True)
        note = pending.open(random_id())
        note.becomes(id)  # until the record is gone, recovery leaves the layer alone
        notes.append(note)
    for path in records.writable_tables() if ids else ():
        table = records.edit(path)
        if sum([table.remove(id) for id in ids]):
            locks.record_write()
            table.save(durable=True)
    directory = os.path.dirname(records.image)
    on_disk = {id for id in ids if store.holds(id)}
    for id, note in zip(ids, notes, strict=True):
        if id in on_disk:
            store.driver.rename(id, note.id)
        for name in (pending.split_path(id), f"{directory}/{id}"):
            if os.path.lexists(name):
                remove_tree(name)
    return notes


def _erase(store: Store, notes: list[Note]) -> None:
    for note in notes:
        store.driver.remove(note.id)
        note.done()
    if notes:
        store.layer_records.let_go(notes[-1].id)
