"""A layer's stream into the store: all of it or nothing."""

from __future__ import annotations

import os

from ..errors import StorageError
from .layers import to_layer
from .pending import Note, Pending
from .places import now, random_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO

    from ..model.image import Layer
    from ..oci.tarstream_apply import Applied
    from .store import Store


def chain_id(parent: str, diff_digest: str) -> str:
    """The layer ID that containers/image derives: the diffID's digits, or a hash over the parent's."""
    digits = diff_digest.partition(":")[2]
    if not parent:
        return digits
    import hashlib

    return hashlib.sha256(f"{parent}+{digits}".encode("ascii")).hexdigest()


def put_layer(
    store: Store,
    parent: str,
    stream: BinaryIO,
    *,
    id: str,
    diff_digest: str,
    compressed_digest: str,
    size_limit: int,
) -> Layer:
    """See :meth:`polypod.store.Store.put_layer`."""
    if diff_digest:
        known = store.find_layer(parent, diff_digest)
        if known is not None:
            return known
    pending = pending_of(store)
    temporary = random_id()
    note = pending.open(temporary)
    try:
        applied = _extract(store, pending, parent, stream, temporary, size_limit)
        _verify(applied, diff_digest, compressed_digest)
        return _record(store, pending, note, parent, id, applied)
    finally:
        # Whatever still has the temporary name was not recorded.
        store.driver.remove(temporary)
        if os.path.exists(pending.split_path(temporary)):
            os.unlink(pending.split_path(temporary))
        note.done()


def pending_of(store: Store) -> Pending:
    """The notes about image layers that are being made or removed."""
    records = store.layer_records
    return Pending(os.path.dirname(records.image), records.find, store.driver)


def _extract(
    store: Store, pending: Pending, parent: str, stream: BinaryIO, id: str, size_limit: int
) -> Applied:
    from ..oci.tarstream_apply import apply

    store.driver.prepare(id, parent, False)
    return apply(
        stream,
        store.driver.diff_path(id),
        split_path=pending.split_path(id),
        style=store.driver.extraction(),
        size_limit=size_limit,
    )


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


def _record(
    store: Store, pending: Pending, note: Note, parent: str, id: str, applied: Applied
) -> Layer:
    final = id or chain_id(parent, applied.diff_digest)
    records = store.layer_records
    with records.lock(images=True) as locks:
        pending.recover()
        known = records.find(final)
        if known is not None:
            return to_layer(known)
        if parent and records.find(parent) is None:
            raise StorageError(f"the layer below, {parent}, was removed meanwhile; try again")
        table = records.edit(records.image)
        note.becomes(final)
        store.driver.remove(final)  # files without a record, of a process killed long ago
        store.driver.rename(note.id, final)
        if os.path.exists(pending.split_path(note.id)):
            os.rename(pending.split_path(note.id), pending.split_path(final))
        record = _layer_record(final, parent, applied)
        table.put(record)
        locks.record_write()
        table.save(durable=True)
    return to_layer(record)


def _layer_record(id: str, parent: str, applied: Applied) -> dict[str, Any]:
    record: dict[str, Any] = {
        "id": id,
        "parent": parent,
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
