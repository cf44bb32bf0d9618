"""Is the store sound? What containers/storage's check looks for, and some more.

Records without files, files without records, layers whose content is not what was put in, images
and containers without their documents. An image has its layers' damage too, a container its
image's. Nothing is removed here; :mod:`polypod.store.check_repair` does that.
"""

from __future__ import annotations

import os

from ..errors import PolypodError, StorageError
from ..model.struct import Struct
from .check_layers import layer_damage
from .check_report import Report
from .condemned import condemned_of
from .places import big_data_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from ..model.image import Image, Layer
    from .store import Store

    Problem = tuple[str, str, str]


class CheckOptions(Struct):
    """What is looked at.

    ``contents``: whether the layers' files are read and compared with what was put in, which takes
    as long as to read them all. ``max_age``: after so many seconds a layer that nothing
    uses counts as damage; until then it may belong to an image that is being pulled.
    """

    contents: bool = True
    max_age: float = 86400.0
    writable: bool = True  # False: the store is only read, and no lock can be taken in it
    elsewhere: dict[str, str] = {}  # containers whose image lies in a store that is not looked at: ID -> why


def check(store: Store, repair: bool) -> list[Problem]:
    """See :meth:`polypod.store.Store.check`."""
    from .check_repair import remove_unmanaged

    mended = rebuild(store) if repair else []
    report = examine(store, CheckOptions())
    if repair:
        removed = remove_unmanaged(store, report)
        mended += [("layer", id, f"{UNMANAGED} (removed)") for id in removed]
    return mended + list(report.problems())


def rebuild(store: Store) -> list[Problem]:
    """Let the driver rebuild what it can: missing links, and what layers stand on; what was rebuilt."""
    before = store.driver.check(True)
    left = set(store.driver.check(False))
    done = [("layer", id, f"{reason} (rebuilt)") for id, reason in before if (id, reason) not in left]
    if not store.driver.supports("adopt"):
        return done
    layers = {layer.id: layer for layer in store.layers()}
    report = Report()
    report.parents = {id: layer.parent for id, layer in layers.items()}
    for id in sorted(layers, key=report.depth):
        reason = "" if layers[id].store else _misplaced(store, layers[id])
        if reason and store.driver.exists(id) and store.driver.exists(layers[id].parent):
            store.driver.adopt(id, layers[id].parent, False)
            done.append(("layer", id, f"{reason} (rebuilt)"))
    return done


def _misplaced(store: Store, layer: Layer) -> str:
    """Why a layer does not stand on disk on the layer that its record names, "" when it does."""
    if not layer.parent or not store.driver.native_diff():
        return ""
    try:
        paths = list(store.driver.diff_paths(layer.id))
    except StorageError as error:
        return str(error)
    below = store.driver.diff_path(layer.parent)
    # The same layer of another store will do: its content is the same.
    stands = os.path.realpath(paths[1]).split("/") if len(paths) > 1 else []
    if layer.parent not in stands and (not stands or stands != os.path.realpath(below).split("/")):
        return f"it does not stand on layer {layer.parent}, as its record says"
    return ""


def examine(store: Store, options: CheckOptions) -> Report:
    """Everything that is wrong."""
    report = Report()
    for id, reason in store.driver.check(False):
        report.add_layer(id, reason)
    if options.writable:
        _unmanaged(store, report)
    layers = store.layers()
    report.parents = {layer.id: layer.parent for layer in layers}
    report.read_only = {layer.id for layer in layers if layer.store}
    _set_apart(store, options, report)
    _check_layers(store, layers, options, report)
    if options.contents:
        condemned_of(store).replace(report.changed - report.read_only)
    for image in store.images():
        _check_image(store, image, report)
    _check_containers(store, report)
    _unreferenced(layers, options, report)
    return report


#: The words of containers/storage, which podman's users search for.
UNMANAGED = "layer in lower level storage driver not accounted for"


def _unmanaged(store: Store, report: Report) -> None:
    """Files of layers that no record names."""
    from .putlayer import pending_of

    with store.layer_records.lock(images=True):
        pending = pending_of(store)
        for id in pending.recover():
            report.recovered.append(id)
        busy = pending.busy()
        known = {layer.id for layer in store.layers()}
        # A container is recorded before its layer is, and its layer's files before their record.
        known.update(record["layer"] for record in store.containers())
        for id in store.driver.list():
            # Other engines try mounts in folders beside the layers; those have no layer's name.
            if len(id) == 64 and id not in known and id not in busy:
                report.unmanaged.append(id)


def _check_layers(
    store: Store, layers: list[Layer], options: CheckOptions, report: Report
) -> None:
    records = _own_records(store)
    for layer in layers:
        if layer.parent and layer.parent not in report.parents and _lost(store, layer.parent, report):
            report.add_layer(layer.id, f"layer {layer.parent}: layer is missing")
        record, directory = records.get(layer.id, ({}, ""))
        for reason in _missing_data(record, directory, "layer"):
            report.add_layer(layer.id, reason)
        if not store.driver.exists(layer.id):
            report.add_layer(layer.id, "its files are missing")
            continue
        if layer.parent in report.parents and (misplaced := _misplaced(store, layer)):
            report.add_layer(layer.id, misplaced)
        if options.contents and layer.diff_digest:
            for reason in layer_damage(store, layer, bool(record.get("uidmap"))):
                report.add_layer(layer.id, reason)
                report.changed.add(layer.id)


