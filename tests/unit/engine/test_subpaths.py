"""Subpaths stay in their volume, also when somebody changes it meanwhile. Needs root for mounts."""

from __future__ import annotations

import os
import subprocess

import pytest
from polypod.engine import subpaths
from polypod.errors import StorageError, UsageError
from polypod.kit import mounts
from polypod.model.container import Container, Mount

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounts")


@pytest.fixture
def volume(tmp_path):
    volume = tmp_path / "volume"
    (volume / "a" / "b").mkdir(parents=True)
    (volume / "a" / "b" / "mine").write_text("mine")
    (tmp_path / "host" / "b").mkdir(parents=True)
    (tmp_path / "host" / "b" / "mine").write_text("secret")
    return volume


@pytest.fixture
def box(tmp_path):
    made = Container(id="1" * 64, name="c", created=0.0, run_dir=str(tmp_path / "run"))
    yield made
    subpaths.release_subpaths(made)
    assert mounted_below(tmp_path) == [] and not os.path.lexists(f"{made.run_dir}/subpaths")


def mounted_below(path) -> list[str]:
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        return [line.split()[4] for line in file if f"{path}/" in line.split()[4]]


def pin(box: Container, volume, subpath: str, *options: str, type: str = "volume") -> str:
    mount = Mount(
        type=type, name="v", destination="/x", source=str(volume), subpath=subpath, options=options
    )
    (pinned,) = subpaths.pin_subpaths(box, [mount])
    assert pinned == mount.evolve(source=pinned.source, subpath="")
    return pinned.source


def test_a_directory_a_file_and_the_root(box, volume):
    assert os.listdir(pin(box, volume, "a/b")) == ["mine"]
    assert os.listdir(pin(box, volume, "../../a")) == ["b"]
    assert os.listdir(pin(box, volume, "/")) == ["a"]
    with open(pin(box, volume, "a/b/mine"), "r+", encoding="utf-8") as file:
        file.write("ours")
    assert (volume / "a" / "b" / "mine").read_text() == "ours"
    assert len(mounted_below(box.run_dir)) == 2  # what is pinned and its folder, nothing of before


def test_links_lead_nowhere_but_into_the_volume(box, volume, tmp_path):
    (volume / "out").symlink_to(tmp_path / "host")
    (volume / "up").symlink_to("../host")
    (volume / "in").symlink_to("/a")
    assert os.listdir(pin(box, volume, "in")) == ["b"]
    for subpath in ("out", "out/b", "up/b", "none"):
        with pytest.raises(UsageError, match=f"cannot use subpath {subpath} of v: No such file"):
            pin(box, volume, subpath)


@pytest.mark.parametrize("subpath", ["a/b", "a/b/mine"])
@pytest.mark.parametrize("moment", ["opened", "pinned"])
def test_a_link_planted_later_is_not_followed(box, volume, tmp_path, monkeypatch, subpath, moment):
    """The race of CVE-2021-25741: a directory becomes a link to the host's once it was looked at."""

    def plant() -> None:
        os.rename(volume / "a", volume / "was")
        os.symlink(tmp_path / "host", volume / "a")

    if moment == "opened":
        bind = subpaths._bind

        def planted(*arguments):
            plant()
            bind(*arguments)

        monkeypatch.setattr(subpaths, "_bind", planted)
        source = pin(box, volume, subpath)
    else:
        source = pin(box, volume, subpath)
        plant()
    assert (volume / "a" / "b" / "mine").read_text() == "secret"  # the link is there
    found = source if subpath.endswith("mine") else f"{source}/mine"
    with open(found, encoding="utf-8") as file:
        assert file.read() == "mine"


def test_a_directory_deleted_meanwhile(box, volume, monkeypatch):
    bind = subpaths._bind

    def deleted(*arguments):
        os.unlink(volume / "a" / "b" / "mine")
        bind(*arguments)

    monkeypatch.setattr(subpaths, "_bind", deleted)
    with pytest.raises(StorageError, match="cannot mount subpath a/b/mine of v: no such file"):
        pin(box, volume, "a/b/mine")


def test_other_kinds_have_none(box):
    mount = Mount(type="tmpfs", destination="/x", source="tmpfs", subpath="a")
    assert subpaths.pin_subpaths(box, [mount]) == [mount]


def test_the_systems_directories_keep_their_owner(box):
    with pytest.raises(UsageError, match="chown on host path /etc is not supported"):
        pin(box, "/", "etc", "U", type="bind")


@pytest.mark.parametrize("options", [(), ("bind",), ("rslave",), ("rshared",)])
def test_mounts_below_stay_the_volumes(box, volume, tmp_path, options):
    """Also when the volume's mount is shared, as everything is under systemd."""
    mounts.mount("tmpfs", str(volume), "tmpfs")
    try:
        mounts.mount("", str(volume), "", mounts.MS_SHARED)
        inner, late = volume / "a" / "inner", volume / "a" / "late"
        inner.mkdir(parents=True)
        late.mkdir()
        mounts.mount("tmpfs", str(inner), "tmpfs")
        (inner / "kept").write_text("")
        source = pin(box, volume, "a", *options)
        assert os.path.exists(f"{source}/inner/kept") == ("bind" not in options)
        mounts.mount("tmpfs", str(late), "tmpfs")
        (late / "new").write_text("")
        assert os.path.exists(f"{source}/late/new") == (options in (("rslave",), ("rshared",)))
        subpaths.release_subpaths(box)
        assert (inner / "kept").exists() and (late / "new").exists()
    finally:
        mounts.umount(str(volume), mounts.MNT_DETACH)


def test_nothing_reaches_other_namespaces(box, volume):
    """Whoever shares the host's mounts, as a container with /run does, does not see them."""
    os.makedirs(box.run_dir)
    mounts.mount("tmpfs", box.run_dir, "tmpfs")
    try:
        mounts.mount("", box.run_dir, "", mounts.MS_SHARED)
        with subprocess.Popen(
            ["unshare", "-m", "--propagation", "slave", "sh", "-c", "echo; read x; cat /proc/self/mountinfo"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        ) as other:  # fmt: skip
            assert other.stdout is not None and other.stdout.readline() == "\n"
            pin(box, volume, "a")
            seen, _ = other.communicate("\n")
        assert f"{box.run_dir} " in seen and "/subpaths/" not in seen
        subpaths.release_subpaths(box)
    finally:
        mounts.umount(box.run_dir, mounts.MNT_DETACH)
