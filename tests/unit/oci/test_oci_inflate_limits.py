"""Layers packed to cost more than they should: memory, or time that grows with the square."""

from __future__ import annotations

import binascii
import gzip
import lzma
import resource

import pytest
from polypod.errors import StorageError
from polypod.oci.tarstream_inflate import GZIP, XZ, ZSTD, inflate


def test_an_xz_stream_that_asks_for_much_memory() -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 20}]
    data = bytearray(lzma.compress(b"x" * 1000, lzma.FORMAT_XZ, lzma.CHECK_NONE, filters=filters))
    assert b"".join(inflate(iter([bytes(data)]), XZ)) == b"x" * 1000
    at = 12 + 4  # the stream's header, then size and flags of the block, LZMA2's number and length
    assert data[at - 2 : at] == b"\x21\x01"
    data[at] = 40  # 4 GiB - 1
    size = (data[12] + 1) * 4
    data[12 + size - 4 : 12 + size] = binascii.crc32(data[12 : 12 + size - 4]).to_bytes(4, "little")
    with pytest.raises(StorageError, match="emory usage limit"):
        list(inflate(iter([bytes(data)]), XZ))


def test_a_zstd_frame_that_asks_for_much_memory() -> None:
    # Magic, no single segment, a window of 2 GiB; one raw block of one byte.
    frame = bytes.fromhex("28b52ffd 00 a8 090000 78")
    with pytest.raises(StorageError, match="zstd"):
        list(inflate(iter([frame]), ZSTD))
    small = bytes.fromhex("28b52ffd 00 50 090000 78")
    assert b"".join(inflate(iter([small]), ZSTD)) == b"x"


def test_many_tiny_members_take_no_quadratic_time() -> None:
    member = gzip.compress(b"x", mtime=0)
    count = (1 << 20) // len(member)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    assert b"".join(inflate(iter([member * count]), GZIP)) == b"x" * count
    assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - before < 2


@pytest.mark.parametrize("size", [1, 7, 1000, 1 << 20])
def test_members_with_padding_in_any_pieces(size: int) -> None:
    parts = [bytes([n]) * n * 997 for n in range(8)]
    data = b"".join(gzip.compress(part) + b"\0" * len(part) for part in parts)
    pieces = (data[at : at + size] for at in range(0, len(data), size))
    assert b"".join(inflate(pieces, GZIP)) == b"".join(parts)
