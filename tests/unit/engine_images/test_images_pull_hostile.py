"""Pulls from registries that misbehave: a clear line, nothing left behind, what was there still there."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from polypod.engine import images_layers
from polypod.engine.images_pull import PullOptions, pull
from polypod.engine.runtime import Runtime
from polypod.errors import PolypodError, RegistryError, StorageError
from polypod.registry.access import Access
from polypod.testing import registry_hostile as hostile
from polypod.testing import storage_tar as tar
from polypod.testing.images import assert_whole
from polypod.testing.registry import HostileRegistry

FAST = PullOptions(access=Access(tls_verify=False, retry=2, retry_delay=0.01, timeout=5))


@pytest.fixture
def registry() -> Iterator[HostileRegistry]:
    with HostileRegistry() as registry:
        yield registry


def packed(*members: tar.Any) -> bytes:
    return gzip.compress(tar.archive(*members), mtime=0)


def image(registry: HostileRegistry, *more: bytes, tag: str = "latest") -> dict[str, tar.Any]:
    """Two good layers, and more."""
    good = [hostile.layer({f"{tag}{n}": bytes(300_000)}) for n in range(2)]
    return registry.add_image(tag, [*good, *more])


def fails(
    rt: Runtime, registry: HostileRegistry, kind: type[PolypodError], words: str, tag: str = "latest"
) -> str:
    """Pull over an image that is there; the error, after a look at what is left."""
    name = f"{registry.host}/x:{tag}"
    before = rt.store.images()
    layers = {layer.id for layer in rt.store.layers()}
    with pytest.raises(kind, match=words) as caught:
        pull(rt, name, FAST)
    assert rt.store.images() == before
    assert {layer.id for layer in rt.store.layers()} == layers
    assert_whole(rt)
    said = str(caught.value)
    assert "\n" not in said
    assert registry.host in said
    return said


@pytest.fixture
def kept(rt: Runtime, registry: HostileRegistry) -> Runtime:
    """A store with an image of the name that is to be pulled."""
    registry.add_image("old", [hostile.layer({"old": b"x"})])
    pull(rt, f"{registry.host}/x:old", FAST)
    [stored] = rt.store.images()
    rt.store.set_names(stored.id, [f"{registry.host}/x:latest", f"{registry.host}/x:old"])
    return rt


def last(manifest: dict[str, tar.Any]) -> str:
    return str(manifest["layers"][-1]["digest"])


def test_a_layer_with_other_content(kept: Runtime, registry: HostileRegistry) -> None:
    digest = last(image(registry))
    size = len(registry.blobs[digest])
    registry.blobs[digest] = hostile.layer({"evil": b"x"})
    said = fails(kept, registry, RegistryError, "it has .* bytes where .* are expected")
    assert f"layer {digest}: reading blob {digest}" in said
    registry.blobs[digest] = bytes(size)
    fails(kept, registry, PolypodError, f"layer {digest}")


def test_a_layer_of_the_right_size_with_other_content(
    kept: Runtime, registry: HostileRegistry
) -> None:
    one, two = (gzip.compress(tar.archive(tar.member(n, b"x")), mtime=0) for n in "ab")
    two = two.ljust(len(one), b"\0")[: len(one)]
    digest = last(image(registry, one))
    registry.blobs[digest] = two
    fails(kept, registry, RegistryError, "its content has the digest sha256:")


def test_a_layer_that_is_not_the_configs(kept: Runtime, registry: HostileRegistry) -> None:
    manifest = image(registry)
    other = hostile.layer({"evil": b"x"})
    manifest["layers"][1] |= {"digest": registry.add_blob(other), "size": len(other)}
    registry.add_manifest("latest", json.dumps(manifest).encode())
    fails(kept, registry, StorageError, "the layer's content is sha256:.* but its image says")


def test_a_config_with_other_content(kept: Runtime, registry: HostileRegistry) -> None:
    manifest = image(registry)
    registry.blobs[manifest["config"]["digest"]] = b'{"rootfs": {"diff_ids": []}}'
    fails(kept, registry, RegistryError, "its content has the digest")


def test_a_config_without_end(kept: Runtime, registry: HostileRegistry) -> None:
    manifest = image(registry)
    registry.on("GET", manifest["config"]["digest"], hostile.endless())
    fails(kept, registry, RegistryError, "longer than|expected")


def test_another_manifest_than_the_digest_says(kept: Runtime, registry: HostileRegistry) -> None:
    image(registry)
    image(registry, tag="other")
    data, kind = registry.manifests["other"]
    digest = hostile.sha256(registry.manifests["latest"][0])
    registry.manifests[digest] = (data, kind)
    with pytest.raises(RegistryError, match="digest"):
        pull(kept, f"{registry.host}/x@{digest}", FAST)
    assert_whole(kept)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "parsing manifest|manifest"),
        (b"[]", "not a JSON object"),
        (b"{" * 100_000, "manifest"),
        (b'{"schemaVersion": 2, "config": 7}', "without a valid digest"),
        (b'{"schemaVersion": 2, "layers": {"a": 1}, "config": 7}', "without a valid digest"),
        (json.dumps({"schemaVersion": 2, "mediaType": "x/y"}).encode(), "unsupported manifest type"),
        (json.dumps({"schemaVersion": 1, "name": "x"}).encode(), "schema 1.*skopeo copy"),
    ],
)
def test_manifests_of_no_sense(
    kept: Runtime, registry: HostileRegistry, data: bytes, words: str
) -> None:
    registry.add_manifest("latest", data)
    fails(kept, registry, PolypodError, words)


def test_an_index_that_lists_itself_for_ever(kept: Runtime, registry: HostileRegistry) -> None:
    kind = "application/vnd.oci.image.index.v1+json"
    inner = registry.add_manifest("0", b'{"schemaVersion": 2, "manifests": []}', kind)
    for depth in range(10):
        entry = {"mediaType": kind, "digest": inner, "size": 1}
        document = {"schemaVersion": 2, "mediaType": kind, "manifests": [entry], "depth": depth}
        inner = registry.add_manifest("latest", json.dumps(document).encode(), kind)
    fails(kept, registry, PolypodError, "lists other manifests")


def test_truncated_bodies_are_resumed(kept: Runtime, registry: HostileRegistry) -> None:
    big = gzip.compress(tar.archive(tar.member("noise", bytes(range(256)) * 20_000)), 1, mtime=0)
    digest = last(image(registry, big))
    registry.on("GET", digest, hostile.truncate(len(big) // 5), times=4)
    pull(kept, f"{registry.host}/x", FAST.evolve(access=FAST.access.evolve(retry=4)))
    ranges = [headers.get("Range") for _, path, headers in registry.requests if digest in path]
    assert ranges == [None, *[f"bytes={len(big) // 5 * n}-" for n in (1, 2, 3, 4)]]
    assert_whole(kept)


def test_a_body_that_breaks_off_each_time(kept: Runtime, registry: HostileRegistry) -> None:
    digest = last(image(registry))
    registry.on("GET", digest, hostile.truncate(0))
    fails(kept, registry, RegistryError, f"layer {digest}: reading blob")
    assert len([path for path in registry.paths("GET") if digest in path]) == 3


@pytest.mark.parametrize("code", [500, 503, 429])
def test_server_errors_that_pass(kept: Runtime, registry: HostileRegistry, code: int) -> None:
    image(registry)
    registry.on("GET", "/blobs/", hostile.status(code), times=2)
    registry.on("GET", "/manifests/", hostile.status(code), times=1)
    pull(kept, f"{registry.host}/x", FAST)
    assert_whole(kept)


@pytest.mark.parametrize("code", [500, 401, 403, 404, 418])
def test_server_errors_that_stay(kept: Runtime, registry: HostileRegistry, code: int) -> None:
    digest = last(image(registry))
    registry.on("GET", digest, hostile.status(code))
    fails(kept, registry, RegistryError, f"layer {digest}: ")


def test_redirects_in_a_circle(kept: Runtime, registry: HostileRegistry) -> None:
    digest = last(image(registry))
    registry.on("GET", digest, hostile.redirect_loop)
    fails(kept, registry, RegistryError, "redirects in a loop|10 redirects")


def test_a_layer_without_end(kept: Runtime, registry: HostileRegistry) -> None:
    digest = last(image(registry))
    registry.on("GET", digest, hostile.endless())
    fails(kept, registry, PolypodError, f"layer {digest}: ")


def test_a_bomb(
    kept: Runtime, registry: HostileRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What expands without measure is stopped; a ratio that real layers have is not."""
    monkeypatch.setattr(images_layers, "_FREE_SIZE", 1 << 20)
    bomb = packed(tar.member("zeros", bytes(64 << 20)))
    digest = last(image(registry, bomb))
    fails(kept, registry, StorageError, f"layer {digest}: the layer is larger than")
    dice = random.Random(1)
    pages = b"".join(bytes(4000) + dice.randbytes(20) for _ in range(4000))
    good = packed(tar.member("pages", pages))
    assert len(pages) > 80 * len(good)
    image(registry, good)
    pull(kept, f"{registry.host}/x", FAST)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ([tar.member("../up", b"x")], "leaves the layer"),
        ([tar.member("/etc/passwd", b"x")], "absolute name"),
        ([tar.symlink("a", "/"), tar.member("a/../../x", b"x")], "leaves the layer"),
        ([tar.symlink("a", "../../.."), tar.member("a/x", b"x")], "leaves the layer"),
        ([tar.hardlink("a", "../../etc/passwd")], "out of the layer"),
        ([tar.hardlink("a", "/etc/passwd")], "absolute name"),
    ],
)
def test_paths_that_escape(
    kept: Runtime, registry: HostileRegistry, members: list[tar.Any], words: str, tmp_path: Path
) -> None:
    digest = last(image(registry, packed(*members)))
    fails(kept, registry, StorageError, f"layer {digest}: .*{words}")


