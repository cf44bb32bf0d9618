"""The file of state backend ``lines``: a log of batches, one line an operation.

    polypod-lines 1 GENERATION
    put <tab> BUCKET <tab> KEY <tab> REVISION <tab> CHECKSUM <tab> VALUE
    delete <tab> BUCKET <tab> KEY <tab> REVISION <tab> CHECKSUM <tab>
    end <tab> REVISION

Lines count once their ``end`` is there, so a batch that a killed writer left half written is
as if it had never been; the next writer puts ``abort`` behind it. Nothing is ever
changed in place: a reader needs no lock.
"""

from __future__ import annotations

import binascii

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

HEADER = b"polypod-lines 1 "
ABORT = b"\nabort\n"


class Content:
    """What the log says up to ``offset``; never changed once it is shared, see :meth:`after`."""

    def __init__(self, header: bytes = b"", inode: int = 0) -> None:
        self.header = header
        self.inode = inode
        self.offset = 0
        self.revision = 0
        self.records: dict[tuple[str, str], tuple[bytes, int]] = {}
        self.damaged: dict[tuple[str, str], str] = {}

    def after(self, data: bytes) -> Content:
        """This content and the complete batches of ``data``, which follows in the file."""
        whole = data.rfind(b"\n") + 1
        end = data.rfind(b"\nend\t", 0, whole)
        if end < 0:
            return self
        stop = data.find(b"\n", end + 1) + 1
        new = Content(self.header, self.inode)
        new.offset = self.offset + stop
        new.revision = self.revision
        new.records, new.damaged = dict(self.records), dict(self.damaged)
        pending: list[bytes] = []
        for line in data[:stop].split(b"\n"):
            if line.startswith(b"end\t"):
                for operation in pending:
                    new._carry_out(operation)
                new.revision = max(new.revision, _number(line[4:]))
                pending = []
            elif line == b"abort":
                pending = []
            elif line and not line.startswith(HEADER):
                pending.append(line)
        return new

    def _carry_out(self, line: bytes) -> None:
        words = line.split(b"\t")
        where = ("", "")
        try:
            kind, bucket, key, revision, checksum, text = words
            where = (bucket.decode("ascii"), key.decode("ascii"))
            if _checksum(words[:4], text) != checksum:
                raise ValueError("checksum does not match")
        except ValueError as error:
            self.records.pop(where, None)
            self.damaged[where] = str(error)
            return
        self.damaged.pop(where, None)
        if kind == b"put":
            self.records[where] = (unescape(text), int(revision))
        else:
            self.records.pop(where, None)


def batch(operations: Iterable[tuple[str, str, str, int, bytes]], revision: int) -> bytes:
    """The lines of a batch of ``(kind, bucket, key, revision, value)``."""
    lines = []
    for kind, bucket, key, number, value in operations:
        head = [word.encode("ascii") for word in (kind, bucket, key, str(number))]
        text = escape(value)
        lines.append(b"\t".join((*head, _checksum(head, text), text)))
    return b"\n".join((*lines, b"end\t%d\n" % revision))


def escape(value: bytes) -> bytes:
    """Any bytes as printable text on one line; what is printable stays as it is."""
    return value.decode("latin-1").encode("unicode_escape")


def unescape(text: bytes) -> bytes:
    """The inverse of :func:`escape`."""
    return text.decode("unicode_escape").encode("latin-1")


def _checksum(head: list[bytes], text: bytes) -> bytes:
    return b"%08x" % binascii.crc32(text, binascii.crc32(b"\t".join(head)))


def _number(text: bytes) -> int:
    return int(text) if text.isdigit() else 0
