"""An OCI image layout that many processes write to: locked, atomic, verified.

The files are those of the image-spec's image-layout.md, under ``index.lock`` as podman locks its
artifact store. What a write needs is first staged beside the blobs, without the lock, for it may take
minutes; then, under the lock, the staged blobs are moved into place, the index is replaced, and blobs
that nothing refers to any more are deleted. A killed writer leaves a staging directory, which
the next writer removes, or a list of blobs to delete, which the next writer completes.
"""

from __future__ import annotations

import fcntl
import os

from ..errors import StorageError
from ..kit import fastjson
from ..kit.atomic import read_bytes, remove_tree, write_atomic
from ..kit.lockfile import lock_read, lock_write
from .archive_oci import REF_NAME, blob_path
from .layout_blobs import Staging, verified, writing
from .manifest import OCI_INDEX, is_digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..kit.lockfile import Held

#: A manifest larger than this is refused: it is read into memory.
MAX_MANIFEST = 4 * 1024 * 1024
_OWN = ".polypod"  # staging directories and the list of blobs to delete


class Entry:
    """A manifest that the index lists. ``raw`` is its descriptor as written; ``name`` may be ""."""

    __slots__ = ("digest", "name", "raw", "size")

    def __init__(self, raw: dict[str, Any]) -> None:
        self.raw = raw
        self.digest = str(raw["digest"])
        self.size = int(raw.get("size") or 0)
        self.name = str((raw.get("annotations") or {}).get(REF_NAME) or "")


