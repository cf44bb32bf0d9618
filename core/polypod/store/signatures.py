"""Signatures beside an image, as containers/storage's users keep them.

The signatures of the image's manifest lie one after the other in the big data ``signatures``
and, again, ``signature-<hex of the manifest's digest>``; the image's metadata, JSON in a
string, has their sizes in ``signature-sizes`` and ``signatures-sizes``.
"""

from __future__ import annotations

from ..errors import StorageError
from ..kit.fastjson import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..model.image import Image
    from .store import Store


def to_items(signatures: Sequence[bytes], digest: str) -> tuple[dict[str, bytes], str]:
    """Big data items and metadata for the signatures of the manifest ``digest``."""
    sizes = [len(signature) for signature in signatures]
    data = b"".join(signatures)
    metadata = dumps({"signature-sizes": sizes, "signatures-sizes": {digest: sizes}})
    return {"signatures": data, f"signature-{digest.partition(':')[2]}": data}, metadata


def read(store: Store, image: Image) -> list[bytes]:
    """The signatures beside an image, [] when there are none. Raises ``StorageError``."""
    record, _ = store.image_records.record(image.id)
    try:
        metadata = loads(record.get("metadata") or "{}")
        sizes = [int(size) for size in metadata.get("signature-sizes") or ()]
    except (ValueError, TypeError, AttributeError):
        raise StorageError(
            f"image {image.id} has damaged metadata, so that its signatures cannot be read"
        ) from None
    if not sizes:
        return []
    data = store.image_records.big_data(image.id, "signatures")
    if sum(sizes) != len(data) or min(sizes) < 0:
        raise StorageError(f"the signatures of image {image.id} are damaged: their sizes are wrong")
    found = []
    for size in sizes:
        found.append(data[:size])
        data = data[size:]
    return found
