"""A small reader and writer of bbolt files, for podman's address database.

podman keeps the addresses of its containers in a bbolt file (ipam.db). polypod
uses that very file, so that the two never hand out one address twice. The format
(go.etcd.io/bbolt, version 2), as far as it is needed here:

* The file is a row of pages; pages 0 and 1 are *meta* pages. The valid one with the
  higher transaction ID counts; it names the root bucket's page.
* A page starts with ``id u64, flags u16, count u16, overflow u32``; a leaf page goes on
  with ``count`` elements of ``flags u32, position u32, key size u32, value size u32``,
  a branch page with ``position u32, key size u32, page u64``; positions count from the element.
* A bucket is an element with flag 1; its value is ``root page u64, sequence u64``, and with
  root 0 the bucket's only page follows inline.

Numbers are in the machine's byte order (little-endian on all of podman's machines).
A write puts the whole tree into pages that the present tree does not use and then
switches the meta page, so that a crash between leaves the old content. The list of
free pages is left out (page number 2**64 - 1), which makes bbolt find them itself.
Writers exclude one another by flock(2), as bbolt's do.
"""

from __future__ import annotations

import fcntl
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

    Bucket = dict[bytes, "bytes | Bucket"]

_MAGIC, _VERSION, _NO_FREELIST = 0xED0CDAED, 2, 2**64 - 1
_BRANCH, _LEAF, _META = 1, 2, 4
_PAGE_HEADER, _META_SIZE, _ELEMENT = 16, 64, 16


class BoltError(Exception):
    """The file is not a sound bbolt file; ``str()`` says why."""


