"""``container clone``: the same settings, and nothing of the original's own."""

from __future__ import annotations

import json

import pytest
from polypod.testing.box import IMAGE, CliBox


@pytest.fixture
def box(tmp_path):
    with CliBox() as box:
        box(
            "run", "-d", "--name", "web", "--network", "none", "-e", "A=1", "--label", "l=2", "-v", "named:/n", "-v", "/anon",
            "-v", f"{tmp_path}:/bound:ro", "--memory", "64m", "--workdir", "/bin", "--user", "123", "--cap-drop", "all", IMAGE,
            "sh", "-c", "cd /; sleep 1000",
        )  # fmt: skip
        yield box
        box("rm", "-f", "-t", "0", "-v", "-a")
        box("volume", "rm", "-f", "named")


def inspect(box: CliBox, name: str) -> dict:
    return json.loads(box("container", "inspect", name))[0]


def test_settings_are_the_same(box) -> None:
    id = box("container", "clone", "web").strip()
    first, second = inspect(box, "web"), inspect(box, id)
    assert second["Name"] == "web-clone"
    assert second["State"]["Status"] == "created"
    plain = [[word for word in one["Config"]["Env"] if not word.startswith("HOSTNAME=")] for one in (first, second)]
    assert plain[0] == plain[1]
    for key in ("Labels", "Cmd", "Entrypoint", "WorkingDir", "User"):
        assert second["Config"][key] == first["Config"][key], key
    for key in ("Memory", "CapDrop", "NetworkMode"):
        assert second["HostConfig"][key] == first["HostConfig"][key], key
    assert second["Config"]["Hostname"] == id[:12]
    mounts = {mount["Destination"]: mount for mount in second["Mounts"]}
    assert mounts["/n"]["Name"] == "named"
    assert mounts["/anon"]["Name"] not in [mount.get("Name") for mount in first["Mounts"]]
    assert mounts["/bound"]["RW"] is False
    assert second["HostConfig"]["LogConfig"]["Path"] != first["HostConfig"]["LogConfig"]["Path"]
    box("start", "web-clone")
    assert box("exec", "web-clone", "id", "-u") == "123\n"
    assert inspect(box, box("container", "clone", "web").strip())["Name"] == "web-clone1"


def test_other_limits_name_and_image(box) -> None:
    box("tag", IMAGE, "localhost/other")
    id = box("container", "clone", "--memory", "32m", "--run", "web", "own", "localhost/other").strip()
    found = inspect(box, id)
    assert (found["Name"], found["HostConfig"]["Memory"]) == ("own", 32 << 20)
    assert found["State"]["Status"] == "running"
    assert found["ImageName"] == "localhost/other:latest"


def test_the_original_may_go(box) -> None:
    assert "cannot be removed without force" in box.fails(125, "container", "clone", "--destroy", "web", "new")
    assert [row["Names"] for row in box.rows()] == [["web"]]
    box("container", "clone", "--destroy", "-f", "web", "new")
    assert [row["Names"] for row in box.rows()] == [["new"]]


def test_errors(box) -> None:
    assert "--force without --destroy" in box.fails(125, "container", "clone", "-f", "web")
    assert "at least 1 argument" in box.fails(125, "container", "clone")
    assert "already in use" in box.fails(125, "container", "clone", "web", "web")
