"""containers/image's ``dir:`` format: manifest.json, version, blobs named by their digests."""

from __future__ import annotations

from . import manifest, platforms
from .archive_files import FormatError
from .archive_image import ArchiveImage, Origin, from_manifest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO

    from .archive_files import Folder

VERSION = b"Directory Transport Version: 1.1\n"
_MOST_SIGNATURES = 128


def image(files: Folder, platform: tuple[str, str, str] = ("", "", "")) -> ArchiveImage:
    """The image in the directory; of a manifest list, the one for a platform ("" = the host's)."""
    data = files.read("manifest.json")
    prefix = ""  # of the files that hold signatures
    try:
        parsed = manifest.parse(data)
        if parsed.is_index:
            digest = platforms.choose(parsed, *platform).digest
            prefix = f"{_digits(digest)}."
            data = files.read(f"{prefix}manifest.json")
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

    found = from_manifest(data, read, open_blob, [])
    found.origin = Origin(
        transport="dir", location=files.path, signatures=lambda: _signatures(files, prefix)
    )
    return found


def _signatures(files: Folder, prefix: str) -> list[bytes]:
    found: list[bytes] = []
    while len(found) < _MOST_SIGNATURES and files.has(f"{prefix}signature-{len(found) + 1}"):
        found.append(files.read(f"{prefix}signature-{len(found) + 1}"))
    return found


def _digits(digest: str) -> str:
    return digest.partition(":")[2]
