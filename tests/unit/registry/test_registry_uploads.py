"""Uploads that break off, are refused or make no progress."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from polypod.errors import RegistryError, RegistryNotFound
from polypod.testing import registry_hostile as hostility
from polypod.testing.registry_hostile import HostileRegistry, sha256

if TYPE_CHECKING:

    from polypod.registry.repository import Repository

DATA = os.urandom(300_000)
DIGEST = sha256(DATA)


def test_an_upload_is_not_accepted(hostile: HostileRegistry, repository: Repository) -> None:
    with pytest.raises(RegistryNotFound, match="initiating layer upload"):
        repository.upload(DIGEST, len(DATA), [DATA])


class Uploads:
    """The server's side of uploads, with faults: after how many bytes it breaks off, each time."""

    def __init__(self, hostile: HostileRegistry, breaks: list[int], limit: int = 0) -> None:
        self.data = bytearray()
        self.breaks = breaks
        self.limit = limit
        self.patches = 0
        hostile.on("POST", "/blobs/uploads/", self.start)
        hostile.on("GET", "/uploads/", self.where)
        hostile.on("PATCH", "/uploads/", self.patch)
        hostile.on("PUT", "/uploads/", self.end)

    def start(self, request: hostility.Request) -> None:
        self.data.clear()
        request.answer(
            202, b"", {"Location": "/v2/a/b/blobs/uploads/1?s=x", "OCI-Chunk-Min-Length": "90000"}
        )

    def where(self, request: hostility.Request) -> None:
        request.answer(204, b"", {"Range": f"0-{max(len(self.data) - 1, 0)}"})

    def patch(self, request: hostility.Request) -> None:
        self.patches += 1
        if self.limit and len(request.body) > self.limit:
            return request.error(413, "TOO_LARGE")
        if self.breaks:
            self.data += request.body[: self.breaks.pop(0)]
            return request.drop()
        self.data += request.body
        return request.answer(202, b"", {"Location": "/v2/a/b/blobs/uploads/1?s=y"})

    def end(self, request: hostility.Request) -> None:
        assert f"digest={DIGEST.replace(':', '%3A')}" in request.path
        assert bytes(self.data) == DATA
        request.answer(201, b"", {"Docker-Content-Digest": DIGEST})


def chunks(start: int) -> list[bytes]:
    return [DATA[at : at + 50_000] for at in range(start, len(DATA), 50_000)]


def test_a_broken_upload_is_continued(hostile: HostileRegistry, repository: Repository) -> None:
    uploads = Uploads(hostile, [100_000, 0, 70_001])
    starts: list[int] = []

    def source(start: int) -> list[bytes]:
        starts.append(start)
        return chunks(start)

    repository.upload(DIGEST, len(DATA), source)
    assert starts == [0, 100_000, 100_000, 170_001]
    assert uploads.patches == 4


def test_an_upload_that_makes_no_progress(
    hostile: HostileRegistry, repository: Repository
) -> None:
    uploads = Uploads(hostile, [1] * 50)
    with pytest.raises(RegistryError, match=f"uploading blob {DIGEST} to .*: "):
        repository.upload(DIGEST, len(DATA), chunks)
    assert uploads.patches == 4


def test_a_broken_upload_of_bytes_that_are_gone(
    hostile: HostileRegistry, repository: Repository
) -> None:
    Uploads(hostile, [100_000])
    with pytest.raises(RegistryError, match=f"uploading blob {DIGEST} to .*: "):
        repository.upload(DIGEST, len(DATA), iter(chunks(0)))


def test_chunks_where_the_whole_is_too_long(
    hostile: HostileRegistry, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("polypod.registry.upload.PIECE", 100_000)
    uploads = Uploads(hostile, [], limit=200_000)
    repository.upload(DIGEST, len(DATA), chunks)
    assert uploads.patches == 4


def test_the_least_length_of_chunks(hostile: HostileRegistry, repository: Repository) -> None:
    uploads = Uploads(hostile, [])
    repository.upload(DIGEST, len(DATA), chunks, piece=10_000)
    assert uploads.patches == 3  # of 100,000 bytes: two of 50,000 reach the 90,000 asked for
