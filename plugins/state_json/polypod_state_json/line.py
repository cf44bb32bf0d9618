"""One line of a bucket file or of the journal: a JSON object with a checksum in front.

::

    {"crc32":"89abcdef","record":"container/4f3c…","revision":7,"value":{…}}
    {"crc32":"89abcdef","record":"container/4f3c…","revision":7,"base64":"AAEC"}
    {"crc32":"89abcdef","record":"container/4f3c…","revision":8,"deleted":true}
    {"crc32":"89abcdef","batch":8,"lines":2}
    {"crc32":"89abcdef","format":1,"revision":6}

The checksum is that of everything behind it. A value that is one line of
JSON stands there byte for byte; any other is base64. The fixed order lets a
line be taken apart with a few ``find`` calls and without a parser.
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from zlib import crc32

from polypod.kit.fastjson import dumps, loads

_HEAD = b'{"crc32":"'
_RECORD = b'"record":"'
_REVISION = b'","revision":'
_BODY = 20  # where the checksummed part starts
_NAME = _BODY + len(_RECORD)


def seal(body: str | bytes) -> bytes:
    """A whole line, with line end, around the members of an object."""
    data = (body.encode() if isinstance(body, str) else body) + b"}"
    return b'{"crc32":"%08x",%s\n' % (crc32(data), data)


def is_good(line: bytes) -> bool:
    """Whether the checksum of a line (without its line end) holds."""
    if line[:10] != _HEAD or line[18:_BODY] != b'",':
        return False
    return line[10:18] == b"%08x" % crc32(line[_BODY:])


def record_start(name: str) -> bytes:
    """The checksummed part of a record's line up to its revision."""
    return _RECORD + _escape(name) + _REVISION


def put_line(name: str, value: bytes, revision: int) -> bytes:
    """The line of a stored record."""
    start = record_start(name) + b"%d," % revision
    if _is_one_line_of_json(value):
        return seal(start + b'"value":' + value)
    return seal(start + b'"base64":"' + b2a_base64(value, newline=False) + b'"')


def delete_line(name: str, revision: int) -> bytes:
    """The line that removes a record."""
    return seal(record_start(name) + b'%d,"deleted":true' % revision)


def name_of(line: bytes) -> str:
    """``bucket/key`` of a record's line, also of a damaged one if it is legible; else ""."""
    end = line.find(_REVISION, _NAME)
    if line[_BODY:_NAME] != _RECORD or end < 0:
        return ""
    raw = line[_NAME:end]
    try:
        name = str(loads(b'"' + raw + b'"')) if b"\\" in raw else raw.decode("ascii")
    except ValueError:
        return ""
    bucket, slash, key = name.partition("/")
    return name if bucket and slash and key else ""


def revision_of(line: bytes) -> int:
    """Revision of a good record's line."""
    start = line.find(_REVISION, _NAME) + len(_REVISION)
    return int(line[start : line.find(b",", start)])


def value_of(line: bytes) -> bytes | None:
    """Value of a good record's line; None for a deletion."""
    start = line.find(b",", line.find(_REVISION, _NAME) + len(_REVISION)) + 1
    if line[start : start + 8] == b'"value":':
        return line[start + 8 : -1]
    if line[start : start + 9] == b'"base64":':
        return a2b_base64(line[start + 10 : -2])
    return None


def unpack(data: bytes, start: int, end: int) -> tuple[str, bytes | None, int] | None:
    """Name, value (None for a deletion) and revision of the line ``data[start:end]``.

    None when it is damaged. What the other functions do, in one pass and without
    copying the line: listings spend their time here.
    """
    name_end = data.find(_REVISION, start + _NAME, end)
    checksum = int_or_minus_one(data[start + 10 : start + 18])
    if name_end < 0 or checksum != crc32(memoryview(data)[start + _BODY : end]):
        return None
    raw = data[start + _NAME : name_end]
    comma = data.find(b",", name_end + 13, end)
    if data[comma + 1 : comma + 9] == b'"value":':
        value: bytes | None = data[comma + 9 : end - 1]
    else:
        value = value_of(data[start:end])
    name = name_of(data[start:end]) if b"\\" in raw else raw.decode("ascii")
    return name, value, int(data[name_end + 13 : comma])


def int_or_minus_one(digits: bytes) -> int:
    """A hexadecimal number, -1 when it is none."""
    try:
        return int(digits, 16)
    except ValueError:
        return -1


def is_batch(line: bytes) -> bool:
    """Whether a line begins a batch (and its checksum holds)."""
    return line[_BODY : _BODY + 8] == b'"batch":' and is_good(line)


def numbers(line: bytes) -> dict[str, int]:
    """The object of a batch's or a journal's first line; empty when it is neither."""
    found = loads(line)
    return found if "record" not in found else {}


def _escape(name: str) -> bytes:
    if '"' in name or "\\" in name:
        return dumps(name)[1:-1].encode()
    return name.encode("ascii", "replace")


def _is_one_line_of_json(value: bytes) -> bool:
    if b"\n" in value or b"\r" in value or not value:
        return False
    try:
        loads(value)
    except (ValueError, RecursionError):
        return False
    # Anything that a lenient reader accepts around or inside the document stays base64.
    return value[:1] in b'{["' and value[-1:] in b'}]"' and b"\0" not in value


__all__ = [
    "is_batch",
    "delete_line",
    "is_good",
    "name_of",
    "numbers",
    "put_line",
    "record_start",
    "revision_of",
    "seal",
    "unpack",
    "value_of",
]
