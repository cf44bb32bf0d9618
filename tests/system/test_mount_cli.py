"""``mount`` and ``unmount`` of containers."""

from __future__ import annotations

import json
import os

import pytest
from polypod.testing.box import IMAGE, CliBox


@pytest.fixture
def box():
    with CliBox() as box:
        box("create", "--name", "made", "--network", "none", IMAGE, "sh", "-c", "cat /new; sleep 1000")
        yield box


def test_users_of_a_mount_are_counted(box) -> None:
    path = box("mount", "made").strip()
    assert os.path.isdir(f"{path}/bin")
    assert box("container", "mount", "made").strip() == path
    id = box("inspect", "--format", "{{.ID}}", "made").strip()
    assert box("mount").split() == [id[:12], path]
    assert box("mount", "--notruncate").split() == [id, path]
    (row,) = json.loads(box("mount", "--format", "json"))
    assert row == {"id": id, "Names": ["made"], "mountpoint": path}
    with open(f"{path}/new", "w") as file:
        file.write("from outside")
    assert box("umount", "made") == "made\n"
    assert os.path.exists(f"{path}/new")
    assert box("container", "unmount", id) == f"{id}\n"
    assert not os.path.exists(f"{path}/new")
    assert box("mount") == ""
    assert "not mounted" in box.fails(125, "unmount", "made")
    events = box("events", "--stream=false", "--format", "{{.Status}}").split()
    assert events.count("mount") == events.count("unmount") == 2


def test_a_running_container_keeps_its_root(box) -> None:
    box("start", "made")
    path = box("mount", "-l").strip()
    with open(f"{path}/live", "w"):
        pass
    assert box("exec", "made", "ls", "/live") == "/live\n"
    box("unmount", "made")
    for words in (("made",), ("-f", "made")):
        assert "running or paused" in box.fails(125, "unmount", *words)
    assert box("unmount", "--all") == ""
    box("exec", "made", "true")


def test_all_and_force(box) -> None:
    box("create", "--name", "other", IMAGE)
    assert len(box("mount", "--all").splitlines()) == 2
    box("mount", "made")
    assert box("unmount", "-f", "made") == "made\n"
    assert len(box("unmount", "-a").splitlines()) == 1
    assert box("mount") == ""


def test_errors(box) -> None:
    assert "no such container" in box.fails(125, "mount", "nosuch")
    assert "unknown --format" in box.fails(125, "mount", "--format", "yaml")
    assert "must provide" in box.fails(125, "unmount")
