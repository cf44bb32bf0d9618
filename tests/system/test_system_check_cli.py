"""``system check`` finds and mends what containers/storage's check does, and accuses nobody innocent."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from polypod.testing.box import IMAGE, CliBox
from polypod.testing.imagestores import Filler
from polypod.testing.peers import Podman


@pytest.fixture
def box() -> Iterator[CliBox]:
    with CliBox() as box:
        yield box


class Damage:
    """podman-testing on a box's store, and an image to be damaged with a container on it."""

    def __init__(self, box: CliBox, folder: Path) -> None:
        self.box, self.folder = box, folder
        self.layer = self("create-layer")
        self("populate-layer", "--layer", self.layer, "--file", self.tar({"file1": b"one", "d/x": b"x"}))
        self.image = self("create-image", "--layer", self.layer)
        config = folder / "config.json"
        config.write_text('{"config":{},"rootfs":{"type":"layers","diff_ids":[]}}')
        manifest = folder / "manifest"
        document = {"schemaVersion": 2, "layers": [], "config": {"digest": f"sha256:{self.image}"}}
        manifest.write_text(json.dumps(document))
        self("create-image-data", "-i", self.image, "-k", f"sha256:{self.image}", "-f", config)
        self("create-image-data", "-i", self.image, "-k", "manifest", "-f", manifest)
        self.container = box("create", self.image).strip()

    def __call__(self, *words: object) -> str:
        roots = f"{self.box.folder}/root:{self.box.folder}/run"
        command = [sys.executable, "-m", "polypod.testing.podman_testing", *map(str, words)]
        env = {**os.environ, "POLYPOD_TESTING_ROOTS": roots}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def tar(self, files: dict[str, bytes]) -> Path:
        path = self.folder / "archive.tar"
        with tarfile.open(path, "w") as archive:
            for name, data in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
        return path

    def change(self, files: dict[str, bytes]) -> None:
        self("modify-layer", "--layer", self.layer, "--file", self.tar(files))

    def item(self, verb: str, kind: str, value: str = "") -> None:
        words = ("--value", value) if value else ()
        self(f"{verb}-{kind}-data", "--key", "foo", f"--{kind}", getattr(self, kind), *words)


def _data(kind: str, verb: str) -> object:
    def damage(it: Damage) -> None:
        it.item("create", kind, "some text")
        it.item(verb, kind, "longer text" if verb == "modify" else "")

    return damage


CASES = {
    'file integrity checksum failed for "file1"': lambda it: it.change({"file1": b"ONE"}),
    "+/file2, layer content modified": lambda it: it.change({"file2": b"two"}),
    "image layer is missing": lambda it: it("remove-layer", "--layer", it.layer),
    "image missing": lambda it: it("remove-image", "--image", it.image),
    "layer data item is missing": _data("layer", "remove"),
    "image data item is missing": _data("image", "remove"),
    "image data item has incorrect size": _data("image", "modify"),
    "container data item is missing": _data("container", "remove"),
    "container data item has incorrect size": _data("container", "modify"),
}


@pytest.mark.parametrize("words", CASES)
def test_damage_is_named_and_mended(box: CliBox, tmp_path: Path, words: str) -> None:
    it = Damage(box, tmp_path)
    box("system", "check")
    CASES[words](it)  # type: ignore[operator]
    done = box.run("system", "check", code=125)
    assert words in done.stdout
    assert "damage detected in local storage" in done.stderr
    # A damaged image can be listed and named, and a sound one runs.
    assert IMAGE in box("images", "--format", "{{.Repository}}:{{.Tag}}")
    assert box("run", "--rm", "--network", "none", IMAGE, "echo", "yes") == "yes\n"
    assert "still present after repair attempt" in box.run("system", "check", "-r", code=125).stderr
    assert it.container[:12] in box("ps", "-aq")
    done = box.run("system", "check", "-r", "-f", "-m", "0")
    assert f"Deleted damaged container: {it.container}" in done.stdout
    assert box.run("system", "check", "-m", "0").stdout == ""
    assert box("ps", "-aq") == ""
    assert IMAGE in box("images", "--format", "{{.Repository}}:{{.Tag}}")


def test_unused_and_unmanaged_layers(box: CliBox, tmp_path: Path) -> None:
    it = Damage(box, tmp_path)
    lower = it("create-layer")
    upper = it("create-layer", "--parent", lower)
    stray = it("create-storage-layer", "--parent", upper)
    out = box.run("system", "check", "--quick", code=125).stdout
    assert out == f"damaged layer {stray}: layer in lower level storage driver not accounted for\n"
    assert f"Deleted damaged layer: {stray}" in box("system", "check", "-r")
    out = box.run("system", "check", "-m", "0", code=125).stdout
    assert f"damaged layer {upper}: layer not referenced by any images or containers" in out
    box("system", "check", "-m", "0s", "-r")
    assert box("system", "check", "-m", "0") == ""
    assert not {lower, upper, stray} & set(os.listdir(f"{box.folder}/root/overlay"))
    assert it.layer in os.listdir(f"{box.folder}/root/overlay")


def test_quick_leaves_the_content_alone(box: CliBox, tmp_path: Path) -> None:
    it = Damage(box, tmp_path)
    it.change({"file1": b"ONE"})
    assert box("system", "check", "--quick") == ""
    path = f"{box.folder}/root/overlay/{it.layer}/diff/file1"
    os.chmod(path, 0o4711)
    os.chown(path, 7, 8)
    with open(path, "wb") as file:
        file.write(b"one")
    out = box.run("system", "check", code=125).stdout
    assert "/file1(uid:0￫7,gid:0￫8,mode:0644￫0711" in out or "mode:0644￫4711" in out


