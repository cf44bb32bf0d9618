"""Loads that are killed, and loads that race: the store stays whole."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from polypod.assembly import open_runtime
from polypod.engine.images_load import load_path
from polypod.engine.images_lookup import lookup
from polypod.engine.images_remove import RemoveOptions, remove_all
from polypod.engine.images_save import SaveOptions, save
from polypod.engine.runtime import Runtime
from polypod.testing.images import make_image
from polypod.testing.peers import unmount_below
from polypod.testing.program import Program

ROUNDS = 12


@pytest.fixture
def folder() -> Iterator[str]:
    path = tempfile.mkdtemp(prefix="pp")
    yield path
    unmount_below(path)
    shutil.rmtree(path)


@pytest.fixture
def archive(folder: str) -> Path:
    """A docker archive with one image of two layers, of some megabytes."""
    path = Path(folder, "a.tar")
    rt = runtime(f"{folder}/maker")
    files = {f"file{n}": os.urandom(200_000) for n in range(40)}
    make_image(rt, "big", files)
    save(rt, ["big"], str(path), SaveOptions())
    rt.close()
    return path


def runtime(folder: str) -> Runtime:
    return open_runtime(
        {"root": f"{folder}/root", "runroot": f"{folder}/run", "storage-driver": "overlay"}
    )


def loader(folder: str, archive: Path) -> subprocess.Popen[bytes]:
    return Program(folder).start("load", "-q", "-i", archive)


def whole(rt: Runtime) -> None:
    """Every image has its layers, every layer its files, and there is nothing besides."""
    images, layers = rt.store.images(), rt.store.layers()
    for image in images:
        rt.store.image_config(image)
        rt.store.image_size(image)
    assert {image.top_layer for image in images} == {layer.id for layer in layers}
    home = Path(rt.graphroot, "overlay")
    on_disk = {path.name for path in home.iterdir() if len(path.name) == 64}
    assert on_disk == {layer.id for layer in layers}
    big_data = {p.name for p in Path(rt.graphroot, "overlay-images").iterdir() if p.is_dir()}
    assert big_data == {image.id for image in images}


def test_killed_loads_leave_nothing(folder: str, archive: Path) -> None:
    started = time.monotonic()
    with loader(folder, archive) as first:
        assert first.wait() == 0, first.stderr.read() if first.stderr else b""
    duration = time.monotonic() - started
    rt = runtime(folder)
    remove_all(rt, RemoveOptions())
    for round in range(ROUNDS):
        with loader(folder, archive) as process:
            try:
                process.wait(duration * round / ROUNDS)
            except subprocess.TimeoutExpired:
                process.kill()
        # The next writer tidies up, whatever it is about.
        make_image(rt, "other", {"x": b"x"})
        load_path(rt, str(archive))
        assert lookup(rt, "big")
        whole(rt)
        remove_all(rt, RemoveOptions())
        assert rt.store.layers() == []
    rt.close()


def test_many_loads_of_one_image_at_once(folder: str, archive: Path) -> None:
    processes = [loader(folder, archive) for _ in range(6)]
    for process in processes:
        out, err = process.communicate()
        assert process.returncode == 0, err
        assert out == b"Loaded image: localhost/big:latest\n"
    rt = runtime(folder)
    assert len(rt.store.images()) == len(rt.store.layers()) == 1
    whole(rt)
    rt.close()


def test_listing_while_images_go(folder: str) -> None:
    """``images`` must not fail when images are removed under its hands."""
    rt = runtime(folder)
    for n in range(20):
        make_image(rt, f"x{n}", {"n": str(n).encode()})
    cli = Program(folder)
    removers = [
        cli.start("rmi", *[f"x{n}" for n in range(start, 20, 2)], stdout=subprocess.DEVNULL)
        for start in (0, 1)
    ]
    listings = 0
    while any(remover.poll() is None for remover in removers):
        assert cli.run("images").stderr == ""
        listings += 1
    assert [remover.wait() for remover in removers] == [0, 0]
    assert listings
    assert rt.store.images() == []
    rt.close()


@pytest.fixture
def full_disk(folder: str) -> Iterator[str]:
    """A file system of four megabytes."""
    small = f"{folder}/small"
    os.mkdir(small)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", small], check=False)
    if done.returncode:
        pytest.skip("cannot mount a tmpfs here")
    yield small  # unmounted by the folder's fixture


def test_full_disk(folder: str, archive: Path, full_disk: str) -> None:
    cli = Program(full_disk)
    message = cli.fails(125, "load", "-q", "-i", archive)
    assert message.endswith(": no space left on device")
    assert "\n" not in message
    message = cli.fails(125, "import", "-q", archive)
    assert message.startswith(f'Error: importing "{archive}": ')
    assert message.endswith(": no space left on device")
    assert cli("images", "-q") == ""
    assert [n for n in os.listdir(f"{full_disk}/root/overlay") if len(n) == 64] == []
    env = {**os.environ, "TMPDIR": full_disk}
    with open(archive, "rb") as file, subprocess.Popen(["cat"], stdin=file, stdout=-1) as cat:
        message = cli.fails(125, "load", stdin=cat.stdout, env=env)
    assert message.endswith(f"by way of {full_disk}: no space left on device")
    elsewhere = Program(f"{folder}/maker")
    message = elsewhere.fails(125, "save", "-q", "-o", f"{full_disk}/x.tar", "big")
    assert message == f"Error: saving to {full_disk}/x.tar: no space left on device"
    assert not os.path.exists(f"{full_disk}/x.tar")