def test_no_tar_at_all(kept: Runtime, registry: HostileRegistry) -> None:
    image(registry, gzip.compress(b"hello" * 1000))
    fails(kept, registry, StorageError, "not a tar archive")


def test_a_stream_that_is_damaged_though_its_digest_is_right(
    kept: Runtime, registry: HostileRegistry
) -> None:
    manifest = image(registry)
    data = bytearray(registry.blobs[last(manifest)])
    data[len(data) // 2 :] = b"x" * (len(data) - len(data) // 2)
    manifest["layers"][1] |= {"digest": registry.add_blob(bytes(data)), "size": len(data)}
    registry.add_manifest("latest", json.dumps(manifest).encode())
    fails(kept, registry, StorageError, "gzip stream is damaged|ends too early")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("application/vnd.cncf.helm.config.v1+json", "is an artifact of type.*artifact pull"),
        ("application/vnd.oci.empty.v1+json", "is an artifact of type"),
    ],
)
def test_artifacts(kept: Runtime, registry: HostileRegistry, kind: str, words: str) -> None:
    manifest = image(registry)
    manifest["config"]["mediaType"] = kind
    registry.add_manifest("latest", json.dumps(manifest).encode())
    fails(kept, registry, PolypodError, words)


def test_encrypted_layers(kept: Runtime, registry: HostileRegistry) -> None:
    manifest = image(registry)
    manifest["layers"][0]["mediaType"] += "+encrypted"
    registry.add_manifest("latest", json.dumps(manifest).encode())
    fails(kept, registry, PolypodError, "is encrypted.*skopeo")
    with pytest.raises(PolypodError, match="--decryption-key key.pem: encrypted images are not"):
        pull(kept, f"{registry.host}/x", FAST.evolve(decryption_keys=("key.pem",)))


