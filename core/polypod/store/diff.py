"""A layer as a tar archive."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..model.image import Layer
    from .store import Store


def layer_diff(store: Store, layer: Layer) -> Iterator[bytes]:
    """See :meth:`polypod.store.Store.diff`."""
    split = store.layer_records.data_path(".tar-split.gz", layer.id)
    tree = store.driver.diff_path(layer.id)
    if os.path.exists(split):
        from ..oci.tarstream_split import assemble

        return assemble(split, tree)
    if store.driver.native_diff():
        from ..oci.tarstream_write import write_changes

        return write_changes(tree, store.driver.extraction()["whiteouts"])
    from ..oci.tarstream_write import write_difference

    return write_difference(tree, store.driver.diff_path(layer.parent) if layer.parent else "")
