"""``system reset`` takes what is the engine's, and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from polypod.testing.box import IMAGE, CliBox
from polypod.testing.peers import unmount_below


class Box(CliBox):
    """A box whose store is gone when it is left."""

    def __exit__(self, *_exc: object) -> None:
        unmount_below(self.folder)
        shutil.rmtree(self.folder)


@pytest.fixture
def box() -> Iterator[Box]:
    with Box() as box:
        yield box


def test_everything_of_the_engine_goes(box: Box, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    box("artifact", "add", "localhost/a", file)
    flags = ("-d", "--network", "none", "-v", "vol:/v", "-v", "/anonymous")
    box("run", *flags, "--name", "one", IMAGE, "sleep", "1000")
    box("create", "--network", "container:one", "--name", "two", IMAGE)
    box("image", "mount", IMAGE)
    keep = Path(box.folder, "root", "not-ours")
    keep.mkdir()
    (keep / "overlay").write_text("mine")
    pids = box.processes()
    assert pids
    done = box.run("system", "reset", "--force")
    assert (done.stdout, done.stderr) == ("", "")
    assert os.listdir(f"{box.folder}/root") == ["not-ours"]
    assert (keep / "overlay").read_text() == "mine"
    assert not os.path.exists(f"{box.folder}/run")
    assert box.processes() == {}
    with open("/proc/mounts", encoding="utf-8") as mounts:
        assert box.folder + "/" not in mounts.read()
    assert box("images", "-n") == box("ps", "-aq") == box("volume", "ls", "-q") == ""
    assert box("artifact", "ls", "-n") == ""
    assert Path(f"{box.folder}/box.tar").exists()


def test_what_is_only_called_like_a_store_stays_and_so_do_mounts_in_it(box: Box) -> None:
    root = Path(box.folder, "root")
    for name in ("holiday", "holiday-images", "my-layers", "-images"):
        (root / name).mkdir()
        (root / name / "photo").write_text("mine")
    disk = root / "holiday/disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", disk], check=True)
    (disk / "photo").write_text("mine")
    box("system", "reset", "--force")
    assert sorted(os.listdir(root)) == ["-images", "holiday", "holiday-images", "my-layers"]
    assert (disk / "photo").read_text() == "mine"
    assert all((root / name / "photo").exists() for name in os.listdir(root))


def test_it_asks(box: Box) -> None:
    said = box.run("system", "reset", input="n\n").stdout
    assert said.startswith("WARNING! This will remove:\n        - all containers\n")
    assert f'        - the graphRoot directory: "{box.folder}/root"\n' in said
    assert said.endswith("Are you sure you want to continue? [y/N] ")
    assert "use --force" in box.fails(125, "system", "reset")
    assert IMAGE in box("images", "--format", "{{.Repository}}:{{.Tag}}")
    box.run("system", "reset", input="Y\n")
    assert box("images", "-q") == ""


@pytest.mark.parametrize("item", ["manifest", "config"])
@pytest.mark.parametrize(
    "words", ["rmi -f ID", "rmi -f localhost/bad:test", "rmi -f -a", "image prune -a -f", "system reset -f"]
)
def test_damaged_images_can_be_listed_named_and_removed(item: str, words: str) -> None:
    """What 330-corrupt-images.bats does, with an image that is made here."""
    with Box(driver="vfs") as box:
        box("tag", IMAGE, "localhost/bad:test")
        box("untag", IMAGE, IMAGE)
        id = box.inspect("localhost/bad:test")["Id"]
        folder = f"{box.folder}/root/vfs-images/{id}"
        names = [n for n in os.listdir(folder) if (n == "manifest") == (item == "manifest")]
        for name in names if item == "manifest" else [n for n in names if n.startswith("=c2hh")]:
            os.unlink(f"{folder}/{name}")
        assert json.loads(box("images", "--format", "json"))[0]["Names"] == ["localhost/bad:test"]
        assert "image data item is missing" in box.run("system", "check", code=125).stdout
        box(*words.replace("ID", id).split())
        assert box("images", "-a", "--noheading") == ""
        assert not os.path.exists(folder)


def test_a_damaged_state_is_no_hindrance(box: Box) -> None:
    box("create", "--name", "one", "--network", "none", IMAGE)
    state = subprocess.run(
        ["find", f"{box.folder}/root/polypod", "-name", "state.*", "-type", "f"],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    for path in state:
        with open(path, "r+b") as file:
            file.write(b"\0" * 64)
    done = subprocess.run([*box.command, "system", "reset", "-f"], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 125), done.stderr
    assert "Traceback" not in done.stderr
    assert not os.path.exists(f"{box.folder}/root/overlay-images")
    assert box("ps", "-aq") == ""
