"""Users of a root file system, also of hostile ones."""

from __future__ import annotations

import os
import time

import pytest
from polypod.errors import PolypodError, UsageError
from polypod.oci.users import UserDatabase, open_in_root, read_in_root


@pytest.fixture
def root(tmp_path):
    etc = tmp_path / "root" / "etc"
    etc.mkdir(parents=True)
    (etc / "passwd").write_text(
        "# a comment\n\nbroken\nroot:x:0:0:root:/root:/bin/sh\nweb:x:1000:1001::/home/web\n"
        "bad:x:zz:0::/:/bin/sh\n77:x:5000:5000::/:/bin/sh\n"
    )
    (etc / "group").write_text("root:x:0:\nwheel:x:10:root,web\naudio:x:29:web\nshort:x\n")
    return tmp_path / "root"


@pytest.mark.parametrize(
    ("spec", "uid", "gid", "groups", "home"),
    [
        ("", 0, 0, (10,), "/root"),
        ("root", 0, 0, (10,), "/root"),
        ("0", 0, 0, (10,), "/root"),
        ("web", 1000, 1001, (10, 29), "/home/web"),
        ("1000", 1000, 1001, (10, 29), "/home/web"),
        ("web:audio", 1000, 29, (), "/home/web"),
        ("web:55", 1000, 55, (), "/home/web"),
        ("4711", 4711, 0, (), "/"),
        ("4711:10", 4711, 10, (), "/"),
        ("77", 77, 0, (), "/"),
        (":wheel", 0, 10, (), "/root"),
    ],
)
def test_resolve(root, spec, uid, gid, groups, home):
    user = UserDatabase(str(root)).resolve(spec)
    assert (user.uid, user.gid, user.groups, user.home) == (uid, gid, groups, home)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nobody", "unable to find user nobody: no matching entries in passwd file"),
        ("web:staff", "unable to find group staff: no matching entries in group file"),
        ("bad", "unable to find user bad"),
        ("-1", "must be in range"),
        ("4294967296", "must be in range"),
    ],
)
def test_unknown(root, spec, message):
    with pytest.raises(UsageError, match=message):
        UserDatabase(str(root)).resolve(spec)


def test_a_root_without_files_has_only_numbers(tmp_path):
    database = UserDatabase(str(tmp_path))
    assert database.resolve("12:34").gid == 34
    assert database.resolve("").uid == 0
    with pytest.raises(UsageError):
        database.resolve("root2")


def test_overrides_are_read_from_the_host(root, tmp_path):
    mine = tmp_path / "mine"
    mine.write_text("me:x:321:321::/:/bin/sh\n")
    assert UserDatabase(str(root), {"/etc/passwd": str(mine)}).resolve("me").uid == 321


def test_links_stay_inside(root, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("evil:x:666:666::/:/bin/sh\n")
    for target in (str(secret), "../../secret", "../../../../../../../../" + str(secret)):
        os.unlink(root / "etc" / "passwd")
        os.symlink(target, root / "etc" / "passwd")
        with pytest.raises(UsageError):
            UserDatabase(str(root)).resolve("evil")


def test_a_linked_folder_stays_inside(root, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "passwd").write_text("evil:x:666:666::/:/bin/sh\n")
    os.rename(root / "etc", root / "real-etc")
    os.symlink(str(outside), root / "etc")
    with pytest.raises(UsageError):
        UserDatabase(str(root)).resolve("evil")
    os.unlink(root / "etc")
    os.symlink("/../real-etc", root / "etc")
    assert UserDatabase(str(root)).resolve("web").uid == 1000


def test_a_fifo_does_not_hang(root):
    os.unlink(root / "etc" / "passwd")
    os.mkfifo(root / "etc" / "passwd")
    started = time.monotonic()
    with pytest.raises(PolypodError, match="not a regular file"):
        UserDatabase(str(root)).resolve("web")
    assert time.monotonic() - started < 5


def test_a_directory_and_a_giant_are_refused(root):
    os.unlink(root / "etc" / "passwd")
    os.mkdir(root / "etc" / "passwd")
    with pytest.raises(PolypodError, match="not a regular file"):
        read_in_root(str(root), "/etc/passwd")
    with open(root / "etc" / "group", "r+b") as file:
        file.truncate(1 << 40)
    with pytest.raises(PolypodError, match="larger than"):
        read_in_root(str(root), "/etc/group")


def test_a_loop_of_links_ends(root):
    os.symlink("b", root / "a")
    os.symlink("a", root / "b")
    with pytest.raises(OSError, match="symbolic links"):
        open_in_root(str(root), "/a")


def test_no_descriptors_leak(root):
    before = len(os.listdir("/proc/self/fd"))
    for spec in ("web", "root", "5"):
        UserDatabase(str(root)).resolve(spec)
    with pytest.raises(OSError):
        open_in_root(str(root), "/nowhere/at/all")
    assert len(os.listdir("/proc/self/fd")) == before
