"""A layer's stream to a directory: inflate, hash, extract and keep a tar-split, all at once.

One thread reads, hashes the bytes as given and inflates; one hashes the archive
(the diffID); the caller's extracts. zlib, hashlib and write(2) run outside the interpreter's lock, so on
two cores a layer takes about as long as its slowest part.
"""

from __future__ import annotations

from ..errors import HostileLayer, StorageError
from ..model.struct import Struct
from . import tarstream_inflate
from .tarstream_crc import crc64
from .tarstream_extract import Extractor
from .tarstream_parse import Feed, Parser
from .tarstream_split import SplitWriter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from queue import Queue
    from typing import Any, BinaryIO, Protocol

    class Reader(Protocol):
        """What a layer's bytes are read from."""

        def read(self, size: int, /) -> bytes:
            """At most ``size`` bytes; none at the end."""


_CHUNK = 1 << 18
_AHEAD = 8  # chunks between two threads


class Applied(Struct):
    """What a layer's stream turned out to be."""

    diff_digest: str  # "sha256:..." of the uncompressed archive: the diffID
    diff_size: int
    compressed_digest: str  # of the bytes as given
    compressed_size: int
    compression: int  # containers/storage's number
    uids: tuple[int, ...] = ()
    gids: tuple[int, ...] = ()
    has_top: bool = False  # the archive states owner and mode of the top directory


class _Pipeline:
    """The two threads beside the caller's, and what they find out."""

    def __init__(self, stream: Reader, size_limit: int) -> None:
        import hashlib
        import queue
        import threading

        self._stream = stream
        self._limit = size_limit
        # A registry's reader compares the digest itself: hashing once is enough.
        self.verified: str = getattr(stream, "verified", "")
        self.given = hashlib.sha256()
        self.plain = hashlib.sha256()
        self.given_size = self.plain_size = 0
        self.compression = -1  # not known yet
        self._error: BaseException | None = None
        self._stopped = False
        self._out: Queue[bytes | None] = queue.Queue(_AHEAD)
        self._hash: Queue[bytes | None] = queue.Queue(_AHEAD)
        self._threads = [
            threading.Thread(target=self._read, daemon=True),
            threading.Thread(target=self._digest, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _raw(self) -> Iterator[bytes]:
        while not self._stopped and (chunk := self._stream.read(_CHUNK)):
            self.given_size += len(chunk)
            if self.compression > 0 and not self.verified:
                self.given.update(chunk)
            yield chunk

    def _read(self) -> None:
        try:
            chunks = self._raw()
            first = next(chunks, b"")
            while 0 < len(first) < 6 and (more := next(chunks, b"")):
                first += more
            self.compression = tarstream_inflate.detect(first)
            # What is not compressed need not be hashed twice.
            if self.compression and not self.verified:
                self.given.update(first)
            for chunk in tarstream_inflate.inflate(_chain(first, chunks), self.compression):
                self.plain_size += len(chunk)
                if self._limit and self.plain_size > self._limit:
                    raise HostileLayer(f"the layer is larger than {self._limit} bytes uncompressed")
                self._hash.put(chunk)
                self._out.put(chunk)
                if self._stopped:
                    break
        except BaseException as error:  # noqa: BLE001 - handed to the caller's thread
            self._error = error
        finally:
            self._hash.put(None)
            self._out.put(None)

    def _digest(self) -> None:
        while (chunk := self._hash.get()) is not None:
            self.plain.update(chunk)

    def chunks(self) -> Iterator[bytes]:
        """The archive; raises what the reading thread met."""
        while (chunk := self._out.get()) is not None:
            yield chunk
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Stop the threads, whatever they do."""
        self._stopped = True
        while self._threads[0].is_alive():
            while not self._out.empty():
                self._out.get()
            self._threads[0].join(0.01)
        self._threads[1].join()


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


def apply(
    stream: Reader | BinaryIO,
    target: str,
    *,
    split_path: str,
    style: dict[str, Any],
    size_limit: int = 0,
) -> Applied:
    """Extract a layer into ``target``, which holds nothing else (or, for ``apply``, the layers below).

    ``style`` is the driver's ``extraction()``. A stream that checks its own digest has it
    as ``verified``. On an error what was extracted
    stays for the caller to remove.
    """
    pipeline = _Pipeline(stream, size_limit)
    try:
        split = SplitWriter(split_path)
        try:
            extractor = _extract(pipeline, target, split, style)
        finally:
            split.close()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StorageError(f"cannot extract the layer into {target}: {reason}") from error
    finally:
        pipeline.close()
    given = pipeline.given if pipeline.compression else pipeline.plain
    compressed = pipeline.verified or "sha256:" + given.hexdigest()
    return Applied(
        diff_digest="sha256:" + pipeline.plain.hexdigest(),
        diff_size=pipeline.plain_size,
        compressed_digest=compressed,
        compressed_size=pipeline.given_size,
        compression=pipeline.compression,
        uids=tuple(sorted(extractor.uids)),
        gids=tuple(sorted(extractor.gids)),
        has_top=extractor.has_top,
    )


def _extract(
    pipeline: _Pipeline, target: str, split: SplitWriter, style: dict[str, Any]
) -> Extractor:
    checksum = crc64()
    feed = Feed(pipeline.chunks())
    parser = Parser(feed, split.segment)
    extractor = Extractor(target, **style)
    try:
        while (entry := parser.next()) is not None:
            crc = extractor.add(entry, feed, checksum)
            if entry.stored:
                split.content(entry, crc)
                padding = -entry.stored % 512
                if padding:
                    rest = feed.exactly(padding)
                    split.segment(rest)
                    # umoci ends its layers without padding and trailer; Go's reader takes that.
                    if rest and len(rest) < padding:
                        raise StorageError("the layer's archive ends in the middle of an entry")
        parser.drain()
        extractor.finish()
    finally:
        extractor.close()
    return extractor