def _set_apart(store: Store, options: CheckOptions, report: Report) -> None:
    """Find the containers that miss something, and whose store nobody has given: that is no damage."""
    if not options.elsewhere:
        return
    images = {image.id for image in store.images()}
    for record in store.containers():
        id, layer = record["id"], record.get("layer", "")
        if id not in options.elsewhere or layer not in report.parents:
            continue
        seen = set()
        while layer in report.parents and layer not in seen:
            seen.add(layer)
            layer = report.parents[layer]
        if layer and layer not in seen:
            report.away.add(layer)
        if layer or record.get("image", "") not in images:
            report.apart[id] = options.elsewhere[id]


def _own_records(store: Store) -> dict[str, tuple[dict[str, Any], str]]:
    """The records of the writable store's layers and the directories that hold their data."""
    from .table import load

    found: dict[str, tuple[dict[str, Any], str]] = {}
    for path in store.layer_records.writable_tables():
        for record in load(path):
            found.setdefault(record["id"], (record, f"{os.path.dirname(path)}/{record['id']}"))
    return found


def _missing_data(record: Mapping[str, Any], directory: str, kind: str) -> Iterator[str]:
    """Big data items that are gone, or whose size is not the recorded one."""
    sizes = record.get("big-data-sizes") or {}
    for key in record.get("big-data-names") or ():
        try:
            size = os.stat(f"{directory}/{big_data_name(key)}").st_size
        except OSError:
            yield f'data item "{key}": {kind} data item is missing'
            continue
        if key in sizes and size != sizes[key]:
            yield f'data item "{key}": {kind} data item has incorrect size'


def _check_image(store: Store, image: Image, report: Report) -> None:
    try:
        record, directory = store.image_records.record(image.id)
    except PolypodError as error:
        report.add_image(image.id, str(error))  # removed meanwhile, or its store went away
        return
    if image.read_only:
        report.read_only.add(image.id)
    data = f"{directory}/{image.id}"
    reasons = list(_missing_data(record, data, "image"))
    for reason in reasons or _changed_data(record, data):
        report.add_image(image.id, reason)
    for top in dict.fromkeys((image.top_layer, *(record.get("mapped-layers") or ()))):
        id = top
        while id and id not in report.chain:
            report.chain.add(id)
            id = report.parents.get(id, "")
        if top and top not in report.parents:
            _lost(store, top, report)
        _inherit(image.id, top, report)


def _lost(store: Store, id: str, report: Report) -> bool:
    """Whether a layer without a record is lost; it is not when its store is only not there now."""
    if id not in report.away and store.may_be_away(id):
        report.away.add(id)
    return id not in report.away


def _inherit(image: str, top: str, report: Report) -> None:
    """What is wrong with an image's layers is wrong with the image."""
    id, seen = top, set()
    while id and id not in seen:  # a circle is damage too, and must not hang us
        seen.add(id)
        if id not in report.parents:
            if id not in report.away:
                report.add_image(image, f"layer {id}: image layer is missing")
            return
        for reason in report.layers.get(id, ()):
            report.add_image(image, f"layer {id}: {reason}")
        id = report.parents[id]


def _changed_data(record: Mapping[str, Any], directory: str) -> Iterator[str]:
    import hashlib

    from ..kit.atomic import read_bytes

    for key, digest in (record.get("big-data-digests") or {}).items():
        if not digest.startswith("sha256:"):
            continue
        data = read_bytes(f"{directory}/{big_data_name(key)}")
        if data is None:
            continue
        # The digest of a schema 1 manifest leaves its signatures out.
        schema1 = key.startswith("manifest") and b'"signatures"' in data
        if not schema1 and hashlib.sha256(data).hexdigest() != digest[7:]:
            yield f'data item "{key}": image data item has incorrect digest'


def _check_containers(store: Store, report: Report) -> None:
    images = {image.id for image in store.images()}
    if store.absent_stores():
        images.update(record.get("image", "") for record in store.containers())
    for record in store.containers():
        id, image, layer = record["id"], record.get("image", ""), record.get("layer", "")
        report.chain.add(layer)
        directory = f"{store.places.containers}/{id}"
        for reason in _missing_data(record, directory, "container"):
            report.add_container(id, reason)
        if layer not in report.parents:
            report.add_container(id, "its layer has no record; remove the container")
        if image and image not in images and id not in report.apart:
            report.add_container(id, f"image {image}: image missing")
        for reason in report.images.get(image, ()):
            report.add_container(id, f"image {image}: {reason}")


def _unreferenced(layers: list[Layer], options: CheckOptions, report: Report) -> None:
    """Layers that neither an image nor a container stands on, and that are old enough."""
    import time

    from ..oci.image_config import parse_time

    latest = time.time() - options.max_age
    for layer in layers:
        if layer.store or layer.id in report.chain:
            continue
        created = parse_time(layer.created) if layer.created else 0.0
        if created <= latest:
            report.add_layer(layer.id, "layer not referenced by any images or containers")
