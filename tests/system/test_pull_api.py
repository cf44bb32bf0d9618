"""Pulling from Python: ``engine.images.pull``, with threads and with asyncio."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from typing import Any

import polypod
import pytest
from polypod.engine.progress import BlobProgress, Progress
from polypod.errors import NoSuchImage, RegistryError
from polypod.registry.access import Access
from polypod.testing import registry_hostile as hostile
from polypod.testing.images import assert_whole
from polypod.testing.peers import unmount_below
from polypod.testing.registry import HostileRegistry

PLAIN = Access(tls_verify=False, retry=0)


@pytest.fixture
def roots() -> Iterator[dict[str, Any]]:
    folder = tempfile.mkdtemp(prefix="pp")
    yield {"root": f"{folder}/root", "runroot": f"{folder}/run", "storage_driver": "overlay"}
    unmount_below(folder)
    shutil.rmtree(folder)


@pytest.fixture
def registry() -> Iterator[HostileRegistry]:
    with HostileRegistry() as registry:
        registry.add_image(layers=[hostile.layer({f"f{n}": b"x" * 100_000}) for n in range(4)])
        yield registry


class Recorder(Progress):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.blobs: dict[str, list[int]] = {}

    def line(self, text: str) -> None:
        self.lines.append(text)

    def blob(self, digest: str, size: int, kind: str = "blob") -> BlobProgress:
        recorder = self
        self.blobs[digest] = [size, 0, 0]

        class Blob(BlobProgress):
            def advance(self, count: int) -> None:
                recorder.blobs[digest][1] += count

            def done(self, text: str = "") -> None:
                recorder.blobs[digest][2] += 1

        return Blob()


def test_pull(roots: dict[str, Any], registry: HostileRegistry) -> None:
    name = f"{registry.host}/x"
    progress = Recorder()
    with polypod.Engine(**roots) as engine:
        [id] = engine.images.pull(name, access=PLAIN, progress=progress)
        assert engine.images.get(name).id == id
        assert engine.images.pull(name, access=PLAIN, policy="never") == [id]
        with pytest.raises(NoSuchImage):
            engine.images.pull(f"{name}:2", access=PLAIN, policy="never")
        with pytest.raises(RegistryError, match="manifest unknown"):
            engine.images.pull(f"{name}:2", access=PLAIN)
        with pytest.raises(RegistryError, match="HTTP response to HTTPS client"):
            engine.images.pull(name, access=Access(retry=0))
        assert_whole(engine.runtime)
    assert progress.lines[0] == f"Trying to pull {name}:latest..."
    assert len(progress.blobs) == 5
    assert all(done == 1 and copied <= size for size, copied, done in progress.blobs.values())


def test_many_at_once(roots: dict[str, Any], registry: HostileRegistry) -> None:
    """Coroutines that pull the same image share the work, and others do not wait for them."""
    registry.add_image("other", [hostile.layer({"other": b"y"})])
    registry.on("GET", "/blobs/", hostile.slow(0.05))

    async def work() -> list[list[str]]:
        async with polypod.AsyncEngine(**roots) as engine:
            same = [engine.images.pull(f"{registry.host}/x", access=PLAIN) for _ in range(4)]
            other = engine.images.pull(f"{registry.host}/x:other", access=PLAIN)
            return await asyncio.gather(*same, other)

    *same, other = asyncio.run(work())
    assert same == [same[0]] * 4
    assert other != same[0]
    layers = [path for path in registry.paths("GET") if "/blobs/" in path]
    configs = {data.split(b'"digest": "')[1].split(b'"')[0].decode() for data, _ in
               registry.manifests.values()}  # fmt: skip
    fetched = [path for path in layers if path.rpartition("/")[2] not in configs]
    assert len(fetched) == len(set(fetched)) == 5
    with polypod.Engine(**roots) as engine:
        assert_whole(engine.runtime)
