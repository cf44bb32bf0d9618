"""A tar archive from a stream into a directory: ``volume import`` and ``cp -``."""

from __future__ import annotations

from ..errors import StorageError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

_CHUNK = 1 << 20


def extract_tar(
    stream: BinaryIO, target: str, *, owner: tuple[int, int] | None = None, refusal: str = ""
) -> None:
    """Extract everything over the directory's content, which no entry can leave; compression is detected.

    ``owner`` is the (uid, gid) of all, None for what the archive says. ``refusal`` words the ``UsageError``
    for what is no archive at all. Raises ``HostileLayer``, ``StorageError``, ``OSError``; what was
    extracted before an error stays.
    """
    from ..oci.tarstream_crc import crc64
    from ..oci.tarstream_extract import Extractor
    from ..oci.tarstream_parse import Feed, Parser

    checksum = crc64()
    feed = Feed(_plain(stream))
    parser = Parser(feed, _ignore)
    try:
        entry = parser.next()
    except StorageError:
        if not refusal:
            raise
        raise UsageError(refusal) from None
    extractor = Extractor(target, whiteouts="none")
    try:
        while entry is not None:
            if owner is not None:
                entry.uid, entry.gid = owner
            extractor.add(entry, feed, checksum)
            padding = -entry.stored % 512
            if padding:
                feed.exactly(padding)
            entry = parser.next()
        parser.drain()
        extractor.finish()
    finally:
        extractor.close()


def _ignore(_segment: bytes) -> None:
    """Where a layer keeps its headers, to write the same archive again, nothing is kept here."""


def _plain(stream: BinaryIO) -> Iterator[bytes]:
    """The archive's bytes uncompressed, whatever the pieces in which a pipe gives them."""
    from ..oci.tarstream_inflate import detect, inflate

    first = b""
    while len(first) < 6 and (more := stream.read(_CHUNK)):
        first += more

    def chunks() -> Iterator[bytes]:
        if first:
            yield first
        while more := stream.read(_CHUNK):
            yield more

    yield from inflate(chunks(), detect(first))