def foreign(registry: HostileRegistry, urls: list[str]) -> tuple[str, bytes]:
    """An image with one layer that other servers have; its digest and content."""
    data = hostile.layer({"foreign": bytes(100_000)})
    manifest = image(registry, data)
    manifest["layers"][-1] |= {
        "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "urls": urls,
    }  # fmt: skip
    registry.add_manifest("latest", json.dumps(manifest).encode())
    return last(manifest), data


def test_foreign_layers(kept: Runtime, registry: HostileRegistry) -> None:
    with HostileRegistry() as other:
        other.on("GET", "/files/layer", lambda request: request.answer(200, data))
        urls = ["ftp://127.0.0.1/x", f"{other.url}/nope", f"{other.url}/files/layer"]
        digest, data = foreign(registry, urls)
        del registry.blobs[digest]
        pull(kept, f"{registry.host}/x", FAST)
        assert other.paths() == ["/nope", "/files/layer"]
        assert digest not in " ".join(registry.paths())
        assert all("Authorization" not in headers for _, _, headers in other.requests)
    assert_whole(kept)


def test_foreign_layers_that_the_registry_has_after_all(
    kept: Runtime, registry: HostileRegistry
) -> None:
    foreign(registry, ["http://127.0.0.1:9/x"])
    pull(kept, f"{registry.host}/x", FAST)
    assert_whole(kept)


@pytest.mark.parametrize("extra", [b"more", b""])
def test_foreign_layers_that_are_others(
    kept: Runtime, registry: HostileRegistry, extra: bytes
) -> None:
    with HostileRegistry() as other:
        digest, data = foreign(registry, [f"{other.url}/layer"])
        sent = data + extra if extra else bytes(len(data))
        other.on("GET", "/layer", lambda request: request.answer(200, sent))
        fails(kept, registry, PolypodError, f"layer {digest}")


def test_the_disk_fills(rt: Runtime, registry: HostileRegistry) -> None:
    """A store on a small file system: a clear line, and room again afterwards."""
    from polypod.kit import mounts

    Path(rt.graphroot).mkdir(parents=True, exist_ok=True)
    mounts.mount("tmpfs", rt.graphroot, "tmpfs", 0, "size=4m")
    image(registry)
    pull(rt, f"{registry.host}/x", FAST)
    image(registry, hostile.layer({"big": bytes(8 << 20)}), tag="big")
    said = fails(rt, registry, StorageError, "no space left on device", tag="big")
    assert rt.graphroot in said
    assert rt.store.find_image(f"{registry.host}/x")
