"""A tar reader for layers: ustar, pax, GNU long names and sparse files, over pieces of bytes.

It hands out each entry's raw header bytes as well, so that the archive can be put together
again byte for byte (:mod:`polypod.oci.tarstream_split`).
"""

from __future__ import annotations

import os
from zlib import adler32

from ..errors import HostileLayer, StorageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BLOCK = 512
_ADLER = 65521
_ZERO = bytes(BLOCK)
# A path that the kernel takes has at most 4095 bytes; a pax header holds xattrs of 64 KiB at most.
MAX_NAME = 4096
MAX_PAX = 8 << 20
_XATTR = b"SCHILY.xattr."
_LIBARCHIVE = b"LIBARCHIVE.xattr."

REGULAR, HARDLINK, SYMLINK, CHAR, BLOCKDEV, DIRECTORY, FIFO = b"0", b"1", b"2", b"3", b"4", b"5", b"6"


class Entry:
    """One member of the archive. Names are bytes, as the kernel takes them."""

    __slots__ = (
        "gid",
        "linkname",
        "major",
        "minor",
        "mode",
        "mtime_ns",
        "name",
        "size",
        "sparse",
        "stored",
        "type",
        "uid",
        "xattrs",
    )

    name: bytes
    linkname: bytes
    type: bytes
    mode: int
    uid: int
    gid: int
    size: int  # of the file
    stored: int  # bytes that follow the header; differs from size in sparse files
    mtime_ns: int
    major: int
    minor: int
    xattrs: dict[str, bytes]
    sparse: list[tuple[int, int]] | None  # (offset, length) of the pieces that are stored


def show(name: bytes) -> str:
    """A member's name for a message: short, on one line."""
    text = os.fsdecode(name[:200]).encode("unicode_escape", "surrogateescape").decode("ascii")
    return text + ("..." if len(name) > 200 else "")


class Feed:
    """Bytes on demand from an iterator of chunks, with as little copying as possible."""

    __slots__ = ("_chunks", "_view")

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._view = memoryview(b"")

    def piece(self, most: int) -> memoryview:
        """The next bytes, at most ``most``; empty at the end."""
        view = self._view
        while not view:
            chunk = next(self._chunks, None)
            if chunk is None:
                return memoryview(b"")
            view = memoryview(chunk)
        self._view = view[most:]
        return view[:most]

    def exactly(self, size: int) -> bytes:
        """That many bytes; fewer only at the end."""
        view = self._view
        if len(view) >= size:
            self._view = view[size:]
            return bytes(view[:size])
        parts = []
        while size:
            part = self.piece(size)
            if not part:
                break
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


# Modes, owners, sizes and times are the same in most headers.
_known: dict[bytes, int] = {}


def number(field: bytes) -> int:
    """A number of a header: octal digits, or base 256 when the first bit is set."""
    if field[0] & 0x80:
        value = int.from_bytes(field, "big")
        bits = len(field) * 8
        if field[0] & 0x40:
            return value - (1 << bits)
        return value - (1 << (bits - 1))
    known = _known.get(field)
    if known is None:
        text = field.replace(b"\0", b" ").strip()
        known = int(text, 8) if text else 0
        if len(_known) < 4096:
            _known[field] = known
    return known


def time_ns(text: bytes) -> int:
    """A pax time (decimal seconds) as nanoseconds; ``ValueError`` for a bad one."""
    whole, _, fraction = text.partition(b".")
    seconds = int(whole or b"0")
    nanoseconds = int((fraction + b"000000000")[:9] or b"0") if fraction else 0
    negative = whole.startswith(b"-")
    return seconds * 1_000_000_000 + (-nanoseconds if negative else nanoseconds)


def pax_records(data: bytes) -> dict[bytes, bytes]:
    """The records of a pax header; ``ValueError`` for a malformed one."""
    records = {}
    position = 0
    while position < len(data):
        space = data.find(b" ", position, position + 20)
        if space < 0:
            break  # padding of zeros, as some writers leave
        length = int(data[position:space])
        key, equals, value = data[space + 1 : position + length - 1].partition(b"=")
        if not equals or length <= space - position:
            raise ValueError("malformed pax record")
        records[key] = value
        position += length
    return records


