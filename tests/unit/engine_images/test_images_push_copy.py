"""Copying out of the store: what is sent, how often, and what the manifest becomes."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from polypod.engine.image_sources_store import StoreSource
from polypod.engine.progress import Lines
from polypod.engine.push import push
from polypod.engine.push_cache import BlobCache
from polypod.engine.push_copy import Copier
from polypod.engine.push_options import PushOptions
from polypod.engine.runtime import Runtime
from polypod.errors import PolypodError, StorageError, UsageError
from polypod.oci import convert, manifest
from polypod.oci.destination import COMPRESS, Destination
from polypod.oci.outgoing import OutImage, OutLayer
from polypod.testing.images import make_image, tar_of


class Memory(Destination):
    """Keeps what it gets."""

    layers = COMPRESS

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.manifests: list[tuple[bytes, str]] = []
        self.puts = 0
        self._lock = threading.Lock()

    def reuse(self, digest: str, size: int) -> bool:
        return digest in self.blobs

    def put(
        self, chunks: Callable[[], Iterable[bytes]], digest: str = "", size: int = -1
    ) -> tuple[str, int]:
        data = b"".join(chunks())
        found = "sha256:" + hashlib.sha256(data).hexdigest()
        with self._lock:
            self.puts += 1
            self.blobs[found] = data
        return found, len(data)

    def put_manifest(self, data: bytes, media_type: str, instance: bool = False) -> None:
        self.manifests.append((data, media_type))


def out_image(rt: Runtime, name: str) -> OutImage:
    image = rt.store.find_image(name)
    source = StoreSource(rt, image)
    return source.image(source.manifest())


def plain_layer(data: bytes, fail: bool = False) -> OutLayer:
    digest = "sha256:" + hashlib.sha256(data).hexdigest()

    def chunks() -> Iterable[bytes]:
        for at in range(0, len(data), 1000):
            yield data[at : at + 1000]
        if fail:
            raise StorageError(f"layer {digest}: a file is gone")

    listed = manifest.Descriptor(media_type=manifest.OCI_LAYER, digest=digest, size=len(data))
    return OutLayer(listed, chunks, plain=True, diff_id=digest, plain_size=len(data))


def image_of(layers: list[OutLayer]) -> OutImage:
    config = b'{"rootfs":{"diff_ids":[]}}'
    listed = manifest.Descriptor(
        media_type=manifest.OCI_CONFIG, digest=manifest.sha256(config), size=len(config)
    )
    data = convert.build(manifest.OCI_MANIFEST, listed, [x.listed for x in layers], {"k": "v"})
    return OutImage(data, config, layers, listed)


def copy(image: OutImage, to: Memory, cache: BlobCache | None = None, **options: object) -> bytes:
    chosen = PushOptions(**options)  # type: ignore[arg-type]
    return Copier(to, chosen, Lines(lambda _text: None), cache).image(image)


def test_a_layer_that_comes_twice_is_sent_once() -> None:
    layer, other = plain_layer(b"a" * 5000), plain_layer(b"b" * 5000)
    to = Memory()
    written = manifest.parse(copy(image_of([layer, other, layer]), to))
    assert to.puts == 3  # two layers and the config
    assert written.layers[0] == written.layers[2] != written.layers[1]
    assert written.annotations == {"k": "v"}


def test_a_second_push_sends_nothing_and_writes_the_same(rt: Runtime) -> None:
    make_image(rt, "localhost/a:1", {"f": os.urandom(5000)})
    to = Memory()
    cache = BlobCache(rt, "host/a")
    first = copy(out_image(rt, "localhost/a:1"), to, cache)
    cache.save()
    puts = to.puts
    again = BlobCache(rt, "host/b")
    assert copy(out_image(rt, "localhost/a:1"), to, again) == first
    assert to.puts == puts
    layer = manifest.parse(first).layers[0]
    diff_id = rt.store.layers()[0].diff_digest
    assert again.places(diff_id, layer.digest) == ["host/a"]


def test_a_damaged_cache_does_no_harm(rt: Runtime) -> None:
    make_image(rt, "localhost/a:1")
    os.makedirs(rt.static_dir, exist_ok=True)
    for text in ("[]", "{", '{"x":[{"digest":"../.."}]}', '{"x":7}'):
        Path(rt.static_dir, "pushed-blobs.json").write_text(text)
        cache = BlobCache(rt, "host/a")
        assert cache.known("x") == []
        copy(out_image(rt, "localhost/a:1"), Memory(), cache)
        cache.save()
        assert len(BlobCache(rt).known(rt.store.layers()[0].diff_digest)) == 1


def test_the_manifest_keeps_its_bytes_when_the_layers_are_there() -> None:
    to = Memory()
    first = copy(image_of([plain_layer(b"a" * 5000)]), to)
    layer = manifest.parse(first).layers[0]
    known = plain_layer(b"a" * 5000)
    known.listed, known.known = layer, [layer]
    image = image_of([known])
    image.manifest = image.manifest.replace(b'{"schemaVersion":2', b'{\n "schemaVersion": 2')
    assert copy(image, to) == image.manifest
    docker = copy(image, to, format="v2s2")
    assert manifest.parse(docker).media_type == manifest.DOCKER_MANIFEST
    assert manifest.parse(docker).layers[0].digest == layer.digest


def test_a_failing_layer_ends_the_others() -> None:
    to = Memory()
    layers = [plain_layer(os.urandom(9000)) for _ in range(3)]
    bad = plain_layer(b"x" * 5000, fail=True)
    with pytest.raises(PolypodError, match=bad.diff_id):
        copy(image_of([*layers, bad]), to)
    assert to.manifests == []


def test_content_that_is_not_the_layers_is_refused() -> None:
    layer = plain_layer(b"a" * 5000)
    layer.chunks = lambda: [b"something else"]
    to = Memory()
    with pytest.raises(PolypodError, match=f"layer {layer.diff_id} was changed"):
        copy(image_of([layer]), to)
    assert to.manifests == []


def test_compression_that_was_asked_for_is_what_comes_out() -> None:
    to = Memory()
    image = image_of([plain_layer(tar_of({"f": b"a" * 5000}))])
    copy(image, to)
    puts = to.puts
    data = copy(image, to, compression="zstd", force=True)
    layer = manifest.parse(data).layers[0]
    assert layer.media_type.endswith("+zstd") and to.puts == puts + 1
    chunked = manifest.parse(copy(image, to, compression="zstd:chunked", force=True)).layers[0]
    assert "io.github.containers.zstd-chunked.manifest-checksum" in chunked.annotations
    docker = manifest.parse(copy(image, to, compression="zstd", format="v2s2", force=True))
    assert docker.layers[0].media_type.endswith(".gzip")


def test_options_are_checked() -> None:
    for bad in ({"format": "x"}, {"compression": "rar"}, {"add_compression": ("rar",)},
                {"compression": "gzip", "level": 0}):  # fmt: skip
        with pytest.raises(UsageError):
            PushOptions(**bad).checked()  # type: ignore[arg-type]
    assert PushOptions(format="docker").checked().kind == manifest.DOCKER_MANIFEST


def test_push_to_a_folder_from_python(rt: Runtime, tmp_path: Path) -> None:
    make_image(rt, "localhost/a:1")
    lines: list[str] = []
    digest = push(rt, "a:1", f"oci:{tmp_path}/o:x", PushOptions(), Lines(lines.append))
    assert (tmp_path / "o/blobs/sha256" / digest[7:]).exists()
    assert lines[0] == "Getting image source signatures"
    with pytest.raises(UsageError, match="is not empty"):
        push(rt, "a:1", f"dir:{tmp_path}/o", PushOptions(), Lines(lines.append))
