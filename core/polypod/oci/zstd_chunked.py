"""zstd:chunked: a zstd stream whose files can be fetched one by one.

Each file's content is a frame of its own; skippable frames at the end hold the table of
contents (TOC), the tar-split data and a footer. Readers that know nothing of this see plain
zstd. Format: containers/storage pkg/chunked. Files are one chunk each: no rolling checksum.
"""

from __future__ import annotations

import binascii
import hashlib

from ..kit.fastjson import dumps
from . import tarstream_parse as tar
from .tarstream_crc import crc64

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

PREFIX = "io.github.containers.zstd-chunked."
CHECKSUM, POSITION = PREFIX + "manifest-checksum", PREFIX + "manifest-position"
TARSPLIT = PREFIX + "tarsplit-position"
_SKIPPABLE = b"\x50\x2a\x4d\x18"
_MAGIC = b"GNUlInUx"
_TYPE = 1
#: Readers refuse a longer table of contents.
_MOST_TOC = 50 << 20
_NAMES = {
    tar.REGULAR: "reg",
    tar.HARDLINK: "hardlink",
    tar.SYMLINK: "symlink",
    tar.CHAR: "char",
    tar.BLOCKDEV: "block",
    tar.DIRECTORY: "dir",
    tar.FIFO: "fifo",
}


def compressed(
    chunks: Iterable[bytes], level: int, annotations: dict[str, str]
) -> Iterator[bytes]:
    """A layer's tar as zstd:chunked, in pieces; ``annotations`` gets the descriptor's at the end.

    A tar that the table cannot describe (a name twice, sparse files, names that are not
    UTF-8) becomes plain zstd, without annotations.
    """
    return _Writer(level, annotations).run(tar.Feed(iter(chunks)))


class _Writer:
    def __init__(self, level: int, annotations: dict[str, str]) -> None:
        from .compress import zstd_module

        self._zstd = zstd_module()
        self._level = level
        self._packer = self._zstd.ZstdCompressor(level=level)
        self._annotations = annotations
        self._written = 0
        self._ready: list[bytes] = []
        self._headers: list[bytes] = []  # since the last file's content
        self._rows: list[str] = []
        self._names: set[str] = set()
        self._exact = True
        self._split = _Split(self._zstd.ZstdCompressor(level=level))
        self._checksum = crc64()

    def run(self, feed: tar.Feed) -> Iterator[bytes]:
        """Read everything; gives what is ready again and again."""
        parser = tar.Parser(feed, self._header)
        while (entry := parser.next()) is not None:
            yield from self._entry(entry, feed)
        parser.drain()
        yield from self._finish()

    def _header(self, data: bytes) -> None:
        self._headers.append(data)

    def _put(self, data: bytes | memoryview) -> None:
        out = self._packer.compress(data)
        if out:
            self._written += len(out)
            self._ready.append(out)

    def _end_frame(self) -> int:
        """End the frame; returns the offset of the next one."""
        out = self._packer.flush(self._packer.FLUSH_FRAME)
        self._written += len(out)
        self._ready.append(out)
        return self._written

    def _take(self) -> Iterator[bytes]:
        ready, self._ready = self._ready, []
        yield from ready

    def _entry(self, entry: tar.Entry, feed: tar.Feed) -> Iterator[bytes]:
        pieces, self._headers = self._headers, []
        raw = b"".join(pieces)
        self._split.segment(raw)
        self._put(raw)
        row = self._row(entry, pieces)
        crc = 0
        if entry.stored:
            start = self._end_frame()
            digest = hashlib.sha256()
            left = entry.stored
            while left:
                piece = feed.piece(min(left, 1 << 20))
                if not piece:
                    break  # whoever checks the layer's digest will tell
                left -= len(piece)
                digest.update(piece)
                crc = self._checksum(piece, crc)
                self._put(piece)
                yield from self._take()
            row["digest"] = "sha256:" + digest.hexdigest()
            row["offset"] = start
            row["endOffset"] = self._end_frame()
            self._headers.append(feed.exactly(-entry.stored % tar.BLOCK))
        self._split.file(row.get("name", ""), entry.stored, crc)
        if self._exact:
            self._rows.append(dumps(row))
        yield from self._take()

    def _row(self, entry: tar.Entry, pieces: list[bytes]) -> dict[str, Any]:
        """The entry's row of the table, as Go's tar reader sees the header; {} when it cannot be told."""
        pax = _pax(pieces)
        header = pieces[-1]
        try:
            name, link = entry.name.decode("utf-8"), entry.linkname.decode("utf-8")
        except UnicodeDecodeError:
            name = ""
        kind = _NAMES.get(entry.type)
        if not name or name in self._names or kind is None or entry.sparse is not None or pax is None:
            self._exact = False
            return {}
        self._names.add(name)
        found = {
            "type": kind,
            "name": name,
            "linkName": link,
            "mode": tar.number(header[100:108]),
            "size": entry.stored,
            "uid": entry.uid,
            "gid": entry.gid,
            "modtime": _moment(entry.mtime_ns),
            "accesstime": _pax_moment(pax.get(b"atime")),
            "changetime": _pax_moment(pax.get(b"ctime")),
            "devMajor": entry.major,
            "devMinor": entry.minor,
            "xattrs": _xattrs(pax),
        }
        return {key: value for key, value in found.items() if value or key == "name"}

    def _finish(self) -> Iterator[bytes]:
        raw = b"".join(self._headers)
        if raw:
            self._split.segment(raw)
        self._put(raw)
        self._end_frame()
        yield from self._take()
        split, split_size = self._split.finish()
        toc = self._toc(split)
        if not self._exact or len(toc) > _MOST_TOC:
            return
        packer = self._zstd.ZstdCompressor(level=self._level)
        packed = packer.compress(toc) + packer.flush()
        place = self._written + 8
        split_place = place + len(packed) + 8
        self._annotations[CHECKSUM] = "sha256:" + hashlib.sha256(packed).hexdigest()
        self._annotations[POSITION] = f"{place}:{len(packed)}:{len(toc)}:{_TYPE}"
        self._annotations[TARSPLIT] = f"{split_place}:{len(split)}:{split_size}"
        yield _frame(packed)
        yield _frame(split)
        numbers = (place, len(packed), len(toc), _TYPE, split_place, len(split), split_size)
        yield _frame(b"".join(n.to_bytes(8, "little") for n in numbers) + _MAGIC)

    def _toc(self, split: bytes) -> bytes:
        digest = hashlib.sha256(split).hexdigest()
        rows = ",".join(self._rows)
        return f'{{"version":1,"entries":[{rows}],"tarSplitDigest":"sha256:{digest}"}}'.encode()