def _tricky(path: Path) -> None:
    """A rootfs with what makes a comparison of trees hard."""
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:

        def add(name: str, kind: bytes = tarfile.REGTYPE, data: bytes = b"", **fields: object) -> None:
            member = tarfile.TarInfo(name)
            member.type, member.size, member.mtime = kind, len(data), 1_500_000_000.75  # type: ignore[assignment]
            for key, value in fields.items():
                setattr(member, key, value)
            tar.addfile(member, io.BytesIO(data))

        add("./", tarfile.DIRTYPE, mode=0o755)
        add("./deep/er/file", data=b"no parents", uid=1234, gid=4321)
        add("./suid", data=b"x", mode=0o6755)
        add("./tmp/", tarfile.DIRTYPE, mode=0o1777)
        add("./tmp/link", tarfile.SYMTYPE, linkname="../nowhere", mode=0o777)
        add("./hard", tarfile.LNKTYPE, linkname="./suid")
        add("./null", tarfile.CHRTYPE, devmajor=1, devminor=3, mode=0o666)
        add("./fifo", tarfile.FIFOTYPE, mode=0o600)
        add("./\u00fcml" + "x" * 120, data=b"long")
        add("./old", data=b"before 1970", mtime=-5)
        add("./empty.d/", tarfile.DIRTYPE, mode=0o700)


def _second_layer(run: object, image: str) -> None:
    """Deletions, replacements and an opaque directory, by a commit."""
    call = run  # a CliBox or a Podman
    limits = ("--ulimit=nofile=20000:20000", "--ulimit=nproc=1000:1000")
    call("run", "--name", "c", "--network", "none", *limits, image, "/bin/busybox", "sh", "-c",  # type: ignore[operator]
         "/bin/busybox rm -rf /etc; /bin/busybox mkdir -m 711 /etc; echo 1 >/etc/new;"
         "/bin/busybox rm /bin/sh; /bin/busybox ln -s busybox /bin/sh; /bin/busybox touch /bin/.dot")  # fmt: skip
    call("commit", "-q", "c", "localhost/second")  # type: ignore[operator]
    call("rm", "c")  # type: ignore[operator]


@pytest.mark.parametrize("driver", ["overlay", "vfs"])
def test_nobody_innocent_is_accused(tmp_path: Path, driver: str) -> None:
    _tricky(tmp_path / "tricky.tar")
    with CliBox(driver=driver) as box:
        box("import", "-q", tmp_path / "tricky.tar", "localhost/tricky")
        _second_layer(box, IMAGE)
        assert box("system", "check", "-m", "0") == ""
        layers = box.inspect("localhost/second")["RootFS"]["Layers"]
        assert len(layers) == 2


def test_nothing_of_podman_is_accused(box: CliBox, tmp_path: Path) -> None:
    _tricky(tmp_path / "tricky.tar")
    podman = Podman(f"{box.folder}/root", f"{box.folder}/run")
    podman("import", "-q", tmp_path / "tricky.tar", "localhost/tricky")
    _second_layer(podman, IMAGE)
    assert len(json.loads(box("images", "--format", "json"))) == 3
    assert box("system", "check", "-m", "0") == ""


@pytest.fixture
def split(box: CliBox) -> Iterator[Filler]:
    """An engine with an imagestore, and two containers, ``c`` of its image and ``d`` of another one."""
    engine = Filler(box.folder, f"{box.folder}/store", "split")
    try:
        engine.busybox(box.folder)
        engine.child("child", "echo deep >/deep")
        engine("create", "--net=none", "--name", "c", "child", "cat", "/deep")
        engine("create", "--net=none", "--name", "d", "bb", "true")
        yield engine
    finally:
        engine("rm", "-f", "-a", "-t", "0")


def _without(engine: Filler) -> Filler:
    """The same engine without its --imagestore."""
    other = Filler(os.path.dirname(engine.store), engine.store, "split")
    at = other.cli.command.index("--imagestore")
    del other.cli.command[at : at + 2]
    return other


@pytest.mark.parametrize("place", ["none", "another"])
def test_an_image_store_that_is_not_given_is_no_damage(split: Filler, place: str) -> None:
    bare = _without(split)
    if place == "another":
        bare.cli.command += ["--imagestore", split.store + "2"]
    for flags in ((), ("--repair", "--force", "--max", "0")):
        done = bare.cli.run("system", "check", *flags)
        assert done.stdout == ""
        lines = done.stderr.splitlines()
        assert [line.split()[2] for line in lines] == ["c", "d"] or [
            line.split()[2] for line in lines
        ] == ["d", "c"]
        assert all(f"give --imagestore {split.store}" in line for line in lines)
    assert split("start", "-a", "c") == "deep\n"
    done = split.cli.run("system", "check", "-m", "0")
    assert done.stdout == done.stderr == ""


def test_what_is_lost_in_an_image_store_that_is_there_is_mended(split: Filler) -> None:
    layer = json.loads(split("image", "inspect", "child"))[0]["GraphDriver"]["Data"]["UpperDir"]
    shutil.rmtree(os.path.dirname(layer))
    assert "give --imagestore" in _without(split).cli.run("system", "check").stderr
    done = split.cli.run("system", "check", code=125)
    assert "damaged container" in done.stdout and "give" not in done.stderr
    split("system", "check", "--repair", "--force")
    assert split("ps", "-a", "--format", "{{.Names}}") == "d\n"
    assert split("system", "check") == ""


def test_damage_of_a_container_counts_without_its_image_store(split: Filler) -> None:
    bare = _without(split)
    layer = json.loads(split("container", "inspect", "c"))[0]["GraphDriver"]["Data"]["UpperDir"]
    shutil.rmtree(os.path.dirname(layer))
    assert "its files are missing" in bare.cli.run("system", "check", code=125).stdout
