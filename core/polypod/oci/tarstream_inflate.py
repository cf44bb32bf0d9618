"""What a layer is compressed with, told by its first bytes, and the way back."""

from __future__ import annotations

from ..errors import StorageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: containers/storage's numbers (layers.json "compression").
UNCOMPRESSED, BZIP2, GZIP, XZ, ZSTD = range(5)
_MAGIC = (
    (b"BZh", BZIP2),
    (b"\x1f\x8b\x08", GZIP),
    (b"\xfd7zXZ\x00", XZ),
    (b"\x28\xb5\x2f\xfd", ZSTD),
)
_NAMES = ("none", "bzip2", "gzip", "xz", "zstd")
# zstd:chunked and estargz put their tables of contents into frames that inflate skips.
_SKIPPABLE = tuple(bytes((0x50 + n, 0x2A, 0x4D, 0x18)) for n in range(16))
_OUT = 1 << 18
# Of the next member this much is looked at first, then twice as much and so on: what follows
# a member is copied by the decompressors, and there may be many tiny members.
_WINDOW = 1 << 10
_XZ_MEMORY = 256 << 20  # bytes; xz -9 needs 65 MiB, and a stream may ask for 4 GiB


def detect(start: bytes) -> int:
    """The compression of a stream from its first (at least six) bytes."""
    for magic, kind in _MAGIC:
        if start.startswith(magic):
            return kind
    return ZSTD if start.startswith(_SKIPPABLE) else UNCOMPRESSED


def _maker(kind: int) -> Callable[[], object]:
    if kind == GZIP:
        try:
            from isal.isal_zlib import decompressobj
        except ImportError:
            from zlib import decompressobj  # type: ignore[assignment]
        return lambda: _Limited(decompressobj(31))
    if kind == ZSTD:
        try:
            from compression.zstd import ZstdDecompressor  # type: ignore[import-not-found]
        except ImportError:
            try:
                from backports.zstd import ZstdDecompressor
            except ImportError:
                raise StorageError(
                    "the layer is compressed with zstd: install backports.zstd to read it"
                ) from None
        return ZstdDecompressor  # type: ignore[no-any-return]
    if kind == BZIP2:
        from bz2 import BZ2Decompressor

        return BZ2Decompressor
    from lzma import LZMADecompressor

    return lambda: LZMADecompressor(memlimit=_XZ_MEMORY)


class _Limited:
    """zlib's decompressor in the shape of the others': output in pieces, so bombs stay small."""

    def __init__(self, inner: object) -> None:
        self._inner = inner
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inner.eof  # type: ignore[attr-defined, no-any-return]

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data  # type: ignore[attr-defined, no-any-return]

    def decompress(self, data: bytes, max_length: int) -> bytes:
        out = self._inner.decompress(  # type: ignore[attr-defined]
            self._inner.unconsumed_tail + data, max_length  # type: ignore[attr-defined]
        )
        self.needs_input = not self._inner.unconsumed_tail  # type: ignore[attr-defined]
        return out  # type: ignore[no-any-return]


def inflate(chunks: Iterator[bytes], kind: int) -> Iterator[bytes]:
    """Decompress; several members or frames may follow each other, as the formats allow."""
    if kind == UNCOMPRESSED:
        yield from chunks
        return
    make = _maker(kind)
    engine = make()
    fresh, window = True, _WINDOW
    try:
        for chunk in chunks:
            at = 0
            while True:
                if engine.eof:  # type: ignore[attr-defined]
                    at = _next_member(chunk, at, kind)
                    if at == len(chunk):
                        break
                    engine, window = make(), _WINDOW
                piece = b""
                if engine.needs_input:  # type: ignore[attr-defined]
                    piece = chunk[at : at + window]
                    if not piece:
                        break
                    at, window = at + len(piece), min(2 * window, _OUT)
                out = engine.decompress(piece, _OUT)  # type: ignore[attr-defined]
                fresh = False
                if out:
                    yield out
                if engine.eof:  # type: ignore[attr-defined]
                    at -= len(engine.unused_data)  # type: ignore[attr-defined]
    except (
        OSError, EOFError, ValueError, _zlib_error(), _isal_error(), _lzma_error(), _zstd_error()
    ) as error:  # fmt: skip
        raise StorageError(f"the layer's {_NAMES[kind]} stream is damaged: {error}") from error
    if not engine.eof and not fresh:  # type: ignore[attr-defined]
        raise StorageError(f"the layer's {_NAMES[kind]} stream ends too early")


def _next_member(chunk: bytes, at: int, kind: int) -> int:
    """Where in the chunk the next member begins: gzip and xz may be padded with zeroes."""
    while kind in (GZIP, XZ) and at < len(chunk) and not chunk[at]:
        piece = chunk[at : at + _OUT]
        at += len(piece) - len(piece.lstrip(b"\0"))
    return at


def gzip_errors() -> tuple[type[Exception], ...]:
    """What the readers of gzip raise for a damaged file, besides ``OSError`` and ``EOFError``."""
    return _zlib_error(), _isal_error()


def _zlib_error() -> type[Exception]:
    from zlib import error

    return error


def _isal_error() -> type[Exception]:
    try:
        from isal import igzip_lib
    except ImportError:
        return StorageError
    error: type[Exception] = igzip_lib.IsalError  # type: ignore[assignment]
    return error


def _lzma_error() -> type[Exception]:
    from lzma import LZMAError

    return LZMAError


def _zstd_error() -> type[Exception]:
    try:
        from compression.zstd import ZstdError
    except ImportError:
        try:
            from backports.zstd import ZstdError
        except ImportError:
            return StorageError
    return ZstdError  # type: ignore[no-any-return]