class BoltFile:
    """A bbolt file opened and locked for one read-modify-write.

    ``with BoltFile(path) as file: root = file.read(); …; file.write(root)``. Buckets
    are dicts from bytes to bytes or to dicts.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> Self:
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        return self

    def __exit__(self, *_unused: object) -> None:
        os.close(self._fd)

    def read(self) -> Bucket:
        """The root bucket; an empty file gives an empty one."""
        size = os.fstat(self._fd).st_size
        self._used: set[int] = {0, 1}
        self._transaction = 1
        self._page_size = 4096
        if size == 0:
            return {}
        data = os.pread(self._fd, size, 0)
        meta = self._newest_meta(data)
        self._transaction = _u64(meta, 48)
        root, freelist = _u64(meta, 16), _u64(meta, 32)
        if freelist != _NO_FREELIST:
            self._use(data, freelist)
        try:
            return self._bucket(data, root, 0)
        except (IndexError, ValueError, RecursionError) as error:
            raise BoltError(f"broken page ({error})") from error

    def write(self, root: Bucket) -> None:
        """Replace the content. ``read`` must have been called before."""
        pages: list[bytes] = []
        if self._transaction == 1:
            self._initialise()
        base = self._free_run(self._count(root))
        root_page = self._emit(root, base, pages)
        body = b"".join(pages)
        os.pwrite(self._fd, body, base * self._page_size)
        high_water = max(base + len(body) // self._page_size, *self._used) + 1
        if os.fstat(self._fd).st_size < high_water * self._page_size:
            os.ftruncate(self._fd, high_water * self._page_size)
        os.fdatasync(self._fd)
        self._transaction += 1
        self._write_meta(root_page, high_water)
        os.fdatasync(self._fd)

    # -- reading ----------------------------------------------------------

    def _newest_meta(self, data: bytes) -> bytes:
        found = b""
        first = data[_PAGE_HEADER : _PAGE_HEADER + _META_SIZE]
        if _valid(first):
            self._page_size = _u32(first, 8)
            found = first
        for page_size in {self._page_size, 4096, 16384, 65536}:
            second = data[page_size + _PAGE_HEADER : page_size + _PAGE_HEADER + _META_SIZE]
            if not _valid(second) or _u32(second, 8) != page_size:
                continue
            self._page_size = page_size
            if not found or _u64(second, 48) > _u64(found, 48):
                found = second
        if not found:
            raise BoltError("no valid meta page")
        return found

    def _bucket(self, data: bytes, page: int, depth: int) -> Bucket:
        if depth > 64:
            raise ValueError("pages nest too deeply")
        start = page * self._page_size
        self._use(data, page)
        flags, count = _u16(data, start + 8), _u16(data, start + 10)
        if flags & _BRANCH:
            merged: Bucket = {}
            for index in range(count):
                child = _u64(data, start + _PAGE_HEADER + index * _ELEMENT + 8)
                merged.update(self._bucket(data, child, depth + 1))
            return merged
        if not flags & _LEAF:
            raise ValueError(f"page {page} is neither branch nor leaf")
        return self._leaf(data, start, depth)

    def _leaf(self, data: bytes, start: int, depth: int) -> Bucket:
        bucket: Bucket = {}
        for index in range(_u16(data, start + 10)):
            at = start + _PAGE_HEADER + index * _ELEMENT
            key_at = at + _u32(data, at + 4)
            value_at = key_at + _u32(data, at + 8)
            end = value_at + _u32(data, at + 12)
            if end > len(data):
                raise ValueError("element beyond the end of the file")
            key = data[key_at:value_at]
            if not _u32(data, at) & 1:
                bucket[key] = data[value_at:end]
            elif child := _u64(data, value_at):
                bucket[key] = self._bucket(data, child, depth + 1)
            else:
                bucket[key] = self._leaf(data, value_at + 16, depth + 1)
        return bucket

    def _use(self, data: bytes, page: int) -> None:
        overflow = _u32(data, page * self._page_size + 12)
        if (page + overflow + 1) * self._page_size > len(data):
            raise BoltError(f"page {page} is beyond the end of the file")
        self._used.update(range(page, page + overflow + 1))

    # -- writing ----------------------------------------------------------

    def _count(self, bucket: Bucket) -> int:
        size, pages = _PAGE_HEADER, 0
        for key, value in bucket.items():
            nested = isinstance(value, dict)
            size += _ELEMENT + len(key) + (16 if nested else len(value))
            if nested:
                pages += self._count(value)  # type: ignore[arg-type]
        return pages + -(-size // self._page_size)

    def _free_run(self, length: int) -> int:
        start = 2
        while True:
            taken = [page for page in range(start, start + length) if page in self._used]
            if not taken:
                return start
            start = taken[-1] + 1

    def _emit(self, bucket: Bucket, base: int, pages: list[bytes]) -> int:
        """Append the pages of a bucket, children first; return its page number."""
        if len(bucket) > 0xFFFF:
            raise BoltError("a bucket has more than 65535 entries")
        rows: list[tuple[int, bytes, bytes]] = []
        for key in sorted(bucket):
            value = bucket[key]
            if isinstance(value, dict):
                child = self._emit(value, base, pages)
                rows.append((1, key, child.to_bytes(8, "little") + bytes(8)))
            else:
                rows.append((0, key, value))
        elements, contents, offset = [], [], len(rows) * _ELEMENT
        for index, (flags, key, value) in enumerate(rows):
            position = offset - index * _ELEMENT
            elements.append(_pack4(flags, position, len(key), len(value)))
            contents.append(key + value)
            offset += len(key) + len(value)
        number = base + sum(len(page) for page in pages) // self._page_size
        total = -(-(_PAGE_HEADER + offset) // self._page_size)
        header = _page_header(number, _LEAF, len(rows), total - 1)
        body = header + b"".join(elements) + b"".join(contents)
        pages.append(body.ljust(total * self._page_size, b"\0"))
        return number

    def _initialise(self) -> None:
        self._write_meta(2, 3)
        self._transaction = 0
        self._write_meta(2, 3)
        self._transaction = 1
        leaf = _page_header(2, _LEAF, 0, 0)
        os.pwrite(self._fd, leaf.ljust(self._page_size, b"\0"), 2 * self._page_size)
        self._used.add(2)

    def _write_meta(self, root: int, high_water: int) -> None:
        number = self._transaction % 2
        meta = (
            _pack4(_MAGIC, _VERSION, self._page_size, 0)
            + root.to_bytes(8, "little")
            + bytes(8)
            + _NO_FREELIST.to_bytes(8, "little")
            + high_water.to_bytes(8, "little")
            + self._transaction.to_bytes(8, "little")
        )
        page = _page_header(number, _META, 0, 0) + meta + _fnv64a(meta).to_bytes(8, "little")
        os.pwrite(self._fd, page.ljust(self._page_size, b"\0"), number * self._page_size)


def _valid(meta: bytes) -> bool:
    return (
        len(meta) == _META_SIZE
        and _u32(meta, 0) == _MAGIC
        and _u32(meta, 4) == _VERSION
        and _u64(meta, 56) == _fnv64a(meta[:56])
    )


def _page_header(number: int, flags: int, count: int, overflow: int) -> bytes:
    return (
        number.to_bytes(8, "little")
        + flags.to_bytes(2, "little")
        + count.to_bytes(2, "little")
        + overflow.to_bytes(4, "little")
    )


def _pack4(*numbers: int) -> bytes:
    return b"".join([number.to_bytes(4, "little") for number in numbers])


def _u16(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "little")


def _u32(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "little")


def _u64(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 8], "little")


def _fnv64a(data: bytes) -> int:
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value
