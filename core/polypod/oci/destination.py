"""Where an image goes: what every destination can be asked for, and the ones that are files.

A copy asks, layer by layer, whether the blob is there (:meth:`Destination.reuse`), else puts
it; then the config, then the manifest, which makes the image complete.
"""

from __future__ import annotations

import os

from ..errors import PolypodError, UsageError
from . import manifest
from .archive_dir import VERSION
from .archive_oci import REF_NAME, blob_path
from .archive_sink import DirSink, TarSink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import IO

    from .outgoing import OutLayer
    from .reference import Reference

#: What a destination wants of layers that the source has as plain tars.
KEEP, COMPRESS, PLAIN = "keep", "compress", "plain"
_CHUNK = 1 << 20


class Destination:
    """Takes one image, or a list and its images. Several threads may put blobs at once.

    ``layers`` is one of KEEP, COMPRESS, PLAIN; ``kinds`` are the manifest types that can be
    written, the preferred one first; ``lists`` tells whether manifest lists can be;
    ``signatures`` whether signatures can be stored. ``reference`` is the image's full name
    there, where it has one.
    """

    layers = COMPRESS
    kinds: tuple[str, ...] = (manifest.OCI_MANIFEST, manifest.DOCKER_MANIFEST)
    lists = True
    parallel = 4
    signatures = False
    reference: Reference | None = None

    def reuse(self, digest: str, size: int) -> bool:
        """Whether the blob is there already, and can be used as it is."""
        return False

    def take_over(self, layer: OutLayer, digest: str) -> bool:
        """Let the destination get the blob from another place that it can reach itself."""
        return False

    def put(
        self, chunks: Callable[[], Iterable[bytes]], digest: str = "", size: int = -1
    ) -> tuple[str, int]:
        """Write a blob, whose digest and size may be unknown before; returns both."""
        raise NotImplementedError

    def put_config(self, data: bytes, digest: str) -> None:
        """Write an image's config."""
        if not self.reuse(digest, len(data)):
            self.put(lambda: [data], digest, len(data))

    def put_manifest(self, data: bytes, media_type: str, instance: bool = False) -> None:
        """Write a manifest; an ``instance`` of a list under its digest, else as the image."""
        raise NotImplementedError

    def put_signatures(self, blobs: list[bytes], digest: str, instance: bool = False) -> None:
        """Store signatures of a manifest that was written, by its digest."""
        raise NotImplementedError

    def finish(self) -> None:
        """Everything is written: make it visible, close."""

    def abort(self) -> None:
        """Something failed: take away what was begun, close."""


def copied(file: IO[bytes]) -> Iterable[bytes]:
    """The content of an open file from its start, in pieces."""
    file.seek(0)
    return iter(lambda: file.read(_CHUNK), b"")


class FolderDestination(Destination):
    """Blobs as files of a directory, each whole or not at all."""

    def __init__(self, sink: DirSink) -> None:
        self.sink = sink

    def path(self, digest: str) -> str:
        """The name of a blob's file."""
        raise NotImplementedError

    def reuse(self, digest: str, size: int) -> bool:
        return self.sink.size(self.path(digest)) == size

    def put(
        self, chunks: Callable[[], Iterable[bytes]], digest: str = "", size: int = -1
    ) -> tuple[str, int]:
        return self.sink.add_blob(chunks(), self.path, digest, size)


class DirDestination(FolderDestination):
    """containers/image's ``dir:`` format. With ``compress`` plain layers are compressed."""

    signatures = True

    def __init__(
        self, path: str, *, compress: bool = False, kinds: tuple[str, ...] = Destination.kinds
    ) -> None:
        check_folder(path, "version", "dir:")
        super().__init__(DirSink(path))
        self.layers = COMPRESS if compress else KEEP
        self.kinds = kinds

    def path(self, digest: str) -> str:
        return _digits(digest)

    def put_manifest(self, data: bytes, media_type: str, instance: bool = False) -> None:
        own = f"{self.path(manifest.sha256(data))}.manifest.json"
        self.sink.add_bytes("version", VERSION)
        self.sink.add_bytes(own if instance else "manifest.json", data)

    def put_signatures(self, blobs: list[bytes], digest: str, instance: bool = False) -> None:
        prefix = f"{self.path(digest)}." if instance else ""
        for index, blob in enumerate(blobs, 1):
            self.sink.add_bytes(f"{prefix}signature-{index}", blob)


class LayoutDestination(FolderDestination):
    """An OCI layout directory, which may hold other images; ``name`` is the new one's ref name."""

    kinds = (manifest.OCI_MANIFEST,)

    def __init__(self, path: str, name: str = "", *, compress: bool = True) -> None:
        check_folder(path, "oci-layout", "oci:")
        super().__init__(DirSink(path))
        self.name = name
        self.layers = COMPRESS if compress else KEEP

    def path(self, digest: str) -> str:
        return blob_path(digest)

    def put_manifest(self, data: bytes, media_type: str, instance: bool = False) -> None:
        digest = manifest.sha256(data)
        self.sink.add_bytes(blob_path(digest), data)
        if instance:
            return
        with self.sink.locked():
            old = self.sink.read("index.json")
            others = [
                entry
                for entry in (manifest.parse(old).manifests if old else ())
                if entry.annotations.get(REF_NAME, "") != self.name
            ]
            entry = layout_entry(data, media_type, self.name)
            self.sink.add_bytes("oci-layout", LAYOUT)
            self.sink.add_bytes("index.json", manifest.oci_index([*others, entry]))


