"""A layer's stream into the store: all of it or nothing.

In two steps, so that the layers of one image can be extracted at the same time. *Staging*
extracts an archive under an ID that no record names; it may be done in another process, and with
drivers that can :meth:`adopt` before the layer below is there. *Committing* puts staged layers on
their parents, waits for the disk, gives them their IDs and records them, all under one lock.
"""

from __future__ import annotations

import os

from ..errors import StorageError
from ..model.struct import Struct
from .layers import to_layer
from .pending import Note, Pending
from .places import now, random_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, BinaryIO

    from ..model.image import Layer
    from ..oci.tarstream_apply import Applied
    from .store import Store


class LayerGone(StorageError):
    """The layer that new ones were to stand on was removed meanwhile; to be tried once more."""


class Wanted(Struct):
    """What a layer's stream must turn out to be; "" and 0 stand for anything."""

    diff_digest: str = ""
    compressed_digest: str = ""
    size_limit: int = 0


class Staged:
    """A layer that was extracted and has no record yet.

    ``parent`` is the final ID of the layer below; ``adopted`` says that the files were
    prepared on it. ``id`` is the final ID, "" for the one that the digests give.
    """

    __slots__ = ("adopted", "applied", "id", "note", "parent")

    def __init__(
        self, note: Note, applied: Applied, *, parent: str, id: str = "", adopted: bool = False
    ) -> None:
        self.note = note
        self.applied = applied
        self.parent = parent
        self.id = id or chain_id(parent, applied.diff_digest)
        self.adopted = adopted or not parent


def chain_id(parent: str, diff_digest: str) -> str:
    """The layer ID that containers/image derives: the diffID's digits, or a hash over the parent's."""
    digits = diff_digest.partition(":")[2]
    if not parent:
        return digits
    import hashlib

    return hashlib.sha256(f"{parent}+{digits}".encode("ascii")).hexdigest()


def put_layer(store: Store, parent: str, stream: BinaryIO, wanted: Wanted, *, id: str = "") -> Layer:
    """See :meth:`polypod.store.Store.put_layer`."""
    if wanted.diff_digest:
        known = store.find_layer(parent, wanted.diff_digest)
        if known is not None:
            return known
    note = open_stage(store)
    try:
        applied = stage(store, note.id, stream, wanted, parent=parent)
        return commit(store, [Staged(note, applied, parent=parent, id=id, adopted=True)])[0]
    finally:
        discard(store, note)


def pending_of(store: Store) -> Pending:
    """The notes about image layers that are being made or removed."""
    records = store.layer_records
    return Pending(os.path.dirname(records.image), records.find, store.driver)


def open_stage(store: Store) -> Note:
    """A fresh temporary ID, noted so that the next writer cleans up when this process is killed."""
    return pending_of(store).open(random_id())


def stage(store: Store, id: str, stream: BinaryIO, wanted: Wanted, *, parent: str = "") -> Applied:
    """Extract an archive under a temporary ID, on ``parent`` or on nothing, and check its digests."""
    from ..oci.tarstream_apply import apply

    store.driver.prepare(id, parent, False)
    applied = apply(
        stream,
        store.driver.diff_path(id),
        split_path=pending_of(store).split_path(id),
        style=store.driver.extraction(),
        size_limit=wanted.size_limit,
    )
    _verify(applied, wanted.diff_digest, wanted.compressed_digest)
    return applied


def discard(store: Store, note: Note) -> None:
    """Remove what still has the temporary ID: it was not recorded. Safe to call twice."""
    if note.is_done():
        return
    store.driver.remove(note.id)
    split = pending_of(store).split_path(note.id)
    if os.path.exists(split):
        os.unlink(split)
    note.done()


def can_stack(store: Store) -> bool:
    """Whether layers may be extracted before the one below is there."""
    return store.driver.supports("adopt") and store.driver.native_diff()


def _verify(applied: Applied, diff_digest: str, compressed_digest: str) -> None:
    if diff_digest and applied.diff_digest != diff_digest:
        raise StorageError(
            f"the layer's content is {applied.diff_digest}, but its image says {diff_digest}"
        )
    # An archive may hold a layer uncompressed that its manifest names by the compressed digest.
    if compressed_digest and compressed_digest not in (
        applied.compressed_digest,
        applied.diff_digest,
    ):
        raise StorageError(
            f"the layer's blob is {applied.compressed_digest}, but its manifest says {compressed_digest}"
        )


