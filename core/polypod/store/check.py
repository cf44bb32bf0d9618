"""Is the store sound? Records without files, files without records, images without layers."""

from __future__ import annotations

import hashlib

from ..errors import PolypodError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .store import Store

    Problem = tuple[str, str, str]


def check(store: Store, repair: bool) -> list[Problem]:
    """See :meth:`polypod.store.Store.check`."""
    problems = [("layer", id, reason) for id, reason in store.driver.check(repair)]
    with store.layer_records.lock(images=True):
        problems += _orphans(store, repair)
    problems += _layers(store)
    for image in store.images():
        problems += _image(store, image.id)
    known = {layer.id for layer in store.layers()}
    for record in store.containers():
        if record["layer"] not in known:
            problems.append(
                ("container", record["id"], "its layer has no record; remove the container")
            )
    return problems


def _orphans(store: Store, repair: bool) -> Iterator[Problem]:
    """Files of layers that no record names; the layers' lock is held."""
    from .putlayer import pending_of

    pending = pending_of(store)
    for id in pending.recover():
        yield "layer", id, "left by a killed process (removed)"
    busy = pending.busy()
    known = {layer.id for layer in store.layers()}
    # A container is recorded before its layer is, and its layer's files before their record.
    known.update(record["layer"] for record in store.containers())
    for id in store.driver.list():
        # Other engines try mounts in folders beside the layers; those have no layer's name.
        if len(id) == 64 and id not in known and id not in busy:
            if repair:
                store.driver.remove(id)
            yield "layer", id, "files that no record names" + (" (removed)" if repair else "")


def _layers(store: Store) -> Iterator[Problem]:
    layers = store.layers()
    known = {layer.id for layer in layers}
    for layer in layers:
        if not store.driver.exists(layer.id):
            yield "layer", layer.id, "its files are missing"
        if layer.parent and layer.parent not in known:
            yield "layer", layer.id, f"the layer below, {layer.parent}, has no record"


def _image(store: Store, id: str) -> Iterator[Problem]:
    image = store.image(id)
    try:
        store.image_layers(image)
        record, _ = store.image_records.record(id)
        for key, digest in (record.get("big-data-digests") or {}).items():
            data = store.image_records.big_data(id, key)
            if digest.startswith("sha256:") and "sha256:" + hashlib.sha256(data).hexdigest() != digest:
                yield "image", id, f"its {key} was changed; remove the image and load it again"
    except PolypodError as error:
        yield "image", id, str(error)
