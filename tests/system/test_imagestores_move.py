"""Moving image stores: renamed or copied, killed and repeated; checking and mending them."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from polypod.testing.imagestores import Disks, Filler
from polypod.testing.program import Program

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
]

CHANGES = "rm /bin/ls; mkdir -p /d; echo deep > /d/a; rm -rf /tmp; mkdir /tmp; echo new > /tmp/t"


@pytest.fixture
def store(cli: Program, folder: str) -> str:
    """An attached store named usb, and a container c made from it that has ended."""
    path = f"{folder}/store"
    filler = Filler(folder, path)
    filler.busybox(folder)
    filler.child("child", CHANGES)
    cli("imagestore", "attach", "--name", "usb", path)
    cli("run", "--net=none", "--name", "c", "child", "sh", "-c", "cat /d/a; test -e /bin/ls || echo gone")
    return path


def works(cli: Program) -> None:
    """The container that was made before starts, and so does a new one."""
    assert cli("start", "-a", "c").split() == ["deep", "gone"]
    shown = cli("run", "--rm", "--net=none", "child", "sh", "-c", "cat /d/a; echo /tmp/*")
    assert shown.split() == ["deep", "/tmp/t"]


def path_of(cli: Program) -> str:
    [row] = json.loads(cli("imagestore", "ls", "--format", "json"))
    return str(row["Path"])


def test_a_move_on_one_file_system_is_a_rename(cli: Program, store: str, folder: str) -> None:
    inode = os.stat(store).st_ino
    assert cli("imagestore", "move", "usb", f"{folder}/elsewhere") == "usb\n"
    assert os.stat(f"{folder}/elsewhere").st_ino == inode
    assert not os.path.exists(store)
    assert path_of(cli) == f"{folder}/elsewhere"
    works(cli)


@pytest.mark.parametrize("kind", ["tmpfs", "ext4"])
def test_a_move_to_another_file_system_is_a_copy(
    cli: Program, disks: Disks, store: str, kind: str
) -> None:
    place = disks.tmpfs("disk") if kind == "tmpfs" else disks.loop("disk", kind)
    cli("imagestore", "move", "usb", place)
    assert not os.path.exists(store)
    assert path_of(cli) == place
    works(cli)
    assert "usb: sound: 2 images, 2 layers" in cli("imagestore", "check")
    cli("imagestore", "move", "usb", store)  # and back; the mount point stays, empty
    assert [name for name in os.listdir(place) if name != "lost+found"] == []
    works(cli)


def test_a_move_is_refused_while_the_store_is_in_use(cli: Program, store: str, folder: str) -> None:
    cli("run", "-d", "--net=none", "--name", "busy", "--stop-signal", "KILL", "child", "sleep", "1000")
    assert "in use by running container(s) busy" in cli.fails(2, "imagestore", "move", "usb", f"{folder}/x")
    cli("rm", "-f", "-t", "0", "busy")
    os.makedirs(f"{folder}/full/of")
    assert "is not empty" in cli.fails(125, "imagestore", "move", "usb", f"{folder}/full")
    assert "the path is empty" in cli.fails(125, "imagestore", "move", "usb", "")
    assert "into itself" in cli.fails(125, "imagestore", "move", "usb", f"{store}/below")
    assert "does not exist" in cli.fails(125, "imagestore", "move", "usb", f"{folder}/no/where")
    works(cli)


def test_an_exported_file_is_moved(cli: Program, disks: Disks, store: str, folder: str) -> None:
    cli("imagestore", "export", "usb", f"{folder}/usb.erofs")
    cli("imagestore", "detach", "usb")
    cli("imagestore", "attach", "--name", "file", f"{folder}/usb.erofs")
    place = disks.tmpfs("disk")
    cli("imagestore", "move", "file", place)
    assert os.listdir(place) == ["usb.erofs"] and not os.path.exists(f"{folder}/usb.erofs")
    assert cli("run", "--rm", "--net=none", "child", "cat", "/d/a") == "deep\n"


def test_a_killed_move_is_completed_by_the_next(
    cli: Program, disks: Disks, store: str, folder: str
) -> None:
    place = disks.tmpfs("disk")
    chance = random.Random(7)
    for turn in range(8):
        source, target = (store, place) if path_of(cli) == store else (place, store)
        process = cli.start("imagestore", "move", "usb", target, stdout=subprocess.DEVNULL)
        time.sleep(chance.uniform(0.02, 0.25))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        works(cli)
        cli("imagestore", "move", "usb", target)
        assert path_of(cli) == target, turn
        assert not os.path.exists(f"{source}/polypod-store.json")
        works(cli)
        assert "sound" in cli("imagestore", "check", "usb")


def test_what_lies_at_the_old_place_by_now_stays(
    cli: Program, disks: Disks, store: str, folder: str
) -> None:
    """The disk that a store was moved off may hold something else when the rest is cleared away."""
    cli("imagestore", "move", "usb", disks.tmpfs("disk"))
    other = disks.place("other")
    Path(other, "photo").write_text("mine")
    record = Path(f"{folder}/root/polypod/imagestores/usb.json")
    document = json.loads(record.read_text())
    record.write_text(json.dumps({**document, "obsolete": other}))
    cli("imagestore", "check", "--repair", "usb")
    assert Path(other, "photo").read_text() == "mine"
    assert not json.loads(record.read_text())["obsolete"]
    works(cli)


def test_a_rename_that_nobody_wrote_down_is_noticed(cli: Program, store: str, folder: str) -> None:
    record = Path(f"{folder}/root/polypod/imagestores/usb.json")
    document = json.loads(record.read_text())
    document["moving_to"] = f"{folder}/new"
    record.write_text(json.dumps(document))
    os.rename(store, f"{folder}/new")
    works(cli)
    cli("imagestore", "move", "usb", f"{folder}/new")
    assert json.loads(record.read_text())["path"] == f"{folder}/new"
    assert not json.loads(record.read_text())["moving_to"]


@pytest.fixture
def archive(store: str, folder: str) -> str:
    """An image ``big`` on ``child``, which the store does not have (any more)."""
    filler = Filler(folder, store)
    filler.child("big", "dd if=/dev/urandom of=/big bs=1M count=48 2>/dev/null", "child")
    filler("save", "-q", "-o", f"{folder}/big.tar", "big")
    filler("rmi", "big")
    return f"{folder}/big.tar"


def until(condition: Callable[[], object], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        if process.poll() is not None:
            return


def big_is_there(cli: Program, store: str, folder: str, archive: str, loaded: bool) -> None:
    """The store is sound, and has the image, if need be after one more load."""
    assert "sound" in cli("imagestore", "check")
    works(cli)
    if not loaded:
        Filler(folder, store)("load", "-q", "-i", archive)
    assert cli("run", "--rm", "--net=none", "big", "stat", "-c", "%s", "/big") == f"{48 << 20}\n"


def test_a_store_that_is_being_loaded_into_does_not_move(
    cli: Program, disks: Disks, store: str, folder: str, archive: str
) -> None:
    place = disks.tmpfs("disk")
    notes = f"{store}/overlay-layers/polypod-pending"
    loading = Filler(folder, store).cli.start("load", "-q", "-i", archive)
    until(lambda: os.path.isdir(notes) and os.listdir(notes), loading)
    moving = cli.start("imagestore", "move", "usb", place)
    error = moving.communicate()[1].decode()
    assert loading.communicate()[1] == b"" and loading.returncode == 0
    if moving.returncode:
        assert "is being written to" in error
        cli("imagestore", "move", "usb", place)
    big_is_there(cli, place, folder, archive, True)


def test_nobody_loads_into_a_store_that_moves(
    cli: Program, disks: Disks, store: str, folder: str, archive: str
) -> None:
    place = disks.tmpfs("disk")
    moving = cli.start("imagestore", "move", "usb", place)
    until(lambda: os.path.exists(f"{place}/polypod-moving.json"), moving)
    loading = Filler(folder, store).cli.start("load", "-q", "-i", archive)
    errors = [process.communicate()[1].decode() for process in (moving, loading)]
    assert moving.returncode == 0, errors
    assert "Traceback" not in errors[1]
    there = cli("images", "-q", "big") != ""
    big_is_there(cli, place, folder, archive, there)


def waited_for(path: str) -> bool:
    """Whether a process waits for the lock on a file."""
    inode = f":{os.stat(path).st_ino}"
    lines = Path("/proc/locks").read_text().splitlines()
    return any("->" in line and inode in line for line in lines)


def test_who_waits_for_a_store_that_moves_loses_nothing(
    cli: Program, disks: Disks, store: str, folder: str, archive: str
) -> None:
    place = disks.tmpfs("disk")
    moving = cli.start("imagestore", "move", "usb", place)
    until(lambda: os.path.exists(f"{place}/polypod-moving.json"), moving)
    moving.send_signal(signal.SIGSTOP)  # it holds the locks
    loading = Filler(folder, store).cli.start("load", "-q", "-i", archive)
    lock = f"{store}/overlay-layers/layers.lock"
    until(lambda: waited_for(lock), loading)
    assert loading.poll() is None
    moving.send_signal(signal.SIGCONT)
    errors = [process.communicate()[1].decode() for process in (moving, loading)]
    assert moving.returncode == 0, errors
    if loading.returncode == 0:
        assert Filler(folder, store)("images", "-q", "big") or cli("images", "-q", "big")
    else:
        # The lock tells it that the store has moved, or its own files that are gone, if it sees that first.
        assert errors[1].count("\n") == 1 and errors[1].startswith("Error: "), errors[1]
        assert "was moved" in errors[1] or "no such file" in errors[1], errors[1]
    big_is_there(cli, place, folder, archive, cli("images", "-q", "big") != "")


def test_nobody_writes_to_the_old_place_of_a_store(cli: Program, store: str, folder: str, archive: str) -> None:
    """A move that was killed, or that containers hold up, leaves it there for a while."""
    os.rename(f"{store}/polypod-store.json", f"{store}/polypod-moved.json")
    error = Filler(folder, store).cli.fails(125, "load", "-q", "-i", archive)
    assert f"{store} is the old place of an image store that was moved" in error
    os.rename(f"{store}/polypod-moved.json", f"{store}/polypod-store.json")
    Filler(folder, store)("load", "-q", "-i", archive)


def test_a_load_into_another_store_does_not_mind(
    cli: Program, disks: Disks, store: str, folder: str, archive: str
) -> None:
    place = disks.tmpfs("disk")
    moving = cli.start("imagestore", "move", "usb", place)
    cli("load", "-q", "-i", archive)
    assert moving.communicate()[1] == b"" and moving.returncode == 0
    cli("imagestore", "detach", "usb")
    assert cli("run", "--rm", "--net=none", "big", "cat", "/d/a") == "deep\n"


def test_check_does_not_call_an_absent_store_damaged(cli: Program, store: str) -> None:
    os.rename(store, f"{store}-elsewhere")
    done = cli.run("imagestore", "check", "usb", code=125)
    assert "usb" in done.stdout
    assert done.stderr.endswith("Error: 1 image store(s) not checked: not there\n")
    assert "damage" not in done.stderr


def test_check_names_what_is_damaged_and_mends_it(cli: Program, store: str) -> None:
    assert cli("imagestore", "check") == "usb: sound: 2 images, 2 layers\n"
    home = Path(store, "overlay")
    shutil.rmtree(home / "l")
    os.mkdir(home / "l")
    done = cli.run("imagestore", "check", code=125)
    assert "its link is missing" in done.stdout
    shutil.rmtree(home / "l")
    works(cli)  # the layers are found without links
    assert "[repaired]" in cli("imagestore", "check", "--repair")
    assert cli("imagestore", "check") == "usb: sound: 2 images, 2 layers\n"
    [top] = [path for path in home.iterdir() if (path / "diff/d/a").exists()]
    (top / "diff/d/a").write_text("evil\n")
    done = cli.run("imagestore", "check", code=125)
    assert top.name in done.stdout
    done = cli.run("imagestore", "check", "--repair", code=125)
    assert "needed by container(s) c" in done.stdout
    cli("rm", "c")
    assert "[repaired]" in cli("imagestore", "check", "--repair")
    assert cli("imagestore", "check") == "usb: sound: 1 images, 1 layers\n"
    assert cli("images", "-q", "child") == ""


def test_a_configured_imagestore_moves_by_hand(folder: str) -> None:
    """No path of it is kept anywhere: the containers of the graphroot go on at the new one."""
    engine = Filler(folder, f"{folder}/images")
    engine.busybox(folder)
    engine.child("child", CHANGES)
    engine("create", "--net=none", "--name", "c", "child", "cat", "/d/a")
    assert engine("start", "-a", "c") == "deep\n"
    os.rename(f"{folder}/images", f"{folder}/elsewhere")
    moved = Filler(folder, f"{folder}/elsewhere")
    assert moved("start", "-a", "c") == "deep\n"
    moved("rm", "c")
    moved("rmi", "child")
