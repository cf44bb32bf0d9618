"""Manifests and blobs against Debian's docker-registry."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from polypod.errors import RegistryError, RegistryNotFound
from polypod.oci.reference import parse
from polypod.registry.client import open_destination, open_source
from polypod.testing.registry_hostile import OCI_MANIFEST, HostileRegistry, sha256

if TYPE_CHECKING:
    from polypod.registry.access import Access
    from polypod.registry.conf import Registries
    from polypod.registry.repository import Repository
    from polypod.testing.registry import Registry


@pytest.fixture
def repository(registry: Registry, access: Access, registries: Registries) -> Repository:
    name = f"{registry.host}/test/{os.urandom(4).hex()}:1"
    return open_destination(parse(name), access, registries)


def push_image(repository: Repository, tag: str = "1") -> str:
    made = HostileRegistry()
    manifest = made.add_image(tag)
    for entry in [manifest["config"], *manifest["layers"]]:
        repository.upload(entry["digest"], entry["size"], [made.blobs[entry["digest"]]])
    return repository.put_manifest(tag, *made.manifests[tag])


def test_blob_there_and_back(repository: Repository) -> None:
    data = os.urandom(3_000_000)
    digest = sha256(data)
    assert repository.has_blob(digest) is None
    repository.upload(digest, len(data), [data[:10], data[10:]])
    assert repository.has_blob(digest) == len(data)
    with repository.open_blob(digest, len(data)) as reader:
        pieces = iter(lambda: reader.read(100_000), b"")
        assert b"".join(pieces) == data
    assert repository.blob(digest, len(data)) == data
    with pytest.raises(RegistryError, match="longer than 1000 bytes"):
        repository.blob(digest, 1000)


def test_blob_from_an_offset(repository: Repository) -> None:
    data = os.urandom(100_000)
    digest = sha256(data)
    repository.upload(digest, len(data), [data])
    with repository.open_blob(digest, len(data), offset=40_000) as reader:
        assert b"".join(iter(lambda: reader.read(9999), b"")) == data[40_000:]
    with repository.open_blob(digest, len(data), offset=len(data)) as reader:
        assert reader.read(1) == b""


@pytest.mark.parametrize("piece", [0, 70_000])
def test_upload_of_a_callable(repository: Repository, piece: int) -> None:
    data = os.urandom(200_000)
    repository.upload(sha256(data), len(data), lambda start: [data[start:]], piece=piece)
    assert repository.blob(sha256(data), len(data)) == data


def test_upload_while_it_is_made(repository: Repository) -> None:
    pieces = [os.urandom(1000) for _ in range(5)]
    digest, size = repository.upload_unknown(iter(pieces))
    assert (digest, size) == (sha256(b"".join(pieces)), 5000)
    assert repository.has_blob(digest) == 5000


@pytest.mark.parametrize(
    ("size", "digest", "message"),
    [
        (3, sha256(b"abd"), "has the digest"),
        (2, sha256(b"abc"), "more than 2 bytes"),
        (4, sha256(b"abc"), "has 3 bytes, not 4"),
    ],
)
def test_upload_of_something_else(
    repository: Repository, size: int, digest: str, message: str
) -> None:
    with pytest.raises(RegistryError, match=message):
        repository.upload(digest, size, [b"abc"])
    assert repository.has_blob(digest) is None


def test_an_error_of_the_source_comes_through(repository: Repository) -> None:
    def broken(start: int) -> list[bytes]:
        raise FileNotFoundError(2, "gone", "layer")

    with pytest.raises(FileNotFoundError):
        repository.upload(sha256(b"abc"), 3, broken)


def test_empty_blob(repository: Repository) -> None:
    repository.upload(sha256(b""), 0, [])
    assert repository.blob(sha256(b""), 10) == b""


def test_mount(repository: Repository, access: Access, registries: Registries) -> None:
    data = os.urandom(1000)
    repository.upload(sha256(data), len(data), [data])
    name = repository.name.replace("/test/", "/other/")
    other = open_destination(parse(name), access, registries)
    assert other.mount_blob(sha256(data), repository.path)
    assert other.has_blob(sha256(data)) == 1000
    assert not other.mount_blob(sha256(b"nothing"), repository.path)


def test_manifest(repository: Repository, access: Access, registries: Registries) -> None:
    digest = push_image(repository)
    assert repository.manifest_digest("1") == digest
    assert repository.manifest_digest("2") == ""
    with open_source(repository.endpoint.reference, access, registries) as source:
        fetched = source.manifest()
        assert (fetched.digest, fetched.media_type) == (digest, OCI_MANIFEST)
        assert source.manifest(digest).data == fetched.data
        assert source.tags() == ["1"]
        assert source.referrers(digest) == []
    repository.delete_manifest(digest)
    assert repository.manifest_digest("1") == ""


def test_absent(registry: Registry, access: Access, registries: Registries) -> None:
    name = f"{registry.host}/test/nothing:1"
    with pytest.raises(RegistryNotFound) as caught:
        open_source(parse(name), access, registries)
    assert str(caught.value) == (
        f"initializing source docker://{name}: reading manifest 1 in "
        f"{name.removesuffix(':1')}: manifest unknown"
    )
    repository = open_destination(parse(name), access, registries)
    with pytest.raises(RegistryNotFound, match="repository name not known to registry"):
        repository.tags()
    with pytest.raises(RegistryNotFound, match="reading blob .*: blob unknown to registry"):
        repository.blob(sha256(b"x"), 10)
