"""Images out of another store into the writable one, so that it is whole by itself."""

from __future__ import annotations

from ..errors import StorageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model.image import Image, Layer
    from .foreign import Root
    from .store import Store

_BLOB = ("compressed-diff-digest", "compressed-size", "compression")


def copy_layers(source: Root, target: Store, image: dict[str, Any]) -> str:
    """Bring an image's layers over, each verified; the top layer's ID over there ("" without layers)."""
    parent = ""
    brought: list[tuple[str, dict[str, Any]]] = []
    for record in source.chain(image):
        diff = record.get("diff-digest", "")
        known = target.find_layer(parent, diff) if diff else None
        if known is None:
            known = _put(source, target, parent, record)
            brought.append((known.id, record))
        parent = known.id
    _note_blobs(target, brought)
    return parent


def _put(source: Root, target: Store, parent: str, record: dict[str, Any]) -> Layer:
    id = record["id"]
    try:
        with source.stream(id) as stream:
            return target.put_layer(
                parent, stream, id=id, diff_digest=record.get("diff-digest", "")
            )
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StorageError(f"cannot copy layer {id[:12]} of {source.root}: {reason}") from error
    except StorageError as error:
        raise StorageError(f"cannot copy layer {id[:12]} of {source.root}: {error}") from error


def _note_blobs(target: Store, brought: list[tuple[str, dict[str, Any]]]) -> None:
    """Note under which blob each layer came once, so that a push finds it in its registry."""
    if not brought:
        return
    records = target.layer_records
    with records.lock(images=True) as locks:
        table = records.edit(records.image)
        for id, origin in brought:
            own = table.get(id)
            if own is not None:
                own.update({key: origin[key] for key in _BLOB if key in origin})
                table.put(own)
        locks.record_write()
        table.save(durable=True)


def copy_image(source: Root, target: Store, image: dict[str, Any], names: list[str]) -> Image:
    """Bring an image over under these names, unless it is there already."""
    top = copy_layers(source, target, image)
    items = source.big_data(image)
    with target.layer_records.lock(images=True):  # nobody removes the layers meanwhile
        if top and target.layer_records.find(top) is None:
            raise StorageError(f"layer {top} of image {image['id']} was removed meanwhile; try again")
        return target.image_records.add(
            image["id"], names, top, items,
            created=image.get("created", ""), digest=image.get("digest", ""),
            metadata=image.get("metadata", ""),
        )  # fmt: skip


def copy_all(source: Root, target: Store) -> int:
    """Bring over every image; names that mean something else here stay as they are. How many came."""
    own = {image.id: image for image in target.image_records.all() if not image.store}
    taken = {name for image in own.values() for name in image.names}
    count = 0
    for image in source.images.values():
        names = [name for name in image.get("names") or () if name not in taken]
        known = own.get(image["id"])
        if known is not None and not names:
            continue
        copy_image(source, target, image, names)
        taken.update(names)
        count += known is None
    return count


def adopt_layers(target: Store, image: Image) -> str:
    """Make an image's layers the writable store's own; the top layer's ID. Nothing to do when they are.

    For an image that is seen through ``target``, in whatever store it lies.
    """
    if not image.top_layer or target.layer_records.find(image.top_layer) is not None:
        return image.top_layer
    parent = ""
    brought: list[tuple[str, dict[str, Any]]] = []
    for layer in reversed(target.image_layers(image)):
        known = target.find_layer(parent, layer.diff_digest) if layer.diff_digest else None
        if known is None:
            from .foreign import Pieces

            with Pieces(iter(target.diff(layer))) as stream:
                known = target.put_layer(
                    parent,
                    stream,  # type: ignore[arg-type]
                    id=layer.id,
                    diff_digest=layer.diff_digest,
                )
            blob = (layer.compressed_digest, layer.compressed_size, layer.compression)
            record = {key: value for key, value in zip(_BLOB, blob, strict=True) if value}
            brought.append((known.id, record))
        parent = known.id
    _note_blobs(target, brought)
    return parent
