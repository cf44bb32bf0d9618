"""zstd:chunked blobs: plain zstd to some, files one by one to others."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
from typing import Any

import pytest
from polypod.oci import compress
from polypod.oci.tarstream_inflate import ZSTD, inflate
from polypod.oci.zstd_chunked import CHECKSUM, POSITION, TARSPLIT


def unpack(data: bytes) -> bytes:
    found: bytes = compress.zstd_module().decompress(data)
    return found


def packed(data: bytes, step: int = 1000) -> tuple[bytes, dict[str, str]]:
    annotations: dict[str, str] = {}
    pieces = (data[at : at + step] for at in range(0, len(data), step))
    blob = b"".join(compress.compressed(pieces, "zstd:chunked", None, annotations))
    assert b"".join(inflate(iter([blob]), ZSTD)) == data
    return blob, annotations


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def table(blob: bytes, annotations: dict[str, str]) -> dict[str, Any]:
    place, length, whole, kind = map(int, annotations[POSITION].split(":"))
    part = blob[place : place + length]
    assert sha256(part) == annotations[CHECKSUM]
    text = unpack(part)
    assert (len(text), kind) == (whole, 1)
    found: dict[str, Any] = json.loads(text)
    return found


def reassembled(blob: bytes, annotations: dict[str, str], toc: dict[str, Any]) -> bytes:
    place, length, whole = map(int, annotations[TARSPLIT].split(":"))
    part = blob[place : place + length]
    assert sha256(part) == toc["tarSplitDigest"]
    text = unpack(part)
    assert len(text) == whole
    files = {}
    for entry in toc["entries"]:
        content = unpack(blob[entry["offset"] : entry["endOffset"]]) if "digest" in entry else b""
        assert len(content) == (entry.get("size", 0) if entry["type"] == "reg" else 0)
        assert not content or sha256(content) == entry["digest"]
        files[entry["name"]] = content
    out = b""
    for line in map(json.loads, text.splitlines()):
        out += base64.b64decode(line["payload"]) if line["type"] == 2 else files[line["name"]]
    return out


def archive(format: int) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=format) as tar:
        for name, kind, link in (
            ("d", tarfile.DIRTYPE, ""), ("d/l", tarfile.SYMTYPE, "../x"),
            ("d/pipe", tarfile.FIFOTYPE, ""), ("d/" + "n" * 150, tarfile.REGTYPE, ""),
            ("d/empty", tarfile.REGTYPE, ""), ("d/ü", tarfile.REGTYPE, ""),
            ("d/hard", tarfile.LNKTYPE, "d/ü"),
        ):  # fmt: skip
            member = tarfile.TarInfo(name)
            member.type, member.linkname, member.mtime = kind, link, 1_600_000_000.5
            member.uid, member.mode = 7, 0o4755
            body = b"" if name.endswith("empty") or kind != tarfile.REGTYPE else name.encode() * 999
            member.size = len(body)
            if format == tarfile.PAX_FORMAT and name == "d/ü":
                member.pax_headers = {"SCHILY.xattr.user.k": "v", "atime": "1600000001.25"}
            tar.addfile(member, io.BytesIO(body))
    return target.getvalue()


@pytest.mark.parametrize("format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_table_and_split_describe_the_tar(format: int) -> None:
    data = archive(format)
    blob, annotations = packed(data)
    toc = table(blob, annotations)
    assert toc["version"] == 1
    assert reassembled(blob, annotations, toc) == data
    kinds = [entry["type"] for entry in toc["entries"]]
    assert kinds == ["dir", "symlink", "fifo", "reg", "reg", "reg", "hardlink"]
    row = toc["entries"][5]
    assert (row["mode"], row["uid"]) == (0o4755, 7)
    assert row["modtime"].startswith("2020-09-13T12:26:40")
    if format == tarfile.PAX_FORMAT:
        assert row["xattrs"] == {"user.k": "dg=="}
        assert row["accesstime"] == "2020-09-13T12:26:41.25Z"
    assert blob[-8:] == b"GNUlInUx"


def test_an_empty_archive() -> None:
    blob, annotations = packed(bytes(10240))
    toc = table(blob, annotations)
    assert toc["entries"] == []
    assert reassembled(blob, annotations, toc) == bytes(10240)


def test_what_the_table_cannot_tell_becomes_plain_zstd() -> None:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        for _ in range(2):
            member = tarfile.TarInfo("twice")
            member.size = 3
            tar.addfile(member, io.BytesIO(b"abc"))
    assert packed(target.getvalue())[1] == {}


@pytest.mark.parametrize("algorithm", ["gzip", "zstd"])
@pytest.mark.parametrize("level", [None, 1, 9])
def test_streams_are_the_same_each_time(algorithm: str, level: int | None) -> None:
    data = archive(tarfile.GNU_FORMAT)
    first, second = (
        b"".join(compress.compressed(iter([data[:700], data[700:]]), algorithm, level))
        for _ in range(2)
    )
    assert first == second
    from polypod.oci.tarstream_inflate import GZIP

    kind = GZIP if algorithm == "gzip" else ZSTD
    assert b"".join(inflate(iter([first]), kind)) == data
