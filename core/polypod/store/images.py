"""images.json and the images' big data: configs, manifests, signatures."""

from __future__ import annotations

import os

from ..errors import AlreadyExists, NoSuchImage, StorageError
from ..kit.atomic import read_bytes, remove_tree, write_atomic
from ..model.image import Image
from .places import Places, big_data_name, lock_store, now
from .table import Text, by_id, load, load_other

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

MANIFEST = "manifest"


def to_image(record: dict[str, Any], store: str = "") -> Image:
    """A record of images.json as an :class:`Image`."""
    digests = {}
    if record.get("digest"):
        digests[record["digest"]] = True
    for name, digest in (record.get("big-data-digests") or {}).items():
        if name.startswith(MANIFEST):
            digests[digest] = True
    return Image(
        id=record["id"],
        digest=record.get("digest") or next(iter(digests), ""),
        digests=tuple(digests),
        names=tuple(record.get("names") or ()),
        names_history=tuple(record.get("names-history") or ()),
        top_layer=record.get("layer", ""),
        created=record.get("created", ""),
        read_only=bool(store),
        store=store,
    )


class Images:
    """The image records of a store and of the stores behind it."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._own = [places.images(places.image_root)]
        if places.split:
            self._own.append(places.images(places.root))
        self._cache: tuple[list[object], list[Image]] = ([], [])

    # -- reading -----------------------------------------------------------------------------

    def _directories(self) -> list[tuple[str, str]]:
        own = [(path, "") for path in self._own]
        places = self._places
        return own + [(places.images(root), places.names.get(root, root)) for root in places.extra]

    def _load(self, directory: str, store: str) -> list[dict[str, Any]]:
        path = directory + "/images.json"
        return load_other(path) if store else load(path)

    def all(self) -> list[Image]:
        """Every image, the writable store's first; one in several stores stands there for each."""
        tables = [(self._load(path, store), store) for path, store in self._directories()]
        # A table that did not change is the very same list (see table.load).
        key: list[object] = [records for records, _ in tables]
        if len(key) == len(self._cache[0]) and all(
            a is b for a, b in zip(key, self._cache[0], strict=True)
        ):
            return self._cache[1]
        # An image of a shared store keeps its names there when this store has a record of its own.
        found: dict[tuple[str, str], Image] = {}
        for records, store in tables:
            for record in records:
                found.setdefault((record["id"], store), to_image(record, store))
        self._cache = (key, list(found.values()))
        return self._cache[1]

    def record(self, id: str) -> tuple[dict[str, Any], str]:
        """The record of an image by its full ID, and the directory that holds it."""
        for path, store in self._directories():
            record = by_id(path + "/images.json", self._load(path, store)).get(id)
            if record is not None:
                return record, path
        raise NoSuchImage(f"{id}: image not known")

    def big_data(self, id: str, key: str) -> bytes:
        """One big data item; ``StorageError`` when the image lacks it."""
        _, directory = self.record(id)
        data = read_bytes(f"{directory}/{id}/{big_data_name(key)}")
        if data is None:
            raise StorageError(
                f"image {id} is damaged: its {key} is missing; remove the image and load it again"
            )
        return data

    def big_data_size(self, id: str) -> int:
        """Bytes of all big data items together."""
        record, directory = self.record(id)
        sizes = record.get("big-data-sizes") or {}
        total = 0
        for key in record.get("big-data-names") or ():
            if key in sizes:
                total += sizes[key]
            else:
                total += os.stat(f"{directory}/{id}/{big_data_name(key)}").st_size
        return total

    # -- writing -----------------------------------------------------------------------------

    def add(
        self,
        id: str,
        names: Sequence[str],
        top_layer: str,
        items: dict[str, bytes],
        *,
        created: str = "",
        digest: str = "",
        metadata: str = "",
        exclusive: bool = False,
        shared: bool = False,
    ) -> Image:
        """Record an image; its names are taken away from other images. One that exists is renewed.

        With ``exclusive`` names that another image has are refused: ``AlreadyExists``. ``shared``: others
        may read it.
        """
        directory = self._own[0]
        with lock_store(directory + "/images.lock") as held:
            table = Text(directory + "/images.json")
            _sweep(directory, table)
            if exclusive:
                _refuse_taken(table, names)
            sums = _write_items(f"{directory}/{id}", items)
            if shared:
                from .sharing import publish_image

                publish_image(self._places, id)
            old = table.get(id) or {}
            kept = [name for name in old.get("names") or () if name not in names]
            sums = {**_manifests_of(old), **sums}
            record: dict[str, Any] = {
                "id": id,
                "digest": digest or sums.get(MANIFEST, ("", 0))[0],
                "names": [*names, *kept],
                "names-history": _history(old, names),
                "layer": top_layer,
                "metadata": metadata or "{}",
                "big-data-names": list(sums),
                "big-data-sizes": {key: size for key, (_, size) in sums.items()},
                "big-data-digests": {key: value for key, (value, _) in sums.items()},
                "created": created or now(),
            }
            record = {key: value for key, value in record.items() if value}
            _take_names(table, names, but=id)
            table.put(record)
            held.record_write()
            table.save(durable=True)
        return to_image(record)

    def unchanged(
        self,
        id: str,
        names: Sequence[str],
        top_layer: str,
        items: dict[str, bytes],
        digest: str,
        metadata: str,
    ) -> Image | None:
        """The image when it is recorded just so, and has its documents: then nothing is to be written."""
        record = by_id(self._own[0] + "/images.json", load(self._own[0] + "/images.json")).get(id)
        if record is None or record.get("layer", "") != top_layer:
            return None
        if list(names) != (record.get("names") or [])[: len(names)]:
            return None
        if (digest and record.get("digest") != digest) or record.get("metadata") != (metadata or "{}"):
            return None
        for key, data in items.items():
            if read_bytes(f"{self._own[0]}/{id}/{big_data_name(key)}") != data:
                return None
            if key not in (record.get("big-data-names") or ()):
                return None
        return to_image(record)

    def set_big_data(self, id: str, key: str, data: bytes) -> None:
        """Add or replace one big data item."""
        directory = self._home(id)
        with lock_store(directory + "/images.lock") as held:
            table = Text(directory + "/images.json")
            record = table.get(id)
            if record is None:
                raise NoSuchImage(f"{id}: image not known")
            sums = _write_items(f"{directory}/{id}", {key: data})
            if key not in record.setdefault("big-data-names", []):
                record["big-data-names"].append(key)
            record.setdefault("big-data-sizes", {})[key] = sums[key][1]
            record.setdefault("big-data-digests", {})[key] = sums[key][0]
            table.put(record)
            held.record_write()
            table.save(durable=True)

    def set_names(self, id: str, names: Sequence[str]) -> Image:
        """Replace an image's names; other images lose those that move."""
        directory = self._home(id)
        with lock_store(directory + "/images.lock") as held:
            table = Text(directory + "/images.json")
            _take_names(table, names, but=id)
            record = table.get(id)
            if record is None:
                raise NoSuchImage(f"{id}: image not known")
            fresh: dict[str, Any] = {"id": id}
            if record.get("digest"):
                fresh["digest"] = record["digest"]
            if names:
                fresh["names"] = list(dict.fromkeys(names))
            history = _history(record, names)
            if history:
                fresh["names-history"] = history
            skip = ("id", "digest", "names", "names-history")
            fresh.update((key, value) for key, value in record.items() if key not in skip)
            table.put(fresh)
            held.record_write()
            table.save(durable=True)
        return to_image(fresh)

    def _home(self, id: str) -> str:
        _, directory = self.record(id)
        if directory not in self._own:
            raise StorageError(f"image {id} lies in a read-only store, {os.path.dirname(directory)}")
        return directory

    def writable_record(self, id: str) -> dict[str, Any]:
        """An image's record; ``StorageError`` when it lies in a read-only store."""
        self._home(id)
        return self.record(id)[0]

    def remove(self, ids: Sequence[str]) -> None:
        """Forget images and delete their big data. Layers are the caller's to remove."""
        by_home: dict[str, list[str]] = {}
        for id in ids:
            by_home.setdefault(self._home(id), []).append(id)
        for directory, here in by_home.items():
            with lock_store(directory + "/images.lock") as held:
                table = Text(directory + "/images.json")
                if sum([table.remove(id) for id in here]):
                    held.record_write()
                    table.save(durable=True)
            for id in here:
                remove_tree(f"{directory}/{id}")


