"""Is a store there? Within a time limit, and without waiting twice for the same silence."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from pathlib import Path

import pytest
from polypod.store import probing
from polypod.store.identity import alike, fingerprint, read_identity, write_identity


@pytest.fixture
def remote(monkeypatch):
    """Every path lies on a file system that may hang."""
    monkeypatch.setattr(probing, "_LOCAL", frozenset())


def test_answers_of_a_local_store(tmp_path):
    id = write_identity(str(tmp_path))
    (tmp_path / "overlay-layers").mkdir()
    root = str(tmp_path)
    questions = [
        ("good", root, id, ""), ("other", root, "0" * 64, ""), ("gone", f"{root}/x", id, ""),
        ("inside", root, "", "overlay-layers"), ("without", root, "", "vfs-layers"),
    ]  # fmt: skip
    assert probing.probe(questions, f"{root}/notes") == {
        "good": "",
        "other": f"another image store is at {root} now",
        "gone": f"{root}/x: no such file or directory",
        "inside": "",
        "without": f"no image store is at {root} now",
    }
    assert not os.path.exists(f"{root}/notes")


def test_a_remote_store_is_asked_by_another_process(tmp_path, remote):
    id = write_identity(str(tmp_path))
    root = str(tmp_path)
    before, children = threading.active_count(), _children()
    answers = probing.probe([("a", root, id, ""), ("b", f"{root}/b", "", "")], f"{root}/notes")
    assert answers == {"a": "", "b": f"{root}/b: no such file or directory"}
    assert threading.active_count() == before
    assert _children() <= children


def _children() -> set[str]:
    """PIDs of this process's children, ended ones that nobody waited for included."""
    return {
        pid
        for task in os.listdir("/proc/self/task")
        for pid in Path(f"/proc/self/task/{task}/children").read_text().split()
    }


def test_what_does_not_answer_is_asked_once(tmp_path, remote, monkeypatch):
    started = tmp_path / "started"

    def hang(root, identity, inside):
        with started.open("a") as file:
            file.write(f"{os.getpid()}\n")
        while not (tmp_path / "go").exists():
            time.sleep(0.01)
        return ""

    monkeypatch.setattr(probing, "look", hang)
    notes = str(tmp_path / "notes")
    begun = time.monotonic()
    for _ in range(3):
        assert probing.probe([("s", "/s", "", "")], notes, limit=0.3) == {"s": "/s does not answer"}
    assert time.monotonic() - begun < 0.9
    assert len(started.read_text().split()) == 1
    pid = started.read_text().split()[0]
    (tmp_path / "go").touch()
    deadline = time.monotonic() + 20
    while os.path.exists(f"/proc/{pid}") and time.monotonic() < deadline:
        time.sleep(0.01)
    assert probing.probe([("s", "/s", "", "")], notes, limit=5) == {"s": ""}


def test_a_path_that_hangs_is_no_other_paths_silence(tmp_path, remote, monkeypatch):
    """Nor that of a store which is called like a question of our own."""
    notes = str(tmp_path / "notes")

    def hang(root, identity, inside):
        while root == "/hung" and not (tmp_path / "go").exists():
            time.sleep(0.01)
        return ""

    monkeypatch.setattr(probing, "look", hang)
    try:
        assert probing.probe_path("/hung", notes) == "/hung does not answer"
        assert probing.probe_path("/hung", notes) == "/hung does not answer"
        assert probing.probe_path("/good", notes) == ""
        assert probing.probe([("attach", "/good", "", "")], notes, limit=20) == {"attach": ""}
    finally:
        (tmp_path / "go").touch()


def test_a_waiting_probe_holds_nobody_up(tmp_path):
    """Whoever reads the command's output to its end is not kept by a process that waits for a file system."""
    code = (
        "import time, os\n"
        "from polypod.store import probing\n"
        "probing._LOCAL = frozenset()\n"
        "probing.look = lambda *_: time.sleep(3)\n"
        f"print(probing.probe([('s', '/s', '', '')], {str(tmp_path)!r}, limit=0.1))\n"
    )
    import sys

    begun = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "{'s': '/s does not answer'}\n"
    assert time.monotonic() - begun < 2.5


def test_file_systems_are_told_by_the_longest_mount_point():
    types = [("/mnt/a b", "fuse.x"), ("/mnt", "ext4"), ("/", "xfs")]
    assert probing.file_system("/mnt/a b/c", types) == "fuse.x"
    assert probing.file_system("/mnt/abc", types) == "ext4"
    assert probing.file_system("/mntx", types) == "xfs"
    assert probing.may_hang("/mnt/a b", types) and not probing.may_hang("/mnt/c", types)


def test_links_are_followed_up_to_what_may_hang(tmp_path):
    base = os.path.realpath(tmp_path)
    Path(base, "real").mkdir()
    Path(base, "link").symlink_to("real")
    Path(base, "share").mkdir()
    Path(base, "share/inner").symlink_to("elsewhere")
    types = [(f"{base}/share", "nfs4"), ("/", "ext4")]
    assert probing.resolve(f"{base}/link/x", types) == f"{base}/real/x"
    assert probing.resolve(f"{base}/link/../share/inner", types) == f"{base}/share/inner"
    Path(base, "loop").symlink_to("loop")
    assert probing.resolve(f"{base}/loop", types) == f"{base}/loop"


def test_mount_points_with_blanks_are_understood():
    assert probing._unescape("/a\\040b\\134c") == "/a b\\c"


def test_identities(tmp_path):
    assert read_identity(str(tmp_path)) == ""
    id = write_identity(str(tmp_path))
    assert read_identity(str(tmp_path)) == id and len(id) == 64
    images, layers = [{"id": "i"}], [{"id": "a"}, {"id": "b"}]
    assert fingerprint(images, layers) == fingerprint(images, layers[::-1])
    assert fingerprint(images, layers) != fingerprint(images, layers[:1])
    catalog = {"images": images, "layers": ["a", "b"]}
    assert alike(catalog, ["i"], ["a", "b", "c", "d"])
    assert not alike(catalog, ["j"], ["a", "c", "d", "e"])
    assert not alike({}, [], [])
