"""layers.json and its companions: the records of layers, and their mount counts.

Reading takes no lock (tables are replaced whole). Writing holds ``layers.lock`` of the
graphroot, and of the imagestore when image layers change. Long work, such as extracting a
layer, happens before the lock is taken: see :mod:`polypod.store.pending`.
"""

from __future__ import annotations

import os

from ..errors import StorageError
from ..kit import mounts
from ..kit.lockfile import Held, lock_write
from ..model.image import Layer
from .places import Places, lock_store, now
from .table import INCOMPLETE, Text, by_id, load, load_other

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Self

    from ..model.mount import MountSpec
    from ..ports.storage import StoragePort


def to_layer(record: dict[str, Any], store: str = "") -> Layer:
    """A record of layers.json as a :class:`Layer`."""
    return Layer(
        id=record["id"],
        parent=record.get("parent", ""),
        names=tuple(record.get("names") or ()),
        created=record.get("created", ""),
        compressed_digest=record.get("compressed-diff-digest", ""),
        compressed_size=record.get("compressed-size", 0),
        diff_digest=record.get("diff-digest", ""),
        diff_size=record.get("diff-size", 0),
        compression=record.get("compression", 0),
        mount_label=record.get("mountlabel", ""),
        store=store,
    )


class Locks:
    """``layers.lock``, held for writing on one or two roots; a context manager."""

    __slots__ = ("held",)

    def __init__(self, paths: Sequence[str]) -> None:
        self.held: list[Held] = []
        try:
            for path in paths:
                self.held.append(lock_store(path))
        except BaseException:
            self.release()
            raise

    def record_write(self) -> None:
        for held in self.held:
            held.record_write()

    def release(self) -> None:
        for held in reversed(self.held):
            held.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.release()