def _sweep(directory: str, table: Text) -> None:
    """Remove the data of images that a killed process was about to record, or had just forgotten."""
    known = table.ids()
    for name in os.listdir(directory):
        if len(name) == 64 and name not in known:
            remove_tree(f"{directory}/{name}")


def _write_items(directory: str, items: dict[str, bytes]) -> dict[str, tuple[str, int]]:
    """Write big data files before the record names them; ``{key: (digest, size)}``."""
    import hashlib

    sums = {}
    try:
        os.makedirs(directory, 0o700, exist_ok=True)
        for key, data in items.items():
            write_atomic(f"{directory}/{big_data_name(key)}", data, durable=True)
            sums[key] = ("sha256:" + hashlib.sha256(data).hexdigest(), len(data))
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise StorageError(f"cannot write {directory}: {reason}") from error
    return sums


def _manifests_of(record: dict[str, Any]) -> dict[str, tuple[str, int]]:
    """The manifests and signatures by which an image is known already: ``{key: (digest, size)}``."""
    sizes, digests = record.get("big-data-sizes") or {}, record.get("big-data-digests") or {}
    return {
        key: (digests[key], sizes[key])
        for key in record.get("big-data-names") or ()
        if key.startswith((f"{MANIFEST}-", "signature-")) and key in sizes and key in digests
    }


def _history(record: dict[str, Any], names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys((*names, *(record.get("names-history") or ()))))


def _refuse_taken(table: Text, names: Sequence[str]) -> None:
    for record in table.records():
        for name in record.get("names") or ():
            if name in names:
                raise AlreadyExists(
                    f'image name "{name}" is already associated with image "{record["id"]}": '
                    "that name is already in use"
                )


def _take_names(table: Text, names: Sequence[str], but: str) -> None:
    if not any(f'"{name}"' in table.text for name in names):
        return  # the usual case, without decoding a thousand records
    for record in table.records():
        own = record.get("names") or ()
        if record["id"] != but and any(name in names for name in own):
            record["names"] = [name for name in own if name not in names]
            if not record["names"]:
                del record["names"]
            table.put(record)
