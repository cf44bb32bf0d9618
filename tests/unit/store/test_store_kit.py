"""Atomic files, trees that go away, copies, mounts."""

from __future__ import annotations

import errno
import os
import stat

import pytest
from polypod.errors import StorageError
from polypod.kit import mounts
from polypod.kit.atomic import read_bytes, remove_tree, tree_usage, write_atomic
from polypod.kit.copytree import copy_tree
from polypod.model.mount import MountSpec
from polypod.testing.storage import tree_facts


def test_write_atomic_replaces_and_leaves_no_temporary_file(tmp_path):
    path = str(tmp_path / "f")
    write_atomic(path, b"one")
    write_atomic(path, b"two" * 1000, mode=0o644, durable=True)
    assert read_bytes(path) == b"two" * 1000
    assert os.listdir(tmp_path) == ["f"]
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o644
    with pytest.raises(IsADirectoryError):
        write_atomic(str(tmp_path), b"x")
    assert read_bytes(str(tmp_path / "absent")) is None


def test_remove_tree_takes_everything_and_follows_no_link(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("x")
    top = tmp_path / "top"
    deep = top
    for number in range(60):
        deep = deep / f"d{number}"
    deep.mkdir(parents=True, mode=0o700)
    (deep / "f").write_text("x")
    (top / "link").symlink_to(outside)
    os.mkfifo(top / "fifo")
    (top / "\udcff").write_text("a name that is not UTF-8")
    remove_tree(str(top))
    assert not top.exists()
    assert (outside / "kept").exists()
    remove_tree(str(top))
    (tmp_path / "file").write_text("x")
    remove_tree(str(tmp_path / "file"))
    assert not (tmp_path / "file").exists()


def test_remove_tree_does_not_empty_a_mount(tmp_path):
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "precious").write_text("x")
    inner = tmp_path / "top" / "inner"
    inner.mkdir(parents=True)
    mounts.mount("tmpfs", str(inner), "tmpfs")
    try:
        (inner / "precious").write_text("x")
        with pytest.raises(OSError) as caught:
            remove_tree(str(tmp_path / "top"))
        assert caught.value.errno == errno.EBUSY
        assert (inner / "precious").exists()
    finally:
        assert mounts.umount(str(inner))
    assert not mounts.umount(str(inner))


def test_tree_usage_counts_hard_links_once(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "f").write_bytes(b"x" * 100)
    os.link(tmp_path / "d" / "f", tmp_path / "g")
    assert tree_usage(str(tmp_path)) == (100, 3)


def test_copy_tree_keeps_what_belongs_to_files(tmp_path):
    source, target = tmp_path / "a", tmp_path / "b"
    (source / "d" / "e").mkdir(parents=True)
    (source / "d" / "f").write_bytes(b"x" * 70000)
    os.chown(source / "d" / "f", 5, 6)
    os.chmod(source / "d" / "f", 0o4751)
    os.link(source / "d" / "f", source / "again")
    (source / "link").symlink_to("/nowhere")
    os.mknod(source / "null", stat.S_IFCHR | 0o640, os.makedev(1, 3))
    os.utime(source / "d", ns=(1_000, 2_000))
    target.mkdir()
    copy_tree(str(source), str(target))
    assert tree_facts(str(target)) == tree_facts(str(source))
    assert os.stat(target / "d").st_mtime_ns == 2_000
    assert os.stat(target / "again").st_ino == os.stat(target / "d" / "f").st_ino


def test_options_become_flags_and_data():
    flags, data = mounts.parse_options(("ro", "nodev", "rw", "metacopy=on", "volatile"))
    assert flags == mounts.MS_NODEV
    assert data == "metacopy=on,volatile"


def test_is_mounted_knows_bind_mounts(tmp_path):
    path = tmp_path / "m"
    path.mkdir()
    assert not mounts.is_mounted(str(path))
    mounts.make_private(str(path))
    try:
        assert mounts.is_mounted(str(path))
        mounts.make_private(str(path))
    finally:
        mounts.umount(str(path))
    assert not mounts.is_mounted(str(path))
    assert not mounts.is_mounted(str(tmp_path / "absent"))


@pytest.mark.parametrize("cwd", ["", "/"])
def test_a_failed_mount_says_what_and_where(tmp_path, cwd):
    spec = MountSpec(type="overlay", source="overlay", data="lowerdir=/no/such:/dir", cwd=cwd)
    with pytest.raises(StorageError, match=f"cannot mount overlay at {tmp_path}: no such file"):
        mounts.apply(spec, str(tmp_path))