class Layers:
    """The layer records of a store and of the stores behind it."""

    def __init__(self, places: Places, driver: StoragePort) -> None:
        self._places = places
        self._driver = driver
        home = places.layers(places.root)
        self.stable = home + "/layers.json"
        self.volatile = home + "/volatile-layers.json"
        self.image = places.layers(places.image_root) + "/layers.json"
        self._lock = home + "/layers.lock"
        self._image_lock = places.layers(places.image_root) + "/layers.lock"
        self._mounts = places.run_layers + "/mountpoints.json"
        self._mounts_lock = places.run_layers + "/mountpoints.lock"
        self._caches: dict[int, tuple[list[object], dict[str, Layer]]] = {}  # by number of tables

    # -- reading ---------------------------------------------------------------------------

    def writable_tables(self) -> list[str]:
        """The tables of this store; image layers, then containers'."""
        return list(dict.fromkeys((self.image, self.stable, self.volatile)))

    def _tables(self, *, base: bool = False) -> list[tuple[str, str]]:
        """Paths and stores' names; with ``base`` only what the writable store may build upon."""
        places = self._places
        own = [(path, "") for path in self.writable_tables()]
        behind = [
            (places.layers(root) + "/layers.json", places.names.get(root, root))
            for root in places.extra
            if not (base and root in places.unshared)
        ]
        return own + behind

    def all(self) -> list[Layer]:
        """Every layer once; incomplete ones (a write that was killed) are left out."""
        return list(self.by_id().values())

    def by_id(self) -> dict[str, Layer]:
        """:meth:`all` by ID; read-only, it is kept as long as the tables stay the same."""
        return self._read(self._tables())

    def base(self) -> list[Layer]:
        """Every layer that the writable store may build upon (see ``--share-layers``)."""
        if not self._places.unshared:
            return self.all()
        return list(self._read(self._tables(base=True)).values())

    def _read(self, tables: list[tuple[str, str]]) -> dict[str, Layer]:
        loaded = [(load_other(path) if store else load(path), store) for path, store in tables]
        # A table that did not change is the very same list (see table.load).
        key: list[object] = [records for records, _ in loaded]
        old, found = self._caches.get(len(key), ([], {}))
        if len(key) == len(old) and all(a is b for a, b in zip(key, old, strict=True)):
            return found
        found = {}
        for records, store in loaded:
            for record in records:
                if record["id"] not in found and not is_incomplete(record):
                    found[record["id"]] = to_layer(record, store)
        self._caches[len(key)] = (key, found)
        return found

    def find(self, id: str) -> dict[str, Any] | None:
        """The record of a layer that may be built upon, by its full ID or a name."""
        tables = [
            (path, load_other(path) if store else load(path))
            for path, store in self._tables(base=True)
        ]
        for path, records in tables:
            record = by_id(path, records).get(id)
            if record is not None:
                return record
        for _, records in tables:
            for record in records:
                if id in (record.get("names") or ()):
                    return record
        return None

    def get(self, id: str) -> Layer:
        """The layer with this ID, unique prefix of an ID, or name."""
        layers = self.all()
        matches = [x for x in layers if x.id == id or id in x.names]
        if not matches and id:
            matches = [x for x in layers if x.id.startswith(id)]
        if len(matches) != 1:
            reason = "more than one matches" if matches else "layer not known"
            raise StorageError(f"layer {id}: {reason}")
        return matches[0]

    # -- writing -----------------------------------------------------------------------------

    def lock(self, *, images: bool) -> Locks:
        """Lock for writing: the graphroot's records, with ``images`` the imagestore's as well."""
        paths = [self._lock]
        if images and self._places.split:
            paths.append(self._image_lock)
        return Locks(paths)

    def edit(self, path: str) -> Text:
        """Open a table for editing under :meth:`lock`; drops what a killed writer left incomplete."""
        table = Text(path)
        if INCOMPLETE in table.text:
            for record in table.records():
                if is_incomplete(record):
                    self._driver.remove(record["id"])
                    table.remove(record["id"])
        return table

    def create_writable(
        self, id: str, parent: str, *, volatile: bool, label: str = "", names: Sequence[str] = ()
    ) -> None:
        """Make a container's layer. Files first, then the record: a record is always usable.

        A process killed in between leaves files without a record; the container's record,
        written before, names them, so that removing the container finds them.
        """
        record: dict[str, Any] = {"id": id}
        if names:
            record["names"] = list(names)
        if parent:
            record["parent"] = parent
        if label:
            record["mountlabel"] = label
        record["created"] = now()
        self._driver.prepare(id, parent, True)  # copies the tree with some drivers: not under the lock
        with self.lock(images=False) as locks:
            if parent and not self._driver.exists(parent):
                raise StorageError(f"the image's layer {parent} was removed meanwhile; try again")
            table = self.edit(self.volatile if volatile else self.stable)
            table.put(record)
            locks.record_write()
            table.save(durable=not volatile)

    def delete_writable(self, id: str) -> None:
        """Forget a container's layer and delete its files; fine when either is gone already."""
        with self.lock(images=False) as locks:
            for path in dict.fromkeys((self.volatile, self.stable)):
                table = self.edit(path)
                if table.remove(id):
                    locks.record_write()
                    table.save(durable=False)
                    break
        self._driver.remove(id)

    # -- mounting ----------------------------------------------------------------------------

    def mount(self, id: str, *, read_only: bool, label: str, options: Sequence[str]) -> str:
        """Mount a layer's view, or count one more user of the mount that is there."""
        with lock_write(self._mounts_lock) as held:
            table = Text(self._mounts)
            entry = table.get(id)
            target = self._driver.target(id)
            mounted = entry is not None and mounts.is_mounted(target)
            specs = [] if mounted else self._driver.mounts(id, read_only, label, options)
            for spec in specs:
                if self._places.by_fuse:
                    spec = _by_fuse(spec, self._places.by_fuse)
                mounts.apply(spec, target)
            # A count without a mount is from before a reboot; a driver without mounts only counts.
            count = entry["count"] if entry is not None and not specs else 0
            table.put({"id": id, "path": target, "count": count + 1})
            held.record_write()
            table.save(durable=False)
        return target

    def unmount(self, id: str, *, force: bool) -> bool:
        """Take one user off the mount, or all with ``force``; True when nothing is mounted any more."""
        with lock_write(self._mounts_lock) as held:
            table = Text(self._mounts)
            entry = table.get(id)
            if entry is not None and entry["count"] > 1 and not force:
                table.put({"id": id, "path": entry["path"], "count": entry["count"] - 1})
                held.record_write()
                table.save(durable=False)
                return False
            if entry is None and not force:
                return True
            self._take_down(entry["path"] if entry is not None else self._driver.target(id))
            changed = table.remove(id)
            self._driver.release(id, table.text == "[]")
            if changed:
                held.record_write()
                table.save(durable=False)
        return True

    def let_go(self, id: str) -> None:
        """Layer ``id`` was deleted: when nothing is mounted, undo what a mount had prepared.

        Other tools leave that behind: skopeo makes the driver's home a mount and ends so.
        """
        with lock_write(self._mounts_lock):
            if Text(self._mounts).text == "[]":
                self._driver.release(id, True)

    def _take_down(self, target: str) -> None:
        # A plain directory (vfs) is no mount point: umount2 answers EINVAL, which is fine.
        try:
            mounts.umount(target, mounts.MNT_DETACH)
        except OSError as error:
            raise StorageError(f"cannot unmount {target}: {error.strerror}") from error

    def mount_count(self, id: str) -> int:
        """How many users a layer's mount has."""
        for entry in load(self._mounts):
            if entry["id"] == id:
                return int(entry["count"])
        return 0

    def mounted(self) -> dict[str, str]:
        """Layer ID -> path of all mounted layers."""
        return {entry["id"]: entry["path"] for entry in load(self._mounts)}

    def data_path(self, name: str, id: str) -> str:
        """A file beside the table that holds the layer's record (``<id>.tar-split.gz``)."""
        for path, _ in self._tables():
            candidate = f"{os.path.dirname(path)}/{id}{name}"
            if os.path.exists(candidate):
                return candidate
        return f"{os.path.dirname(self.image)}/{id}{name}"


def _by_fuse(spec: MountSpec, roots: Sequence[str]) -> MountSpec:
    """The mount by fuse-overlayfs when one of its lower directories is such that overlay refuses it."""
    if spec.program or not any(f"{mark}{root}/" in spec.data for root in roots for mark in "=:"):
        return spec
    from shutil import which

    program = which("fuse-overlayfs")
    if program is None:
        raise StorageError("this image store is used by fuse-overlayfs, which is not installed")
    return spec.evolve(type="fuse", program=program)


def is_incomplete(record: dict[str, Any]) -> bool:
    """Whether a killed writer left this record behind (containers/storage's flag)."""
    return bool((record.get("flags") or {}).get("incomplete"))
