"""The content of a tar into a volume."""

from __future__ import annotations

import os

from ..errors import StorageError
from .volumes import VolumeLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from .runtime import Runtime

_CHUNK = 1 << 20


def import_volume(rt: Runtime, name: str, stream: BinaryIO) -> None:
    """Put the entries of an archive, compressed or not, over the content of a volume (full name).

    Files that the archive does not name stay. A volume with a device is mounted meanwhile.
    Raises ``NoSuchVolume``, ``HostileLayer`` for an entry that would leave the volume, and
    ``StorageError``; what was extracted before an error stays.
    """
    from .volumes_device import acquire, release

    user = f"import-{os.getpid()}"
    with VolumeLock(rt, name):
        volume = rt.records.volumes.get(name)
        if volume.needs_mount:
            volume = acquire(rt, volume, user)
        else:
            os.makedirs(volume.mountpoint, 0o755, exist_ok=True)
    try:
        _extract(stream, volume.mountpoint)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StorageError(f"cannot extract the archive into volume {name}: {reason}") from error
    finally:
        if volume.needs_mount:
            with VolumeLock(rt, name):
                release(rt, rt.records.volumes.get(name), user)


def _extract(stream: BinaryIO, target: str) -> None:
    from ..oci.tarstream_crc import crc64
    from ..oci.tarstream_extract import Extractor
    from ..oci.tarstream_parse import Feed, Parser

    checksum = crc64()
    feed = Feed(_plain(stream))
    parser = Parser(feed, _ignore)
    extractor = Extractor(target, whiteouts="apply")
    try:
        while (entry := parser.next()) is not None:
            extractor.add(entry, feed, checksum)
            padding = -entry.stored % 512
            if padding:
                feed.exactly(padding)
        parser.drain()
        extractor.finish()
    finally:
        extractor.close()


def _ignore(_segment: bytes) -> None:
    """Where a layer keeps its headers, to write the same archive again, a volume keeps nothing."""


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
