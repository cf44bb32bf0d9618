"""A store's root looked at from outside, without a driver: what it holds, and each layer as an archive.

Reads only. Whatever the file system under it can or cannot show, a layer with
tar-split data comes out byte for byte, from the content of its files alone.
"""

from __future__ import annotations

import io
import os

from ..errors import StorageError
from ..kit.atomic import read_bytes
from .catalog import read_records
from .layers import is_incomplete
from .places import big_data_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, BinaryIO

#: Where stores lie below the directory that a user names, podman's defaults among them.
BELOW = (
    "", "root", "storage", "containers/storage", "var/lib/containers/storage",
    "lib/containers/storage", ".local/share/containers/storage",
)  # fmt: skip

_PARTS = ("-layers", "-images")


def find_root(path: str, driver: str) -> tuple[str, str]:
    """The root of a containers/storage layout in a directory and its driver; ("", "") when there is none.

    Where several drivers have left layers, ``driver`` is preferred.
    """
    for below in BELOW:
        root = f"{path}/{below}".rstrip("/")
        found = _drivers(root)
        if found:
            return root, driver if driver in found else found[0]
    return "", ""


def _drivers(root: str) -> list[str]:
    try:
        names = os.listdir(root)
    except OSError:
        return []
    return sorted({name[:-7] for name in names if name[-7:] in _PARTS and name[:-7]})


class Root:
    """The records and layers of one root."""

    def __init__(self, root: str, driver: str) -> None:
        self.root = root
        self.driver = driver
        images, layers = read_records(root, driver)
        self._real = os.path.realpath(root) + "/"
        for record in (*images, *layers):
            if "/" in record["id"]:
                raise StorageError(f"the ID {record['id']} in {root} leads out of the store")
        self.images: dict[str, dict[str, Any]] = {record["id"]: record for record in images}
        self.layers: dict[str, dict[str, Any]] = {
            record["id"]: record for record in layers if not is_incomplete(record)
        }

    def tree(self, id: str) -> str:
        """The directory with a layer's own files, or with all of them where the driver keeps whole trees."""
        own = f"{self.root}/{self.driver}/{id}/diff"
        whole = f"{self.root}/{self.driver}/dir/{id}"
        tree = whole if not os.path.isdir(own) and os.path.isdir(whole) else own
        if not os.path.realpath(tree).startswith(self._real):
            raise StorageError(f"layer {id} in {self.root} leads out of the store")
        return tree

    def split(self, id: str) -> str:
        """The layer's tar-split file, which need not exist."""
        return f"{self.root}/{self.driver}-layers/{id}.tar-split.gz"

    def short(self, id: str) -> str:
        """The layer's short name, "" when it has none."""
        data = read_bytes(f"{self.root}/{self.driver}/{id}/link") or b""
        return data.decode("ascii", "replace").strip()

    def chain(self, image: dict[str, Any]) -> list[dict[str, Any]]:
        """An image's layer records, lowest first; ``StorageError`` when one is missing."""
        found: list[dict[str, Any]] = []
        id = image.get("layer", "")
        while id:
            layer = self.layers.get(id)
            if layer is None or len(found) > 1000:
                raise StorageError(
                    f"image {image['id'][:12]} in {self.root} is damaged: layer {id} is not known"
                )
            found.append(layer)
            id = layer.get("parent", "")
        return found[::-1]

    def stream(self, id: str) -> BinaryIO:
        """The layer as an uncompressed tar archive."""
        return Pieces(self._pieces(id))  # type: ignore[return-value]

    def _pieces(self, id: str) -> Iterator[bytes]:
        if os.path.exists(self.split(id)):
            from ..oci.tarstream_split import assemble

            return assemble(self.split(id), self.tree(id))
        if "/dir/" in self.tree(id).removeprefix(self.root):
            raise StorageError(f"layer {id} of {self.root} has no tar-split data and cannot be taken out")
        from ..oci.tarstream_write import write_changes

        return write_changes(self.tree(id))

    def big_data(self, image: dict[str, Any]) -> dict[str, bytes]:
        """All big data items of an image."""
        found = {}
        for key in image.get("big-data-names") or ():
            path = f"{self.root}/{self.driver}-images/{image['id']}/{big_data_name(key)}"
            data = read_bytes(path)
            if data is None:
                raise StorageError(
                    f"image {image['id'][:12]} in {self.root} is damaged: its {key} is missing"
                )
            found[key] = data
        return found

    def needs_xattrs(self, id: str) -> bool:
        """Whether a layer's content cannot be told without xattrs; True also when that is not known."""
        if not os.path.exists(self.split(id)):
            return True
        return any(b"SCHILY.xattr" in text or b".wh..wh..opq" in text for text in _headers(self.split(id)))


def _headers(path: str) -> Iterator[bytes]:
    import binascii

    from ..kit import fastjson
    from ..oci.tarstream_split import lines

    for line in lines(path):
        entry = fastjson.loads(line)
        if entry.get("type") == 2 and entry.get("payload"):
            yield binascii.a2b_base64(entry["payload"])


class Pieces(io.RawIOBase):
    """A reader over an iterator of bytes."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview | bytearray) -> int:  # type: ignore[override]
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        count = min(len(self._rest), len(buffer))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
