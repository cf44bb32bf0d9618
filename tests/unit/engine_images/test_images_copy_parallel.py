"""Layers of one image at the same time: the same store as one after the other, and whole after errors."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

import pytest
from polypod.engine import images_layers
from polypod.engine.images_copy import copy_image
from polypod.engine.images_remove import RemoveOptions, remove_all
from polypod.engine.runtime import Runtime
from polypod.errors import HostileLayer, StorageError
from polypod.kit.fastjson import dumps
from polypod.model.image import Image, Layer
from polypod.oci import manifest
from polypod.oci.archive_image import ArchiveImage, LayerBlob
from polypod.store import Store, putlayer
from polypod.testing import storage_tar as tar
from polypod.testing.images import assert_whole
from polypod.testing.storage import tree_facts

Open = Callable[[bytes, str], IO[bytes]]


def plain(data: bytes, _diff_id: str) -> IO[bytes]:
    return io.BytesIO(data)


def image_of(archives: list[bytes], opened: Open = plain, name: str = "x") -> ArchiveImage:
    """An image whose blobs are the gzipped archives."""
    blobs = []
    for archive in archives:
        data = gzip.compress(archive, 1, mtime=0)
        diff_id = manifest.sha256(archive)
        blobs.append(
            LayerBlob(
                diff_id=diff_id,
                digest=manifest.sha256(data),
                size=len(data),
                media_type=manifest.OCI_LAYER + "+gzip",
                open=lambda data=data, diff_id=diff_id: opened(data, diff_id),  # type: ignore[misc]
            )
        )
    config = {
        "architecture": "amd64", "os": "linux", "config": {"Labels": {"name": name}},
        "rootfs": {"type": "layers", "diff_ids": [blob.diff_id for blob in blobs]},
    }  # fmt: skip
    return ArchiveImage(config=dumps(config).encode(), layers=blobs, manifest=b"", names=[])


def layers(count: int) -> list[bytes]:
    """Layers that each add a file, change one, and remove one of the layer below."""
    found = [
        tar.archive(
            tar.member("./", mode=0o751, uid=7, gid=8),
            tar.member("d"), tar.member("d/f0", b"0"), tar.member("same", b"0"),
        )
    ]  # fmt: skip
    for n in range(1, count):
        found.append(
            tar.archive(
                tar.member(f"d/f{n}", str(n).encode()),
                tar.member(f"d/.wh.f{n - 1}", b""),
                tar.member("same", str(n).encode()),
                *([tar.member("d/.wh..wh..opq", b"")] if n == 3 else []),
            )
        )
    return found


class Counter:
    """Counts who opened what, also in other processes: each opening adds a line to a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    def __call__(self, data: bytes, diff_id: str) -> IO[bytes]:
        with self.path.open("a") as file:
            file.write(diff_id + "\n")
        return io.BytesIO(data)

    def take(self) -> list[str]:
        found = sorted(self.path.read_text().split())
        self.path.write_text("")
        return found


@pytest.fixture
def counter(tmp_path: Path) -> Counter:
    return Counter(tmp_path / "opened")


@pytest.fixture
def other_thread() -> Iterator[None]:
    """A program with a thread of its own, in which nothing may be forked."""
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    yield
    done.set()
    thread.join()


def facts(rt: Runtime, image: Image) -> dict[str, object]:
    """What lies on disk for an image: each layer's files, and the view of all."""
    found: dict[str, object] = {}
    for layer in rt.store.image_layers(image):
        path = rt.storage_driver.diff_path(layer.id)
        found[layer.id] = tree_facts(path)
        top = os.stat(path)
        found[layer.id + " top"] = (top.st_mode, top.st_uid, top.st_gid)
        found[layer.id + " record"] = layer.evolve(created="").to_dict()
        found[layer.id + " tar"] = b"".join(rt.store.diff(layer))
    view = rt.store.layer_records.mount(image.top_layer, read_only=True, label="", options=())
    try:
        found["view"] = tree_facts(view)
    finally:
        rt.store.layer_records.unmount(image.top_layer, force=True)
    return found


