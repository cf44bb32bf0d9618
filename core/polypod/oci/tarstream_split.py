"""tar-split: what of an archive is not file content, so that it can be put together again.

The file is gzip over JSON lines. ``{"type":2,"payload":BASE64,"position":N}`` is a piece of the
archive as it was (headers, padding); ``{"type":1,"name":...,"size":N,"payload":BASE64,"position":N}``
stands for a file's content, with its CRC-64. podman and skopeo need it to give a
layer away under the digest that it came with (github.com/vbatts/tar-split).
"""

from __future__ import annotations

import binascii
import os

from ..errors import StorageError
from ..kit import fastjson
from .tarstream_root import Root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, BinaryIO

    from .tarstream_parse import Entry

_LEVEL = 1
_FLUSH = 1 << 18
_SEGMENT = b'{"type":2,"payload":"'


def _base64(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode("ascii")


class SplitWriter:
    """Writes a tar-split file; segments are collected until a file's content comes."""

    def __init__(self, path: str) -> None:
        self._file: BinaryIO = open(path, "wb", opener=_private)  # noqa: SIM115 - closed by close()
        self._path = path
        self._gzip = _compressor()
        self._names: set[bytes] = set()
        self._exact = True
        self._segment: list[bytes] = []
        self._lines: list[str] = []
        self._size = 0
        self._position = 0

    def segment(self, data: bytes) -> None:
        """Bytes of the archive that are not file content."""
        self._segment.append(data)

    def content(self, entry: Entry, crc: int) -> None:
        """A file's content came here; entries without content need no line."""
        name = entry.name
        # Content that is not on disk as it was in the archive: a name that comes twice, the
        # holes of a sparse file, a whiteout. Then there is no way back to the very bytes.
        plain = name.rpartition(b"/")[2]
        if name in self._names or entry.sparse is not None or plain.startswith(b".wh."):
            self._exact = False
        self._names.add(name)
        self._flush_segment()
        record: dict[str, object] = {"type": 1}
        try:
            record["name"] = name.decode("utf-8")
        except UnicodeDecodeError:
            record["name_raw"] = _base64(name)
        record["size"] = entry.stored
        record["payload"] = _base64(crc.to_bytes(8, "big"))
        self._line(fastjson.dumps({**record, "position": self._position}))

    def _flush_segment(self) -> None:
        if self._segment:
            payload = _base64(b"".join(self._segment))
            self._segment.clear()
            self._line(f'{{"type":2,"payload":"{payload}","position":{self._position}}}')

    def _line(self, text: str) -> None:
        self._position += 1
        self._lines.append(text)
        self._size += len(text)
        if self._size > _FLUSH:
            self._flush_lines()

    def _flush_lines(self) -> None:
        data = "\n".join((*self._lines, "")).encode("utf-8")
        self._lines.clear()
        self._size = 0
        self._file.write(self._gzip.compress(data))

    def close(self) -> None:
        """Write what is left; the file is complete afterwards, or gone when it would not be exact."""
        if self._file.closed:
            return
        self._flush_segment()
        self._flush_lines()
        self._file.write(self._gzip.flush())
        self._file.close()
        if not self._exact:
            os.unlink(self._path)


def _compressor() -> Any:
    try:
        from isal.isal_zlib import DEFLATED, compressobj
    except ImportError:
        from zlib import DEFLATED, compressobj  # type: ignore[assignment]
    return compressobj(_LEVEL, DEFLATED, 31)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def assemble(split_path: str, tree: str) -> Iterator[bytes]:
    """The archive, in pieces of some 256 KiB, from its tar-split file and the extracted files.

    Raises ``StorageError`` when a file is missing or was changed since, or the tar-split file is
    damaged: then the archive cannot be had back byte for byte.
    """
    from .tarstream_inflate import gzip_errors

    broken: tuple[type[Exception], ...]
    broken = (OSError, EOFError, ValueError, LookupError, TypeError, *gzip_errors())
    try:
        yield from _assemble(split_path, tree)
    except broken as error:
        raise StorageError(f"{split_path} is damaged ({error}); load the image again") from error


def _assemble(split_path: str, tree: str) -> Iterator[bytes]:
    from .tarstream_crc import crc64

    checksum = crc64()
    root = Root(tree)
    ready: list[bytes] = []  # of small files there are many: whoever hashes wants larger pieces
    size = 0
    try:
        for line in lines(split_path):
            if line.startswith(_SEGMENT):  # half of all lines, spared the JSON parser
                payload = binascii.a2b_base64(line[len(_SEGMENT) : line.index(b'"', len(_SEGMENT))])
                ready.append(payload)
                size += len(payload)
            else:
                record = fastjson.loads(line)
                payload = binascii.a2b_base64(record.get("payload") or "")
                if record["type"] == 2:
                    ready.append(payload)
                    size += len(payload)
                elif record.get("size"):
                    crc = 0
                    name = _name(record)
                    for piece in _content(root, name, record["size"]):
                        crc = checksum(piece, crc)
                        ready.append(piece)
                        size += len(piece)
                        if size >= _FLUSH:
                            yield b"".join(ready) if len(ready) > 1 else piece
                            ready, size = [], 0
                    _check(crc, payload, name, tree)
            if size >= _FLUSH:
                yield b"".join(ready)
                ready, size = [], 0
        if ready:
            yield b"".join(ready)
    finally:
        root.close()


def _name(record: dict[str, Any]) -> bytes:
    raw = record.get("name_raw")
    return binascii.a2b_base64(raw) if raw else record["name"].encode("utf-8")  # type: ignore[no-any-return]


def _check(crc: int, expected: bytes, name: bytes, tree: str) -> None:
    if crc.to_bytes(8, "big") != expected:
        # The first words are those of tar-split, which podman's users search for.
        raise StorageError(
            f'file integrity checksum failed for "{os.fsdecode(name)}" in {tree}: '
            "it was changed; load the image again"
        )


def lines(path: str) -> Iterator[bytes]:
    """The lines of a tar-split file."""
    try:
        from isal.igzip import open as open_gzip
    except ImportError:
        from gzip import open as open_gzip  # type: ignore[assignment]
    rest = b""
    with open_gzip(path, "rb") as file:  # type: ignore[no-untyped-call]
        while data := file.read(1 << 18):
            found = (rest + data).split(b"\n")
            rest = found.pop()
            yield from filter(None, found)
    if rest:
        yield rest


def _content(root: Root, name: bytes, size: int) -> Iterator[bytes]:
    parts = [part for part in name.split(b"/") if part not in (b"", b".", b"..")]
    try:
        parent = root.directory(parts[:-1], create=False, entry=name)
        fd = os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    except OSError as error:
        raise StorageError(
            f"layer file {os.fsdecode(name)} is gone ({error.strerror}); load the image again"
        ) from error
    try:
        while size:
            piece = os.read(fd, min(size, 1 << 20))
            if not piece:
                break  # the checksum will tell
            size -= len(piece)
            yield piece
    finally:
        os.close(fd)
