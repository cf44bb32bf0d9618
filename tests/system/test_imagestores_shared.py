"""One store for several engines and users: two that write, some that read, and processes that are killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from polypod.testing.imagestores import Disks, Filler
from polypod.testing.peers import need
from polypod.testing.program import Program

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
]


def archives(folder: str, count: int) -> list[str]:
    """Archives of images that share their lowest layer."""
    maker = Filler(folder, f"{folder}/making", "maker")
    maker.busybox(folder)
    found = []
    for number in range(count):
        maker.child(f"image{number}", f"dd if=/dev/urandom of=/data bs=1M count=4 2>/dev/null; echo {number} > /n")
        found.append(f"{folder}/{number}.tar")
        maker("save", "-q", "-o", found[-1], f"image{number}")
    return found


def test_a_disk_serves_two_machines(cli: Program, folder: str) -> None:
    """Another graphroot, and another path: the same name, the same images, containers of its own."""
    [tar] = archives(folder, 1)
    Filler(folder, f"{folder}/disk", "a")("load", "-q", "-i", tar)
    cli("imagestore", "attach", "--name", "usb", f"{folder}/disk")
    cli("create", "--net=none", "--name", "c", "image0", "cat", "/n")
    cli("imagestore", "detach", "usb")
    os.rename(f"{folder}/disk", f"{folder}/media")
    other = Program(f"{folder}/other")
    other("imagestore", "attach", "--name", "stick", f"{folder}/media")
    assert other("run", "--rm", "--net=none", "image0", "cat", "/n") == "0\n"
    other("imagestore", "detach", "stick")
    os.rename(f"{folder}/media", f"{folder}/mnt")
    assert cli("imagestore", "attach", f"{folder}/mnt") == "usb\n"
    assert cli("start", "-a", "c") == "0\n"


def snapshot(path: str) -> dict[str, tuple[int, int]]:
    return {
        f"{here}/{name}": (info.st_mtime_ns, info.st_ino)
        for here, _, files in os.walk(path)
        for name in files
        if (info := os.lstat(f"{here}/{name}"))
    }


def test_two_engines_fill_one_store_at_once(cli: Program, folder: str) -> None:
    tars = archives(folder, 4)
    shared = f"{folder}/shared"
    engines = [Filler(folder, shared, name) for name in ("a", "b")]
    work = [engine.cli.start("load", "-q", "-i", tar) for tar in tars for engine in engines]
    for process in work:
        assert process.communicate()[1] == b"" and process.returncode == 0
    for number, engine in enumerate([*engines, *engines]):
        assert engine("run", "--rm", "--net=none", f"image{number}", "cat", "/n") == f"{number}\n"
    cli("imagestore", "attach", shared)
    assert "shared: sound: 4 images, 5 layers" in cli("imagestore", "check")


def test_nothing_is_written_when_the_image_is_there(cli: Program, folder: str) -> None:
    [tar] = archives(folder, 1)
    shared = f"{folder}/shared"
    engine = Filler(folder, shared, "a")
    engine("load", "-q", "-i", tar)
    before = snapshot(shared)
    engine("load", "-q", "-i", tar)
    assert snapshot(shared) == before
    cli("imagestore", "attach", "--read-only", shared)
    cli("run", "--rm", "--net=none", "image0", "true")
    cli("images")
    cli("imagestore", "detach", "shared")
    assert snapshot(shared) == before


def test_a_shared_store_is_open_to_other_users(cli: Program, folder: str) -> None:
    need("setpriv")
    tars = archives(folder, 2)
    shared = f"{folder}/shared"
    Filler(folder, shared, "a")("load", "-q", "-i", tars[0])
    assert os.stat(f"{shared}/overlay-images/images.json").st_mode & 0o777 == 0o600
    cli("imagestore", "attach", "--shared", shared)
    os.chmod(folder, 0o755)
    before = os.umask(0o077)
    try:
        Filler(folder, shared, "a")("load", "-q", "-i", tars[1])
    finally:
        os.umask(before)
    user = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    seen = subprocess.run(
        [*user, "sh", "-c", f"cat {shared}/overlay-images/*/* {shared}/overlay-images/images.json"
         f" {shared}/overlay-layers/*.gz {shared}/overlay-layers/layers.json {shared}/overlay/*/diff/n"],
        capture_output=True, check=False,
    )  # fmt: skip
    assert seen.returncode == 0, seen.stderr
    assert seen.stdout.endswith(b"0\n1\n") or seen.stdout.endswith(b"1\n0\n")
    cli("run", "--rm", "--net=none", "image1", "true")
    cli("imagestore", "move", "shared", f"{folder}/elsewhere")
    assert b'"shared":true' in Path(f"{folder}/elsewhere/polypod-store.json").read_bytes()


def test_readers_see_whole_images_only(cli: Program, folder: str) -> None:
    """Who reads while others write and remove finds each image it lists in working order."""
    tars = archives(folder, 2)
    shared = f"{folder}/shared"
    engine = Filler(folder, shared, "a")
    engine("load", "-q", "-i", tars[0])
    cli("imagestore", "attach", shared)
    for _ in range(4):
        writing = engine.cli.start("load", "-q", "-i", tars[1])
        while writing.poll() is None:
            if "image1" in cli("images"):
                assert cli("run", "--rm", "--net=none", "image1", "cat", "/n") == "1\n"
            assert cli("run", "--rm", "--net=none", "image0", "cat", "/n") == "0\n"
        writing.communicate()
        assert cli("run", "--rm", "--net=none", "image1", "cat", "/n") == "1\n"
        engine("rmi", "image1")


def kill_soon(process: subprocess.Popen[bytes], chance: random.Random, most: float) -> None:
    time.sleep(chance.uniform(0.02, most))
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_a_killed_load_or_commit_leaves_a_sound_store(cli: Program, folder: str) -> None:
    tars = archives(folder, 2)
    shared = f"{folder}/shared"
    engine = Filler(folder, shared, "a")
    engine("load", "-q", "-i", tars[0])
    cli("imagestore", "attach", shared)
    cli("run", "--net=none", "--name", "c", "image0", "sh", "-c", "echo more > /more")
    chance = random.Random(11)
    for turn in range(6):
        kill_soon(engine.cli.start("load", "-q", "-i", tars[1]), chance, 0.4)
        kill_soon(cli.start("commit", "-q", "c", f"committed{turn}"), chance, 0.5)
    again = [engine.cli.start("load", "-q", "-i", tars[1]) for _ in range(3)]
    for process in again:
        assert process.communicate()[1] == b"" and process.returncode == 0
    cli("commit", "-q", "c", "committed")
    cli("rm", "c")
    assert cli("run", "--rm", "--net=none", "image1", "cat", "/n") == "1\n"
    assert "shared: sound: 2 images, 3 layers" in cli("imagestore", "check", "--repair")
    cli("imagestore", "detach", "shared")
    assert cli("run", "--rm", "--net=none", "committed", "cat", "/n", "/more") == "0\nmore\n"
    cli("rmi", "-fa")
    assert [name for name in os.listdir(f"{folder}/root/overlay") if len(name) == 64] == []


def test_a_silent_imagestore_does_not_hang_what_needs_no_image(
    cli: Program, disks: Disks, folder: str
) -> None:
    path = disks.bindfs(disks.place("behind"), "share")
    engine = Filler(folder, f"{path}/store", "a")
    engine.busybox(folder)
    engine("create", "--net=none", "--name", "c", "bb", "true")
    disks.stop(path)
    assert "c" in engine("ps", "-a", timeout=30)
    assert "does not answer" in engine.cli.fails(125, "images", timeout=30)
    assert "does not answer" in engine.cli.fails(125, "start", "c", timeout=30)
    engine("rm", "c", timeout=30)
    disks.resume(path)
    assert engine("run", "--rm", "--net=none", "bb", "echo", "hi") == "hi\n"


def test_a_reset_leaves_attached_stores_alone(cli: Program, folder: str) -> None:
    need("mkfs.erofs")
    [tar] = archives(folder, 1)
    filler = Filler(folder, f"{folder}/disk", "a")
    filler("load", "-q", "-i", tar)
    filler("imagestore", "export", "-i", "image0", f"{folder}/file.erofs")
    cli("imagestore", "attach", f"{folder}/disk")
    cli("imagestore", "attach", f"{folder}/file.erofs")
    cli("create", "--net=none", "image0", "true")
    before = snapshot(f"{folder}/disk")
    cli("system", "reset", "--force")
    assert snapshot(f"{folder}/disk") == before
    assert os.path.exists(f"{folder}/file.erofs")
    assert not os.path.exists(f"{folder}/root/polypod") and not os.path.exists(f"{folder}/run/polypod")
    assert cli("imagestore", "attach", f"{folder}/file.erofs") == "file\n"
    assert cli("run", "--rm", "--net=none", "image0", "cat", "/n") == "0\n"
