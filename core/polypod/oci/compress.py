"""Layers compressed while they stream: gzip and zstd. The same input gives the same bytes."""

from __future__ import annotations

from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

ALGORITHMS = ("gzip", "zstd", "zstd:chunked")
#: gzip above this level is left to zlib: ISA-L has nothing that dense.
_DENSE = 6
_GZIP_LEVEL = 2  # ISA-L's own scale; as dense as zlib's 2 at fifteen times its speed
_ZSTD_LEVEL = 3


def check(algorithm: str, level: int | None) -> None:
    """Refuse an algorithm or level that does not exist: ``UsageError``."""
    if algorithm not in ALGORITHMS:
        raise UsageError(
            f'unknown compression format "{algorithm}": choose one of {", ".join(ALGORITHMS)}'
        )
    low, high = (1, 20) if algorithm.startswith("zstd") else (1, 9)
    if level is not None and not low <= level <= high:
        raise UsageError(f"invalid compression level {level}: {algorithm} has {low} to {high}")


def compressor(algorithm: str, level: int | None = None) -> Any:
    """An object with ``compress(data)`` and ``flush()``, both giving bytes."""
    if algorithm == "gzip":
        return _gzip(level)
    return zstd_module().ZstdCompressor(level=level or _ZSTD_LEVEL)


def _gzip(level: int | None) -> Any:
    try:
        from isal import isal_zlib
    except ImportError:
        isal_zlib = None  # type: ignore[assignment]
    if isal_zlib is None or (level or 0) >= _DENSE:
        import zlib

        return zlib.compressobj(level or 5, zlib.DEFLATED, 31)
    scale = _GZIP_LEVEL if level is None else min(level, 3)
    return isal_zlib.compressobj(scale, isal_zlib.DEFLATED, 31)


def zstd_module() -> Any:
    """The standard library's ``compression.zstd``, or its backport."""
    try:
        from compression import zstd
    except ImportError:
        from backports import zstd
    return zstd


def compressed(
    chunks: Iterable[bytes],
    algorithm: str,
    level: int | None = None,
    annotations: dict[str, str] | None = None,
) -> Iterator[bytes]:
    """The content compressed, in pieces; ``annotations`` gets what the blob's descriptor must say."""
    if algorithm == "zstd:chunked":
        from .zstd_chunked import compressed as chunked

        yield from chunked(chunks, level or _ZSTD_LEVEL, {} if annotations is None else annotations)
        return
    packer = compressor(algorithm, level)
    for chunk in chunks:
        data = packer.compress(chunk)
        if data:
            yield data
    yield packer.flush()