class _Split:
    """tar-split data as readers of zstd:chunked want it: a segment and a line for every entry."""

    def __init__(self, packer: Any) -> None:
        self._packer = packer
        self._parts: list[bytes] = []
        self._position = 0
        self._size = 0

    def segment(self, data: bytes) -> None:
        text = binascii.b2a_base64(data, newline=False).decode("ascii")
        self._line(f'{{"type":2,"payload":"{text}","position":{self._position}}}\n')

    def file(self, name: str, size: int, crc: int) -> None:
        row: dict[str, object] = {"type": 1, "name": name}
        if size:
            row["size"] = size
        text = binascii.b2a_base64(crc.to_bytes(8, "big"), newline=False).decode("ascii")
        self._line(dumps({**row, "payload": text if size else None, "position": self._position}) + "\n")

    def _line(self, text: str) -> None:
        data = text.encode()
        self._position += 1
        self._size += len(data)
        self._parts.append(self._packer.compress(data))

    def finish(self) -> tuple[bytes, int]:
        """The compressed data, and its size before."""
        self._parts.append(self._packer.flush())
        return b"".join(self._parts), self._size


def _frame(data: bytes) -> bytes:
    return _SKIPPABLE + len(data).to_bytes(4, "little") + data


def _pax(pieces: list[bytes]) -> dict[bytes, bytes] | None:
    """The pax records before a header; ``None`` for global ones, which the table cannot hold."""
    records: dict[bytes, bytes] = {}
    for number, piece in enumerate(pieces[:-1]):
        if len(piece) != tar.BLOCK or piece[257:262] != b"ustar":
            continue
        kind = piece[156:157]
        if kind == b"g":
            return None
        if kind in (b"x", b"X"):
            size = tar.number(piece[124:136])
            records.update(tar.pax_records(pieces[number + 1][:size]))
    return records


def _xattrs(pax: dict[bytes, bytes]) -> dict[str, str]:
    prefix = b"SCHILY.xattr."
    return {
        key[len(prefix) :].decode("utf-8", "replace"): binascii.b2a_base64(value, newline=False).decode()
        for key, value in pax.items()
        if key.startswith(prefix)
    }


def _pax_moment(text: bytes | None) -> str:
    return _moment(tar.time_ns(text)) if text else ""


def _moment(nanoseconds: int) -> str:
    """RFC 3339 as Go prints it; also for times before 1970."""
    from datetime import datetime, timedelta

    seconds, fraction = divmod(nanoseconds, 1_000_000_000)
    moment = datetime(1970, 1, 1) + timedelta(seconds=seconds)
    digits = f".{fraction:09d}".rstrip("0").rstrip(".")
    return f"{moment:%Y-%m-%dT%H:%M:%S}{digits}Z" if moment.year >= 1000 else ""