LAYOUT = b'{"imageLayoutVersion": "1.0.0"}'


def layout_entry(data: bytes, media_type: str, name: str) -> manifest.Descriptor:
    """How an index.json lists a manifest."""
    return manifest.Descriptor(
        media_type=media_type,
        digest=manifest.sha256(data),
        size=len(data),
        annotations={REF_NAME: name} if name else {},
    )


def check_folder(path: str, known: str, what: str) -> None:
    """Refuse a path that is no directory, or one that holds something else than such an image."""
    if not path:
        raise UsageError(f"{what} needs the path of a directory")
    if os.path.exists(path) and not os.path.isdir(path):
        raise UsageError(f"{path} exists and is not a directory")
    if os.path.isdir(path) and os.listdir(path) and not os.path.exists(f"{path}/{known}"):
        raise UsageError(
            f"{path} is not empty and not of the format {what.rstrip(':')}: "
            "choose another directory, or empty it"
        )


class TarDestination(Destination):
    """An OCI archive: a layout in a tar, which need not be seekable.

    A blob's name is its digest and comes before its content: one whose digest is not
    known waits in a nameless file in ``tmpdir``.
    """

    kinds = (manifest.OCI_MANIFEST,)

    def __init__(self, fd: int, name: str, tmpdir: str, *, compress: bool = True) -> None:
        import threading

        self.sink = TarSink(fd)
        self.name = name
        self.layers = COMPRESS if compress else KEEP
        self._tmpdir = tmpdir
        self._lock = threading.Lock()
        self._done: set[str] = set()

    def reuse(self, digest: str, size: int) -> bool:
        return digest in self._done

    def put(
        self, chunks: Callable[[], Iterable[bytes]], digest: str = "", size: int = -1
    ) -> tuple[str, int]:
        if digest and size >= 0:
            with self._lock:
                self._add(digest, size, chunks())
            return digest, size
        import hashlib
        import tempfile

        with tempfile.TemporaryFile(dir=self._tmpdir) as file:
            found = hashlib.sha256()
            for chunk in chunks():
                found.update(chunk)
                file.write(chunk)
            digest, size = "sha256:" + found.hexdigest(), file.tell()
            with self._lock:
                self._add(digest, size, copied(file))
        return digest, size

    def _add(self, digest: str, size: int, chunks: Iterable[bytes]) -> None:
        if digest in self._done:
            for _ in chunks:
                pass  # a source that checks itself does so at its end
            return
        self.sink.add(blob_path(digest), size, chunks)
        self._done.add(digest)

    def put_manifest(self, data: bytes, media_type: str, instance: bool = False) -> None:
        self._add(manifest.sha256(data), len(data), [data])
        if not instance:
            entry = layout_entry(data, media_type, self.name)
            self.sink.add_bytes("oci-layout", LAYOUT)
            self.sink.add_bytes("index.json", manifest.oci_index([entry]))

    def finish(self) -> None:
        self.sink.finish()


class DockerArchiveDestination(Destination):
    """A ``docker save`` archive: plain layers, each once, and manifest.json at the end.

    Several images may be copied to it, one after the other; ``names`` are the next one's.
    """

    kinds = (manifest.DOCKER_MANIFEST,)
    layers = PLAIN
    lists = False
    parallel = 1

    def __init__(self, fd: int, names: list[str], tmpdir: str) -> None:
        self.sink = TarSink(fd)
        self.names = names
        self._tmpdir = tmpdir
        self._done: set[str] = set()
        self._items: list[dict[str, object]] = []

    def reuse(self, digest: str, size: int) -> bool:
        return digest in self._done

    def put(
        self, chunks: Callable[[], Iterable[bytes]], digest: str = "", size: int = -1
    ) -> tuple[str, int]:
        if not digest:
            raise PolypodError("a layer without a known diffID cannot go into a docker archive")
        if size < 0:
            import tempfile

            with tempfile.TemporaryFile(dir=self._tmpdir) as file:
                file.writelines(chunks())
                return self.put(lambda: copied(file), digest, file.tell())
        self.sink.add(f"{_digits(digest)}.tar", size, chunks())
        self._done.add(digest)
        return digest, size

    def put_config(self, data: bytes, digest: str) -> None:
        if digest not in self._done:
            self.sink.add_bytes(f"{_digits(digest)}.json", data)
            self._done.add(digest)

    def put_manifest(self, data: bytes, media_type: str, instance: bool = False) -> None:
        parsed = manifest.parse(data)
        assert parsed.config is not None
        self._items.append(
            {
                "Config": f"{_digits(parsed.config.digest)}.json",
                "RepoTags": self.names or None,
                "Layers": [f"{_digits(layer.digest)}.tar" for layer in parsed.layers],
            }
        )

    def finish(self) -> None:
        from ..kit.fastjson import dumps

        self.sink.add_bytes("manifest.json", dumps(self._items).encode())
        self.sink.finish()


def _digits(digest: str) -> str:
    return digest.partition(":")[2]