def commit(store: Store, batch: Sequence[Staged]) -> list[Layer]:
    """Record staged layers, each after the one that it stands on; all of them or none.

    Waits until the files are on the disk before a record names them. Layers that somebody
    else recorded meanwhile are returned as they are. Raises ``LayerGone``.
    """
    layers: list[Layer] = []
    for part in _parts(store, batch):
        _adopt(store, part)
        _to_disk(store, part)
        layers += _record(store, part)
    for item in batch:
        discard(store, item.note)
    return layers


def _parts(store: Store, batch: Sequence[Staged]) -> Iterator[list[Staged]]:
    """Cut a batch behind each layer that replaces a damaged one: its name on disk changes."""
    part: list[Staged] = []
    for item in batch:
        part.append(item)
        if store.layer_records.find(item.id) is not None or store.driver.exists(item.id):
            yield part
            part = []
    if part:
        yield part


def _adopt(store: Store, part: list[Staged]) -> None:
    temporary = {item.id: item.note.id for item in part}
    for item in part:
        if not item.adopted:
            parent = temporary.get(item.parent, item.parent)
            if parent == item.parent and not store.driver.exists(parent):
                raise _gone(item.parent)
            store.driver.adopt(item.note.id, parent, not item.applied.has_top)
            item.adopted = True


def _to_disk(store: Store, part: list[Staged]) -> None:
    from ..kit.syncfs import syncfs

    places = (store.driver.diff_path(part[0].note.id), os.path.dirname(store.layer_records.image))
    devices: set[int] = set()
    for path in places:
        device = os.stat(path).st_dev
        if device not in devices:
            devices.add(device)
            syncfs(path)


def _record(store: Store, part: list[Staged]) -> list[Layer]:
    records = store.layer_records
    pending = pending_of(store)
    layers = []
    with records.lock(images=True) as locks:
        pending.recover()
        first = part[0]
        if first.parent and records.find(first.parent) is None:
            raise _gone(first.parent)
        table = records.edit(records.image)
        fresh = False
        for item in part:
            known = records.find(item.id)
            if known is not None and store.is_sound(item.id):
                layers.append(to_layer(known))
                continue
            record = _layer_record(item, known or {})
            _place(store, pending, item, damaged=known is not None)
            table.put(record)
            layers.append(to_layer(record))
            fresh = True
        if fresh:
            locks.record_write()
            table.save(durable=True)
    return layers


def _gone(parent: str) -> LayerGone:
    return LayerGone(f"the layer below, {parent}, was removed meanwhile; try again")


def _place(store: Store, pending: Pending, item: Staged, *, damaged: bool) -> None:
    """Give the files their final name. A kill from here on is repaired through the note."""
    item.note.becomes(item.id)
    # Files without a record: of a process killed long ago, or of a record that was lost. Then layers
    # may stand on them, which name them as they are on disk.
    if store.driver.supports("renew") and (damaged or store.driver.exists(item.id)):
        store.driver.renew(item.note.id, item.id)
    else:
        store.driver.remove(item.id)
        store.driver.rename(item.note.id, item.id)
    if os.path.exists(pending.split_path(item.note.id)):
        os.rename(pending.split_path(item.note.id), pending.split_path(item.id))
    if damaged:
        from .condemned import condemned_of

        condemned_of(store).forget(item.id)


def _layer_record(item: Staged, old: dict[str, Any]) -> dict[str, Any]:
    applied = item.applied
    record: dict[str, Any] = {
        "id": item.id,
        "names": old.get("names"),
        "parent": item.parent,
        "created": now(),
        "compressed-diff-digest": applied.compressed_digest,
        "compressed-size": applied.compressed_size,
        "diff-digest": applied.diff_digest,
        "diff-size": applied.diff_size,
        "compression": applied.compression,
        "uidset": list(applied.uids),
        "gidset": list(applied.gids),
    }
    return {key: value for key, value in record.items() if value}
