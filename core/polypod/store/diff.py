"""A layer as a tar archive."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..model.image import Layer
    from .store import Store


def changed_size(store: Store, id: str) -> int:
    """Bytes of the files that a layer adds to the one below it."""
    if store.driver.native_diff():
        return store.driver.usage(id)[0]
    from stat import S_ISREG

    from ..oci.tarstream_write import differences

    record = store.layer_records.find(id) or {}
    parent = record.get("parent", "")
    if not parent:
        return store.driver.usage(id)[0]
    found = differences(store.driver.diff_path(id), store.driver.diff_path(parent))
    return sum(info.st_size for _, _, info in found if info is not None and S_ISREG(info.st_mode))


def layer_diff(store: Store, layer: Layer) -> Iterator[bytes]:
    """See :meth:`polypod.store.Store.diff`."""
    split = store.layer_records.data_path(".tar-split.gz", layer.id)
    tree = store.driver.diff_path(layer.id)
    if os.path.exists(split):
        from ..oci.tarstream_split import assemble

        return assemble(split, tree)
    if store.driver.native_diff():
        from ..oci.tarstream_write import write_changes

        return write_changes(tree)
    from ..oci.tarstream_write import write_difference

    return write_difference(tree, store.driver.diff_path(layer.parent) if layer.parent else "")