class Parser:
    """Reads entries one after the other; ``segment`` gets all bytes that are not file content."""

    def __init__(self, feed: Feed, segment: Callable[[bytes], None]) -> None:
        self._feed = feed
        self._segment = segment
        self._global: dict[bytes, bytes] = {}
        self._ended = False

    def next(self) -> Entry | None:
        """The next entry, or ``None`` at the end of the archive. Its content must have been read."""
        pax: dict[bytes, bytes] = {}
        long_name = long_link = b""
        last = b"the archive's start"
        while True:
            header = self._header()
            if header is None:
                return None
            kind = header[156:157]
            if kind in (b"x", b"X", b"g", b"L", b"K"):
                body = self._body(header, last)
                if kind == b"L":
                    long_name = _limited(body.rstrip(b"\0"))
                elif kind == b"K":
                    long_link = _limited(body.rstrip(b"\0"))
                else:
                    try:
                        records = pax_records(body)
                    except ValueError as error:
                        raise StorageError(f"the layer has a damaged pax header: {error}") from None
                    (self._global if kind == b"g" else pax).update(records)
                continue
            entry = _entry(header, {**self._global, **pax} if self._global else pax)
            entry.name = long_name or entry.name
            entry.linkname = long_link or entry.linkname
            _finish_name(entry)
            if kind == b"S":
                self._old_sparse(header, entry)
            elif entry.sparse is not None and not entry.sparse:
                self._new_sparse(entry)
            return entry

    def _header(self) -> bytes | None:
        if self._ended:
            return None
        header = self._feed.exactly(BLOCK)
        if not header:
            self._ended = True  # no end blocks: a concatenation or a sloppy writer; taken as the end
            return None
        self._segment(header)
        if len(header) < BLOCK:
            raise StorageError("the layer's archive ends in the middle of a header")
        if header == _ZERO:
            self._ended = True
            return None
        try:
            expected = number(header[148:156])
        except ValueError:
            expected = -1
        # Adler-32's first half is the sum of the bytes, modulo a prime: 30 times as fast as sum().
        actual = (adler32(header, 0) & 0xFFFF) - sum(header[148:156]) + 256
        if (actual - expected) % _ADLER:
            raise StorageError("the layer is not a tar archive, or is damaged (header checksum)")
        return header

    def _body(self, header: bytes, last: bytes) -> bytes:
        size = number(header[124:136])
        if not 0 <= size <= MAX_PAX:
            raise HostileLayer(
                f"layer entry after {show(last)}: extended header of {size} bytes, more than {MAX_PAX}"
            )
        padded = -(-size // BLOCK) * BLOCK
        body = self._feed.exactly(padded)
        self._segment(body)
        if len(body) < padded:
            raise StorageError("the layer's archive ends in the middle of an extended header")
        return body[:size]

    def drain(self) -> None:
        """Take what follows the archive's end (padding up to the record size)."""
        while piece := self._feed.piece(1 << 20):
            self._segment(bytes(piece))

    def _old_sparse(self, header: bytes, entry: Entry) -> None:
        """GNU's old format: the map in the header, continued in further blocks."""
        pieces = _sparse_map(header[386:482], 4)
        entry.size = number(header[483:495])
        more = header[482]
        while more:
            block = self._feed.exactly(BLOCK)
            self._segment(block)
            pieces += _sparse_map(block[:504], 21)
            more = block[504] if len(block) == BLOCK else 0
        entry.type = REGULAR
        entry.sparse = pieces

    def _new_sparse(self, entry: Entry) -> None:
        """Pax format 1.0: the map stands before the data, as decimal lines padded to a block."""
        text = b""

        def line() -> int:
            nonlocal text
            while b"\n" not in text:
                block = self._feed.exactly(BLOCK)
                if len(block) < BLOCK:
                    raise StorageError("the layer's archive ends in the middle of a sparse map")
                self._segment(block)
                entry.stored -= BLOCK
                text += block
            word, _, text = text.partition(b"\n")
            return int(word)

        entry.sparse = [(line(), line()) for _ in range(min(line(), 1 << 20))]


def _sparse_map(data: bytes, most: int) -> list[tuple[int, int]]:
    pieces = []
    for index in range(most):
        item = data[index * 24 : index * 24 + 24]
        if len(item) < 24 or item[0] == 0:
            break
        pieces.append((number(item[:12]), number(item[12:])))
    return pieces


def _limited(name: bytes) -> bytes:
    if len(name) > MAX_NAME:
        raise HostileLayer(
            f"layer entry {show(name)}: name of {len(name)} bytes, more than {MAX_NAME}"
        )
    return name


def _entry(header: bytes, pax: dict[bytes, bytes]) -> Entry:
    entry = Entry()
    name = header[:100].partition(b"\0")[0]
    if header[257:263] == b"ustar\0" and header[345]:
        name = header[345:500].partition(b"\0")[0] + b"/" + name
    entry.name = name
    entry.linkname = header[157:257].partition(b"\0")[0]
    entry.type = header[156:157]
    entry.xattrs = {}
    entry.sparse = None
    try:
        entry.mode = number(header[100:108]) & 0o7777
        entry.uid = number(header[108:116])
        entry.gid = number(header[116:124])
        entry.size = entry.stored = number(header[124:136])
        entry.mtime_ns = number(header[136:148]) * 1_000_000_000
        entry.major = entry.minor = 0
        if entry.type in (CHAR, BLOCKDEV):
            entry.major = number(header[329:337])
            entry.minor = number(header[337:345])
        if pax:
            _apply_pax(entry, pax)
    except ValueError:
        raise StorageError(f"layer entry {show(name)}: damaged header") from None
    if entry.size < 0 or entry.stored < 0:
        raise HostileLayer(f"layer entry {show(entry.name)}: negative size")
    return entry


def _apply_pax(entry: Entry, pax: dict[bytes, bytes]) -> None:
    for key, value in pax.items():
        if key == b"path":
            entry.name = _limited(value)
        elif key == b"linkpath":
            entry.linkname = _limited(value)
        elif key == b"size":
            entry.size = entry.stored = int(value)
        elif key == b"uid":
            entry.uid = int(value)
        elif key == b"gid":
            entry.gid = int(value)
        elif key == b"mtime":
            entry.mtime_ns = time_ns(value)
        elif key.startswith(_XATTR):
            entry.xattrs[os.fsdecode(key[len(_XATTR) :])] = value
        elif key.startswith(_LIBARCHIVE):
            import binascii

            padding = b"=" * (-len(value) % 4)
            name = os.fsdecode(key[len(_LIBARCHIVE) :])
            entry.xattrs.setdefault(name, binascii.a2b_base64(value + padding))
    if b"GNU.sparse.major" in pax or b"GNU.sparse.map" in pax or b"GNU.sparse.size" in pax:
        _apply_sparse(entry, pax)


def _apply_sparse(entry: Entry, pax: dict[bytes, bytes]) -> None:
    entry.name = _limited(pax.get(b"GNU.sparse.name", entry.name))
    size = pax.get(b"GNU.sparse.realsize") or pax.get(b"GNU.sparse.size")
    if pax.get(b"GNU.sparse.major") == b"1":
        entry.sparse = []  # the map follows the header
    elif b"GNU.sparse.map" in pax:
        numbers = [int(word) for word in pax[b"GNU.sparse.map"].split(b",")]
        entry.sparse = list(zip(numbers[::2], numbers[1::2], strict=True))
    else:
        raise StorageError(f"layer entry {show(entry.name)}: pax sparse format 0.0 is not supported")
    if size is not None:
        entry.size = int(size)


def _finish_name(entry: Entry) -> None:
    _limited(entry.name)
    if entry.type in (b"\0", b"7"):
        entry.type = REGULAR
    if entry.type == REGULAR and entry.name.endswith(b"/"):
        entry.type = DIRECTORY
    if entry.type not in (REGULAR, b"S"):
        # Only files have content; a size on other members is noise that some writers leave.
        entry.stored = 0 if entry.type in (HARDLINK, SYMLINK, CHAR, BLOCKDEV, DIRECTORY, FIFO) else entry.stored
