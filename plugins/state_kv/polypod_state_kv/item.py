"""What stands in an LMDB value: revision (8 bytes, big endian), CRC-32 (4 bytes), the record."""

from __future__ import annotations

from zlib import crc32

#: Why :func:`unpack` refused an item.
DAMAGE = "checksum does not match"


def pack(value: bytes, revision: int) -> bytes:
    """The item for one record; the checksum covers the revision too."""
    head = revision.to_bytes(8, "big")
    return head + crc32(value, crc32(head)).to_bytes(4, "big") + value


def unpack(item: bytes) -> tuple[bytes, int] | None:
    """Value and revision, or None for a damaged item."""
    value = item[12:]
    if crc32(value, crc32(item[:8])).to_bytes(4, "big") != item[8:12]:
        return None
    return value, int.from_bytes(item[:8], "big")
