"""Push and manifest lists from Python, also from asyncio."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import polypod
import pytest
from polypod.testing.images import make_image
from polypod.testing.peers import unmount_below


@pytest.fixture
def flags() -> Iterator[dict[str, str]]:
    folder = tempfile.mkdtemp(prefix="pp")
    found = {"root": f"{folder}/root", "runroot": f"{folder}/run", "storage_driver": "overlay"}
    with polypod.Engine(**found) as engine:
        make_image(engine.runtime, "localhost/a:1")
    try:
        yield found
    finally:
        unmount_below(folder)
        shutil.rmtree(folder)


def test_push_and_lists(flags: dict[str, str], tmp_path: Path) -> None:
    lines: list[str] = []
    with polypod.Engine(**flags) as engine:
        digest = engine.images.push("a:1", f"oci:{tmp_path}/o:x", report=lines.append)
        assert (tmp_path / "o/blobs/sha256" / digest[7:]).exists()
        assert lines[-1] == "Writing manifest to image destination"
        made = engine.manifests.create("l:1", ["containers-storage:a:1"], annotations={"k": "v"})
        assert engine.manifests.add("l:1", f"oci:{tmp_path}/o:x", arch="arm64") == made
        assert engine.manifests.exists("l:1") and not engine.manifests.exists("other")
        rows = engine.manifests.inspect("l:1")["manifests"]
        assert [row["platform"]["architecture"] for row in rows][1] == "arm64"
        engine.manifests.push("l:1", f"dir:{tmp_path}/d", format="oci")
        assert json.loads((tmp_path / "d/manifest.json").read_text())["annotations"] == {"k": "v"}
        engine.manifests.remove_instance("l:1", rows[1]["digest"])
        engine.manifests.remove("l:1")
        assert engine.images.exists("a:1")
        with pytest.raises(polypod.PolypodError):
            engine.manifests.remove("l:1")


def test_the_same_with_asyncio(flags: dict[str, str], tmp_path: Path) -> None:
    async def main() -> None:
        async with polypod.AsyncEngine(**flags) as engine:
            await engine.images.push("a:1", f"dir:{tmp_path}/d")
            await engine.manifests.create("l:1", ["containers-storage:a:1"])
            assert (await engine.manifests.inspect("l:1"))["manifests"]

    asyncio.run(main())
    assert (tmp_path / "d/manifest.json").exists()
