"""The media type of a file by its first bytes (WHATWG MIME sniffing, as Go's net/http has it)."""

from __future__ import annotations

#: How many bytes are looked at.
SNIFF_LENGTH = 512

_OCTETS = "application/octet-stream"
_TEXT = "text/plain; charset=utf-8"
_BLANK = b"\t\n\x0c\r "
_HTML = (
    b"<!DOCTYPE HTML", b"<HTML", b"<HEAD", b"<SCRIPT", b"<IFRAME", b"<H1", b"<DIV", b"<FONT",
    b"<TABLE", b"<A", b"<STYLE", b"<TITLE", b"<B", b"<BODY", b"<BR", b"<P", b"<!--",
)  # fmt: skip
_EXACT = (
    (b"%PDF-", "application/pdf"),
    (b"%!PS-Adobe-", "application/postscript"),
    (b"\xfe\xff", "text/plain; charset=utf-16be"),
    (b"\xff\xfe", "text/plain; charset=utf-16le"),
    (b"\xef\xbb\xbf", _TEXT),
    (b"\x00\x00\x01\x00", "image/x-icon"),
    (b"\x00\x00\x02\x00", "image/x-icon"),
    (b"BM", "image/bmp"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"ID3", "audio/mpeg"),
    (b"OggS\x00", "application/ogg"),
    (b"MThd\x00\x00\x00\x06", "audio/midi"),
    (b"\x1a\x45\xdf\xa3", "video/webm"),
    (b"\x00\x01\x00\x00", "font/ttf"),
    (b"OTTO", "font/otf"),
    (b"ttcf", "font/collection"),
    (b"wOFF", "font/woff"),
    (b"wOF2", "font/woff2"),
    (b"\x1f\x8b\x08", "application/x-gzip"),
    (b"PK\x03\x04", "application/zip"),
    (b"Rar!\x1a\x07\x00", "application/x-rar-compressed"),
    (b"Rar!\x1a\x07\x01\x00", "application/x-rar-compressed"),
    (b"\x00asm", "application/wasm"),
)
# (container's head, offset of the kind, kind, type)
_BOXED = (
    (b"RIFF", 8, b"WEBPVP", "image/webp"),
    (b"FORM", 8, b"AIFF", "audio/aiff"),
    (b"RIFF", 8, b"AVI ", "video/avi"),
    (b"RIFF", 8, b"WAVE", "audio/wave"),
)
_BINARY = frozenset(range(0x20)) - frozenset(b"\t\n\x0c\r\x1b")


def detect(data: bytes) -> str:
    """The media type that the first :data:`SNIFF_LENGTH` bytes speak for; never "" ."""
    data = data[:SNIFF_LENGTH]
    body = data.lstrip(_BLANK)
    for tag in _HTML:
        rest = body[len(tag) : len(tag) + 1]
        if body[: len(tag)].upper() == tag and (rest in (b" ", b">") and rest):
            return "text/html; charset=utf-8"
    if body.startswith(b"<?xml"):
        return "text/xml; charset=utf-8"
    for magic, kind in _EXACT:
        if data.startswith(magic):
            return kind
    for magic, offset, word, kind in _BOXED:
        if data.startswith(magic) and data[offset:].startswith(word):
            return kind
    if data[34:36] == b"LP":
        return "application/vnd.ms-fontobject"
    if _is_mp4(data):
        return "video/mp4"
    return _OCTETS if not _BINARY.isdisjoint(body) else _TEXT


def _is_mp4(data: bytes) -> bool:
    size = int.from_bytes(data[:4], "big")
    if len(data) < 12 or size % 4 or len(data) < size or data[4:8] != b"ftyp":
        return False
    brands = range(8, size, 4)
    return any(data[at : at + 3] == b"mp4" for at in brands if at != 12)  # 12: minor version