class LayoutStore:
    """The layout at ``path``; making the object touches no file."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.index_path = os.path.join(path, "index.json")
        self._lock_path = os.path.join(path, "index.lock")

    def entries(self) -> list[Entry]:
        """What the index lists, in its order; nothing when there is no layout yet."""
        held = lock_read(self._lock_path)
        try:
            return self._entries()[1]
        finally:
            if held is not None:
                held.release()

    def _entries(self) -> tuple[dict[str, Any], list[Entry]]:
        data = read_bytes(self.index_path)
        try:
            index = fastjson.loads(data) if data else {}
            entries = [Entry(raw) for raw in index.get("manifests") or []]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StorageError(f"{self.index_path} is damaged: {error}; move it away") from error
        for entry in entries:
            if not is_digest(entry.digest):
                raise StorageError(f"{self.index_path} is damaged: bad digest {entry.digest!r}")
        return index, entries

    def blob(self, digest: str) -> str:
        """The path of a blob, whether it is there or not; the digest must be a valid one."""
        return os.path.join(self.path, blob_path(digest))

    def read(self, digest: str) -> bytes:
        """A manifest or config, checked against its digest; ``StorageError`` when it is not sound."""
        path = self.blob(digest)
        try:
            if os.path.getsize(path) > MAX_MANIFEST:
                raise StorageError(f"blob {digest} is larger than {MAX_MANIFEST} bytes")
            data = read_bytes(path)
        except FileNotFoundError:
            data = None
        if data is None:
            raise StorageError(f"blob {digest} is missing in {self.path}")
        if not verified(data, digest):
            raise StorageError(f"blob {digest} in {self.path} was changed: it has another digest")
        return data

    def stage(self) -> Staging:
        """A place for blobs of a write to come; a context manager that deletes what was not used."""
        with writing(self.path):
            os.makedirs(os.path.join(self.path, "blobs", "sha256"), 0o755, exist_ok=True)
        with lock_write(self._lock_path):  # so that nobody sweeps it away before it is locked
            return Staging(self.path, os.path.join(self.path, _OWN))

    def write(self) -> Write:
        """Lock the layout for a change; a context manager, which saves when it ends without error."""
        with writing(self.path):
            os.makedirs(os.path.join(self.path, "blobs", "sha256"), 0o755, exist_ok=True)
        held = lock_write(self._lock_path)
        try:
            index, entries = self._entries()
        except BaseException:
            held.release()
            raise
        return Write(self, held, index, entries)


class Write:
    """A change of the index under the lock. ``entries`` is the list as it will be."""

    def __init__(
        self, store: LayoutStore, held: Held, index: dict[str, Any], entries: list[Entry]
    ) -> None:
        self.entries = entries
        self._store = store
        self._held = held
        self._index = index
        self._dropped: list[Entry] = []
        self._staging: Staging | None = None

    def __enter__(self) -> Write:
        return self

    def __exit__(self, kind: object, *_exc: object) -> None:
        with self._held:
            if kind is None:
                with writing(self._store.path):
                    self._save()

    def put(self, raw: dict[str, Any], staging: Staging) -> None:
        """List a manifest; one of the same name gives way. Its blobs are taken from ``staging``."""
        new = Entry(raw)
        for entry in list(self.entries):
            if entry.name == new.name and (new.name or entry.digest == new.digest):
                self.drop(entry)
        self.entries.append(new)
        self._staging = staging

    def drop(self, entry: Entry) -> None:
        """Take a manifest off the list; its blobs go when nothing else refers to them."""
        self.entries.remove(entry)
        self._dropped.append(entry)

    def _save(self) -> None:
        if not self._dropped and self._staging is None:
            return
        store = self._store
        self._held.record_write()
        own = os.path.join(store.path, _OWN)
        if self._staging is not None:
            self._staging.publish()
        layout = os.path.join(store.path, "oci-layout")
        if not os.path.exists(layout):
            write_atomic(layout, b'{"imageLayoutVersion":"1.0.0"}', mode=0o644, alone=True)
        doomed = _load_list(own)
        for entry in self._dropped:
            doomed |= blobs_of(store, entry.digest)
        doomed -= self._referenced(doomed)
        if doomed:
            os.makedirs(own, 0o700, exist_ok=True)
            write_atomic(f"{own}/doomed", fastjson.dumps(sorted(doomed)).encode(), alone=True)
        self._write_index()
        for digest in doomed:
            remove_tree(store.blob(digest))
        remove_tree(f"{own}/doomed")
        _sweep(own)

    def _referenced(self, wanted: set[str]) -> set[str]:
        """Which of some blobs the remaining manifests need."""
        found: set[str] = set()
        for entry in self.entries:
            if wanted <= found:
                break
            found |= blobs_of(self._store, entry.digest)
        return found

    def _write_index(self) -> None:
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, **self._index}
        index["manifests"] = [entry.raw for entry in self.entries]
        data = fastjson.dumps(index).encode()
        write_atomic(self._store.index_path, data, mode=0o644, durable=True, alone=True)


def blobs_of(store: LayoutStore, digest: str) -> set[str]:
    """A manifest's digest and those of all it refers to, as far as they can be read."""
    found: set[str] = set()
    todo = [digest]
    while todo:
        current = todo.pop()
        if current in found:
            continue
        found.add(current)
        try:
            document = fastjson.loads(store.read(current))
        except (StorageError, ValueError):
            continue  # damaged: nothing tells what it referred to
        if isinstance(document, dict):
            todo += _digests(document.get("manifests"))
            found.update(_digests(document.get("layers")))
            found.update(_digests([document.get("config")]))
    return found


def _digests(descriptors: Any) -> list[str]:
    if not isinstance(descriptors, list):
        return []
    digests = [d.get("digest") for d in descriptors if isinstance(d, dict)]
    return [str(digest) for digest in digests if is_digest(digest)]


def _load_list(own: str) -> set[str]:
    """The blobs that a killed writer was about to delete."""
    data = read_bytes(f"{own}/doomed")
    try:
        listed = fastjson.loads(data) if data else []
    except ValueError:
        return set()
    return {digest for digest in listed if is_digest(digest)} if isinstance(listed, list) else set()


def _sweep(own: str) -> None:
    """Remove the staging directories of killed writers: those that nobody has locked."""
    try:
        names = os.listdir(own)
    except FileNotFoundError:
        return
    for name in names:
        if not name.startswith("stage-"):
            continue
        try:
            fd = os.open(f"{own}/{name}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove_tree(f"{own}/{name}")
        except BlockingIOError:
            continue
        finally:
            os.close(fd)
