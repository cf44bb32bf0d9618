"""Where an image goes: what every destination can be asked for, and the ones that are files.

A copy asks, layer by layer, whether the blob is there (:meth:`Destination.reuse`), else puts
it; then the config, then the manifest, which makes the image complete.
"""

from __future__ import annotations

import os

from ..errors import UsageError
from . import manifest
from .archive_dir import VERSION
from .archive_oci import REF_NAME, blob_path
from .archive_sink import DirSink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .outgoing import OutLayer
    from .reference import Reference

#: What a destination wants of layers that the source has as plain tars.
KEEP, COMPRESS, PLAIN = "keep", "compress", "plain"


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


class FolderDestination(Destination):
    """Blobs as files of a directory, each whole or not at all.

    ``mark`` (name, content) is the file by which the format is known. It comes first, so
    that a copy that failed can be tried again there; a directory that was made is removed then.
    """

    def __init__(self, path: str, mark: tuple[str, bytes], what: str) -> None:
        check_folder(path, mark[0], what)
        self._made = not os.path.exists(path)
        self.sink = DirSink(path)
        self.sink.add_bytes(*mark)

    def abort(self) -> None:
        if self._made:
            import shutil

            shutil.rmtree(self.sink.path)

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
        super().__init__(path, ("version", VERSION), "dir:")
        self.layers = COMPRESS if compress else KEEP
        self.kinds = kinds

    def path(self, digest: str) -> str:
        return _digits(digest)

    def put_manifest(self, data: bytes, media_type: str, instance: bool = False) -> None:
        own = f"{self.path(manifest.sha256(data))}.manifest.json"
        self.sink.add_bytes(own if instance else "manifest.json", data)

    def put_signatures(self, blobs: list[bytes], digest: str, instance: bool = False) -> None:
        prefix = f"{self.path(digest)}." if instance else ""
        for index, blob in enumerate(blobs, 1):
            self.sink.add_bytes(f"{prefix}signature-{index}", blob)


class LayoutDestination(FolderDestination):
    """An OCI layout directory, which may hold other images; ``name`` is the new one's ref name."""

    kinds = (manifest.OCI_MANIFEST,)

    def __init__(self, path: str, name: str = "", *, compress: bool = True) -> None:
        super().__init__(path, ("oci-layout", LAYOUT), "oci:")
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


def _digits(digest: str) -> str:
    return digest.partition(":")[2]
