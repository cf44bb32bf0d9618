"""Removing images and layers, without taking away what something else stands on."""

from __future__ import annotations

import os

from ..errors import StorageError
from .pending import Note
from .places import random_id
from .putlayer import pending_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .layers import Locks
    from .store import Store


def delete_image(store: Store, image_id: str) -> list[str]:
    """See :meth:`polypod.store.Store.delete_image`.

    Records go first, under the locks; the files are moved to a name that nobody
    knows and deleted after the locks are given back, since that may take seconds.
    """
    notes: list[Note] = []
    removed: list[str] = []
    with store.layer_records.lock(images=True) as locks:
        store.refuse_in_use(image_id)
        record, _ = store.image_records.record(image_id)
        store.image_records.remove(image_id)
        tops = [record.get("layer", ""), *(record.get("mapped-layers") or ())]
        for top in reversed(tops):
            for id in _unneeded(store, top):
                notes.append(_forget(store, locks, id))
                removed.append(id)
    _erase(store, notes)
    return removed


def delete_layer(store: Store, id: str) -> None:
    """See :meth:`polypod.store.Store.delete_layer`."""
    with store.layer_records.lock(images=True) as locks:
        reason = _needed_by(store, id)
        if reason:
            raise StorageError(f"layer {id} is in use by {reason}")
        if store.layer_records.find(id) is None:
            raise StorageError(f"layer {id}: layer not known")
        note = _forget(store, locks, id)
    _erase(store, [note])


def _needed_by(store: Store, id: str) -> str:
    """What stands on a layer, in words, or ""."""
    for image in store.images():
        if image.top_layer == id:
            return f"image {image.id}"
    for layer in store.layers():
        if layer.parent == id:
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


def _unneeded(store: Store, top: str) -> list[str]:
    """The layers from ``top`` downwards that nothing needs once those above them are gone."""
    parents = {layer.id: layer.parent for layer in store.layers() if not layer.store}
    children: dict[str, int] = {}
    for parent in parents.values():
        children[parent] = children.get(parent, 0) + 1
    used = {image.top_layer for image in store.images()}
    used.update(c.get("layer", "") for c in store.container_records.all())
    found = []
    id = top
    while id in parents and id not in used and not children.get(id):
        found.append(id)
        children[parents[id]] -= 1
        id = parents[id]
    return found


def _forget(store: Store, locks: Locks, id: str) -> Note:
    """Take a layer's record away and its files out of everybody's sight."""
    records = store.layer_records
    pending = pending_of(store)
    if store.layer_records.mount_count(id):
        store.layer_records.unmount(id, force=True)
    note = pending.open(random_id())
    note.becomes(id)  # until the record is gone, recovery leaves the layer alone
    for path in records.writable_tables():
        table = records.edit(path)
        if table.remove(id):
            locks.record_write()
            table.save(durable=True)
    if store.driver.exists(id):
        store.driver.rename(id, note.id)
    directory = os.path.dirname(records.image)
    for name in (pending.split_path(id), f"{directory}/{id}"):
        if os.path.lexists(name):
            from ..kit.atomic import remove_tree

            remove_tree(name)
    return note


def _erase(store: Store, notes: list[Note]) -> None:
    for note in notes:
        store.driver.remove(note.id)
        note.done()
    if notes:
        store.layer_records.let_go(notes[-1].id)
