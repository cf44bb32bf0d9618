"""The shared OCI layout: concurrent writers, killed writers, damaged blobs."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from pathlib import Path

import pytest
from polypod.errors import StorageError
from polypod.oci.layout_blobs import copy_blob
from polypod.oci.layout_store import LayoutStore
from polypod.oci.manifest import OCI_MANIFEST, sha256
from polypod.oci.mimesniff import detect


def put(path: Path, name: str, *blobs: bytes) -> str:
    """Store a manifest of some blobs under a name; its digest."""
    store = LayoutStore(str(path))
    with store.stage() as staging:
        layers = [{"digest": staging.add([blob])[0], "size": len(blob)} for blob in blobs]
        with store.write() as change:
            data = json.dumps({"layers": layers, "name": name}).encode()
            digest, size = staging.add([data])
            raw = {"mediaType": OCI_MANIFEST, "digest": digest, "size": size}
            raw["annotations"] = {"org.opencontainers.image.ref.name": name}
            change.put(raw, staging)
    return digest


def remove(path: Path, name: str) -> None:
    store = LayoutStore(str(path))
    with store.write() as change:
        for entry in [entry for entry in change.entries if entry.name == name]:
            change.drop(entry)


def blobs(path: Path) -> set[str]:
    return {f"sha256:{entry}" for entry in os.listdir(path / "blobs/sha256")}


def names(path: Path) -> list[str]:
    return sorted(entry.name for entry in LayoutStore(str(path)).entries())


def test_blobs_go_with_the_last_manifest_that_needs_them(tmp_path: Path) -> None:
    a, b = put(tmp_path, "a", b"shared", b"own"), put(tmp_path, "b", b"shared")
    assert blobs(tmp_path) == {a, b, sha256(b"shared"), sha256(b"own")}
    remove(tmp_path, "a")
    assert blobs(tmp_path) == {b, sha256(b"shared")}
    again = put(tmp_path, "b", b"new")
    assert blobs(tmp_path) == {again, sha256(b"new")}
    remove(tmp_path, "b")
    assert blobs(tmp_path) == set()
    assert json.loads((tmp_path / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    assert json.loads((tmp_path / "index.json").read_text())["manifests"] == []


def test_an_error_changes_nothing(tmp_path: Path) -> None:
    digest = put(tmp_path, "a", b"x")
    store = LayoutStore(str(tmp_path))

    def fail() -> None:
        with store.stage() as staging:
            staging.add([b"y"])
            with store.write() as change:
                change.drop(change.entries[0])
                raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert names(tmp_path) == ["a"]
    assert blobs(tmp_path) == {digest, sha256(b"x")}
    assert os.listdir(tmp_path / ".polypod") == []


def _churn(path: Path, number: int) -> None:
    for turn in range(8):
        put(path, f"n{number}", b"shared", b"turn %d of %d" % (turn, number))
        put(path, "contended", b"shared", b"%d" % number)
        if turn % 2:
            remove(path, f"n{number}")
    put(path, f"n{number}", b"shared", b"last %d" % number)


def test_many_writers(tmp_path: Path) -> None:
    workers = [multiprocessing.Process(target=_churn, args=(tmp_path, n)) for n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    assert names(tmp_path) == ["contended", "n0", "n1", "n2", "n3"]
    store = LayoutStore(str(tmp_path))
    needed: set[str] = set()
    for entry in store.entries():
        needed |= {entry.digest, *(x["digest"] for x in json.loads(store.read(entry.digest))["layers"])}
    assert blobs(tmp_path) == needed


def _hang(path: Path, ready: object) -> None:
    with LayoutStore(str(path)).stage() as staging:
        staging.add([b"never used"])
        ready.set()  # type: ignore[attr-defined]
        signal.pause()


def test_what_a_killed_writer_left_is_swept(tmp_path: Path) -> None:
    ready = multiprocessing.Event()
    worker = multiprocessing.Process(target=_hang, args=(tmp_path, ready))
    worker.start()
    assert ready.wait(30)
    put(tmp_path, "a", b"x")
    assert len(os.listdir(tmp_path / ".polypod")) == 1  # it lives: its files stay
    worker.kill()
    worker.join()
    (tmp_path / ".polypod/doomed").write_text(json.dumps([sha256(b"orphan"), sha256(b"x")]))
    (tmp_path / "blobs/sha256" / sha256(b"orphan")[7:]).write_bytes(b"orphan")
    b = put(tmp_path, "b", b"y")
    assert os.listdir(tmp_path / ".polypod") == []
    assert {b, sha256(b"x"), sha256(b"y")} < blobs(tmp_path)
    assert sha256(b"orphan") not in blobs(tmp_path)


def test_a_claimed_blob_outlives_its_removal(tmp_path: Path) -> None:
    put(tmp_path, "a", b"x")
    store = LayoutStore(str(tmp_path))
    with store.stage() as staging:
        assert staging.claim(sha256(b"x"))
        assert not staging.claim(sha256(b"absent"))
        remove(tmp_path, "a")
        assert sha256(b"x") not in blobs(tmp_path)
        with store.write() as change:
            digest, size = staging.add([json.dumps({"layers": [{"digest": sha256(b"x")}]}).encode()])
            change.put({"digest": digest, "size": size}, staging)
    assert blobs(tmp_path) == {digest, sha256(b"x")}
    with store.stage() as staging:  # one inode under two names
        assert staging.claim(sha256(b"x"))
        staging.publish()
        (tmp_path / "blobs/sha256" / sha256(b"x")[7:]).write_bytes(b"z")
        assert not staging.claim(sha256(b"x"))


def test_damage_is_told(tmp_path: Path) -> None:
    digest = put(tmp_path, "a", b"x")
    store = LayoutStore(str(tmp_path))
    (tmp_path / "blobs/sha256" / digest[7:]).write_bytes(b"{}")
    with pytest.raises(StorageError, match="was changed"):
        store.read(digest)
    target = tmp_path / "out"
    target.write_bytes(b"before")
    (tmp_path / "blobs/sha256" / sha256(b"x")[7:]).write_bytes(b"y")
    with pytest.raises(StorageError, match="was changed"):
        copy_blob(store.blob(sha256(b"x")), str(target), sha256(b"x"))
    assert target.read_bytes() == b"before"
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".tmp")]
    (tmp_path / "index.json").write_text('{"manifests": [{"digest": "sha256:../../etc"}]}')
    with pytest.raises(StorageError, match="is damaged"):
        store.entries()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "text/plain; charset=utf-8"),
        (b"hello\n", "text/plain; charset=utf-8"),
        (b"a\0b", "application/octet-stream"),
        (b"  <html >", "text/html; charset=utf-8"),
        (b"<htmlx>", "text/plain; charset=utf-8"),
        (b"\n<?xml version", "text/xml; charset=utf-8"),
        (b"%PDF-1.4", "application/pdf"),
        (b"\x1f\x8b\x08\0", "application/x-gzip"),
        (b"PK\x03\x04", "application/zip"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"RIFF1234WEBPVP8", "image/webp"),
        (b"\0\0\0\x10ftypisom\0\0\0\0mp42"[:20], "application/octet-stream"),
        (b"\0\0\0\x14ftypisom\0\0\0\0mp42", "video/mp4"),
        (b"\0" * 34 + b"LP", "application/vnd.ms-fontobject"),
    ],
)
def test_media_types(data: bytes, kind: str) -> None:
    assert detect(data) == kind
