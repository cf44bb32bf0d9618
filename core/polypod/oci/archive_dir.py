"""containers/image's ``dir:`` format: manifest.json, version, blobs named by their digests."""

from __future__ import annotations

from . import manifest
from .archive_files import FormatError
from .archive_image import ArchiveImage, from_manifest
from .image_config import host_platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO

    from .archive_files import Folder

VERSION = b"Directory Transport Version: 1.1\n"


def image(files: Folder) -> ArchiveImage:
    """The image in the directory; of a manifest list, the one for this host."""
    data = files.read("manifest.json")
    try:
        parsed = manifest.parse(data)
        if parsed.is_index:
            digest = manifest.choose(parsed, host_platform()).digest
            data = files.read(f"{_digits(digest)}.manifest.json")
            if manifest.sha256(data) != digest:
                raise FormatError(f"manifest {digest} does not match its digest")
    except FormatError:
        raise
    except ValueError as error:
        raise FormatError(f"parsing manifest.json: {error}") from None

    def read(digest: str) -> bytes:
        return files.read(_digits(digest))

    def open_blob(digest: str) -> IO[bytes]:
        return files.open(_digits(digest))

    return from_manifest(data, read, open_blob, [])


def _digits(digest: str) -> str:
    return digest.partition(":")[2]
