"""Is a layer's content what was put in? Its archive is put together again and compared."""

from __future__ import annotations

import os

from ..errors import StorageError
from .check_tree import Tree, compare

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ..model.image import Layer
    from .store import Store

#: So many differences of one layer are named.
_SHOWN = 20


def layer_damage(store: Store, layer: Layer, mapped: bool = False) -> list[str]:
    """What is wrong with the files of a layer that has a diffID; nothing when it cannot be told.

    Without its tar-split file a layer's archive cannot be had back byte for byte, so nothing vouches
    for its content. ``mapped`` says that owners were shifted for a user namespace.
    """
    if not os.path.exists(store.layer_records.data_path(".tar-split.gz", layer.id)):
        return []
    tree = Tree() if store.driver.native_diff() else None
    try:
        reasons = _read(store, layer, tree)
    except (StorageError, OSError, ValueError) as error:
        return [f"layer content incorrect digest: {error}"]
    if reasons or tree is None or tree.vague:
        return reasons
    found = []
    style = store.driver.extraction()
    owners = not (mapped or style.get("ignore_chown_errors"))
    for count, difference in enumerate(compare(tree, store.driver.diff_path(layer.id), owners)):
        if count == _SHOWN:
            found.append("and more, layer content modified")
            break
        found.append(f"{difference}, layer content modified")
    return found


def _read(store: Store, layer: Layer, tree: Tree | None) -> list[str]:
    """Read the layer's archive once: digest and size, and for ``tree`` its entries."""
    meter = _Meter(store.diff(layer), layer.diff_digest)
    if tree is not None:
        _entries(meter, tree, store.driver.extraction())
    for _ in meter:
        pass
    if meter.digest() != layer.diff_digest:
        return ["layer content incorrect digest"]
    if layer.diff_size > 0 and meter.size != layer.diff_size:
        return [
            f"read {meter.size} bytes instead of {layer.diff_size} bytes: layer content incorrect size"
        ]
    return []


class _Meter:
    """Hashes what goes through."""

    def __init__(self, chunks: Iterator[bytes], digest: str) -> None:
        import hashlib

        self._algorithm = digest.partition(":")[0]
        try:
            self._hash = hashlib.new(self._algorithm)
        except ValueError:
            raise StorageError(f"digest {digest} is of an unknown algorithm") from None
        self._chunks = chunks
        self.size = 0

    def __iter__(self) -> _Meter:
        return self

    def __next__(self) -> bytes:
        chunk = next(self._chunks)
        self._hash.update(chunk)
        self.size += len(chunk)
        return chunk

    def digest(self) -> str:
        return f"{self._algorithm}:{self._hash.hexdigest()}"


def _entries(meter: _Meter, tree: Tree, style: dict[str, Any]) -> None:
    from ..oci.tarstream_parse import Feed, Parser

    feed = Feed(meter)
    parser = Parser(feed, lambda _bytes: None)
    while (entry := parser.next()) is not None:
        tree.add(entry, style.get("whiteouts") != "aufs")
        left = -(-entry.stored // 512) * 512
        while left > 0:
            piece = feed.piece(left)
            if not piece:
                raise StorageError("the layer's archive ends in the middle of a file")
            left -= len(piece)
    parser.drain()
