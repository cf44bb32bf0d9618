"""The OCI image layout (image-spec image-layout.md), in a directory or in a tar."""

from __future__ import annotations

from . import manifest, platforms
from .archive_files import FormatError
from .archive_image import ArchiveImage, Origin, from_manifest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO

    from .archive_files import Folder, Tar

REF_NAME = "org.opencontainers.image.ref.name"
CONTAINERD_NAME = "io.containerd.image.name"


def blob_path(digest: str) -> str:
    """Where a layout keeps a blob; the digest must be valid (:func:`manifest.is_digest`)."""
    algorithm, _, digits = digest.partition(":")
    return f"blobs/{algorithm}/{digits}"


def annotated_name(annotations: dict[str, str]) -> str:
    """The name that an index entry carries, "" when it has none."""
    return annotations.get(CONTAINERD_NAME) or annotations.get(REF_NAME) or ""


class Layout:
    """An opened layout. ``entries`` are the descriptors of its index."""

    def __init__(self, files: Folder | Tar) -> None:
        self._files = files
        try:
            index = manifest.parse(files.read("index.json"))
        except FormatError:
            raise
        except ValueError as error:
            raise FormatError(f"parsing index.json: {error}") from None
        if not index.is_index:
            raise FormatError("index.json is not an image index")
        self.entries = [e for e in index.manifests if not _is_attestation(e)]

    def choose(self, name: str) -> manifest.Descriptor:
        """The entry of that ref name; with name "" the only one there is."""
        if name:
            for entry in self.entries:
                if name in (
                    entry.annotations.get(REF_NAME),
                    entry.annotations.get(CONTAINERD_NAME),
                ):
                    return entry
            raise FormatError(f'no descriptor found for reference "{name}"')
        if len(self.entries) != 1:
            word = "more than one image" if self.entries else "no image"
            raise FormatError(f"{word} in oci, choose an image")
        return self.entries[0]

    def image(
        self,
        entry: manifest.Descriptor,
        names: list[str],
        platform: tuple[str, str, str] = ("", "", ""),
    ) -> ArchiveImage:
        """Read the image behind an index entry; of an index inside, the one for a platform.

        ``platform`` is (os, architecture, variant); "" stands for the host's.
        """
        data = self.read(entry.digest)
        for _ in range(4):  # an index may list indexes
            try:
                parsed = manifest.parse(data)
                if not parsed.is_index:
                    break
                data = self.read(platforms.choose(parsed, *platform).digest)
            except FormatError:
                raise
            except ValueError as error:
                raise FormatError(str(error)) from None
        found = from_manifest(data, self.read, self.open_blob, names)
        found.origin = Origin(transport=self._files.transport, location=self._files.path)
        return found

    def read(self, digest: str) -> bytes:
        """A small blob, checked against its digest."""
        data = self._files.read(blob_path(digest))
        if digest.startswith("sha256:") and manifest.sha256(data) != digest:
            raise FormatError(f"blob {digest} does not match its digest")
        return data

    def open_blob(self, digest: str) -> IO[bytes]:
        """A blob, not checked."""
        return self._files.open(blob_path(digest))


def _is_attestation(entry: manifest.Descriptor) -> bool:
    return entry.platform.get("os") == "unknown"