def test_the_same_as_one_after_the_other(rt: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    image = image_of(layers(9))
    with monkeypatch.context() as patch:
        patch.setattr(putlayer, "can_stack", lambda _store: False)
        before = facts(rt, copy_image(rt, image, ["localhost/x:1"]))
    remove_all(rt, RemoveOptions())
    assert rt.store.layers() == []
    assert facts(rt, copy_image(rt, image, ["localhost/x:1"])) == before
    assert_whole(rt)


def test_threads_where_forks_are_dangerous(
    rt: Runtime, other_thread: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_fork() -> int:
        raise AssertionError("forked beside a thread")

    monkeypatch.setattr(os, "fork", no_fork)
    stored = copy_image(rt, image_of(layers(9)), ["localhost/x:1"])
    assert [*tree_paths(rt, stored)] == ["d", "d/f8", "same"]
    assert_whole(rt)


def tree_paths(rt: Runtime, image: Image) -> list[str]:
    view: dict[str, object] = facts(rt, image)["view"]  # type: ignore[assignment]
    return sorted(view)


@pytest.mark.parametrize("parallel", [1, 2, 20])
def test_any_number_of_helpers(rt: Runtime, parallel: int) -> None:
    engine = rt.settings.engine.evolve(image_parallel_copies=parallel)
    rt.settings = rt.settings.evolve(engine=engine)
    stored = copy_image(rt, image_of(layers(5)), ["localhost/x:1"])
    assert tree_paths(rt, stored) == ["d", "d/f4", "same"]
    assert_whole(rt)


def test_a_layer_that_is_there_is_not_read(rt: Runtime, counter: Counter) -> None:
    content = layers(5)
    copy_image(rt, image_of(content[:3], counter), ["localhost/below:1"])
    assert len(counter.take()) == 3
    copy_image(rt, image_of(content, counter), ["localhost/x:1"])
    assert counter.take() == sorted(map(manifest.sha256, content[3:]))
    copy_image(rt, image_of(content, counter), ["localhost/x:1"])
    assert counter.take() == []


def test_content_that_is_there_on_other_layers_is_not_read(rt: Runtime, counter: Counter) -> None:
    """The same blob twice in one image, and in an image that begins otherwise."""
    a, b, c = layers(3)
    stored = copy_image(rt, image_of([a, b, a, b, b], counter), ["localhost/x:1"])
    assert counter.take() == sorted(map(manifest.sha256, (a, b)))
    assert len(rt.store.image_layers(stored)) == 5
    other = copy_image(rt, image_of([c, b, a], counter), ["localhost/y:1"])
    assert counter.take() == [manifest.sha256(c)]
    top = rt.store.image_layers(other)[0]
    first = rt.store.image_layers(stored)[-1]
    assert (top.compressed_digest, top.compression) == (first.compressed_digest, first.compression)
    assert_whole(rt)


def test_what_is_damaged_where_it_would_be_copied_from_is_read(rt: Runtime, counter: Counter) -> None:
    a, b, c = layers(3)
    stored = copy_image(rt, image_of([a, b], counter), ["localhost/x:1"])
    counter.take()
    path = rt.storage_driver.diff_path(stored.top_layer)
    Path(path, "same").write_bytes(b"z")
    copy_image(rt, image_of([c, b], counter), ["localhost/y:1"])
    assert counter.take() == sorted(map(manifest.sha256, (b, c)))
    assert_whole(rt)


@pytest.mark.parametrize("gone", [[0], [2], [4], [1, 3], [0, 1, 2, 3, 4]])
@pytest.mark.parametrize("how", ["all", "diff", "link"])
def test_only_damaged_layers_are_read_again(
    rt: Runtime, counter: Counter, gone: list[int], how: str
) -> None:
    content = layers(5)
    image = image_of(content, counter)
    stored = copy_image(rt, image, ["localhost/x:1"])
    before = facts(rt, stored)
    counter.take()
    ids = [layer.id for layer in reversed(rt.store.image_layers(stored))]
    for n in gone:
        directory = Path(rt.storage_driver.diff_path(ids[n])).parent
        if how == "link":
            (directory / "link").unlink()
        shutil.rmtree(directory if how == "all" else directory / "diff")
    again = copy_image(rt, image, ["localhost/x:1"])
    assert counter.take() == sorted(manifest.sha256(content[n]) for n in gone)
    assert facts(rt, again) == before
    assert_whole(rt)


def breaking(bad: bytes, error: Exception) -> Open:
    def opened(data: bytes, diff_id: str) -> IO[bytes]:
        if diff_id == manifest.sha256(bad):
            raise error
        return io.BytesIO(data)

    return opened


@pytest.mark.parametrize("threaded", [False, True])
def test_one_bad_layer_leaves_nothing(
    rt: Runtime, threaded: bool, request: pytest.FixtureRequest
) -> None:
    if threaded:
        request.getfixturevalue("other_thread")
    content = layers(6)
    kept = copy_image(rt, image_of(content[:2]), ["localhost/kept:1", "localhost/x:1"])
    image = image_of(content)
    blob = image.layers[4]
    blob.open = lambda: io.BytesIO(gzip.compress(tar.archive(tar.member("other", b"x"))))
    with pytest.raises(StorageError) as caught:
        copy_image(rt, image, ["localhost/x:1"], label="localhost/x:1")
    said = str(caught.value)
    assert said.startswith(f"copying image localhost/x:1: layer {blob.digest}: the layer's content is")
    assert "\n" not in said
    assert_whole(rt)
    assert rt.store.find_image("localhost/x:1") == kept


def test_what_climbs_out_of_a_layer(rt: Runtime) -> None:
    bad = tar.archive(tar.member("../../evil", b"x"))
    with pytest.raises(HostileLayer, match="leaves the layer"):
        copy_image(rt, image_of([*layers(3), bad]), ["localhost/x:1"])
    assert rt.store.layers() == []
    assert_whole(rt)


def test_errors_keep_their_kind(rt: Runtime) -> None:
    content = layers(3)
    full = OSError(28, "No space left on device", "/store")
    with pytest.raises(StorageError, match="writing the image to /store: no space left on device"):
        copy_image(rt, image_of(content, breaking(content[1], full)), ["localhost/x:1"])
    with pytest.raises(RuntimeError, match="KeyError: 'defect'"):
        copy_image(rt, image_of(content, breaking(content[1], KeyError("defect"))), [])
    assert_whole(rt)


def test_a_helper_that_is_killed(rt: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    # Earlier tests may have left threads that end only by and by: this one must fork.
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    content = layers(3)

    def opened(data: bytes, diff_id: str) -> IO[bytes]:
        if diff_id == manifest.sha256(content[1]):
            os.kill(os.getpid(), signal.SIGKILL)
        return io.BytesIO(data)

    with pytest.raises(Exception, match="was killed; pull again"):
        copy_image(rt, image_of(content, opened), ["localhost/x:1"])
    assert_whole(rt)


def test_a_bomb(rt: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images_layers, "_FREE_SIZE", 1 << 20)
    monkeypatch.setattr(images_layers, "_RATIO", 50)
    bomb = tar.archive(tar.member("zeros", bytes(8 << 20)))
    with pytest.raises(HostileLayer, match="larger than [0-9]+ bytes"):
        copy_image(rt, image_of([*layers(2), bomb]), ["localhost/x:1"])
    assert_whole(rt)
    monkeypatch.setattr(images_layers, "_RATIO", 2000)
    assert copy_image(rt, image_of([*layers(2), bomb]), ["localhost/x:1"])


def test_no_more_processes(rt: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where forking fails threads do the work."""
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    real, forks = os.fork, []

    def fork() -> int:
        forks.append(1)
        if len(forks) > 1:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        return real()

    monkeypatch.setattr(os, "fork", fork)
    stored = copy_image(rt, image_of(layers(9)), ["localhost/x:1"])
    assert tree_paths(rt, stored) == ["d", "d/f8", "same"]
    assert len(forks) == 2
    assert_whole(rt)


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_layer_that_goes_away_under_a_copy(
    rt: Runtime, monkeypatch: pytest.MonkeyPatch, counter: Counter, times: int
) -> None:
    """Another process takes back what this one found: it starts again, but not for ever."""
    content = layers(4)
    real, left = putlayer.commit, [times]

    def commit(store: Store, batch: Sequence[putlayer.Staged]) -> list[Layer]:
        if left[0]:
            left[0] -= 1
            [below] = rt.store.images()
            rt.store.delete_image(below.id)
        return real(store, batch)

    monkeypatch.setattr(putlayer, "commit", commit)

    def below() -> None:
        patched, putlayer.commit = putlayer.commit, real
        copy_image(rt, image_of(content[:2], counter), ["localhost/below:1"])
        putlayer.commit = patched

    below()
    counter.take()
    image = image_of(content, counter)
    if times == 1:
        copy_image(rt, image, ["localhost/x:1"])
        assert len(counter.take()) == 2 + 4
    else:
        plans = images_layers.LayerCopy._planned

        def planned(self: images_layers.LayerCopy) -> object:
            monkeypatch.setattr(images_layers.LayerCopy, "_planned", plans)
            below()
            monkeypatch.setattr(images_layers.LayerCopy, "_planned", planned)
            return plans(self)

        monkeypatch.setattr(images_layers.LayerCopy, "_planned", planned)
        if times == 2:
            copy_image(rt, image, ["localhost/x:1"])
        else:
            with pytest.raises(StorageError, match="was removed meanwhile; try again"):
                copy_image(rt, image, ["localhost/x:1"])
            assert rt.store.images() == []
    assert_whole(rt)
