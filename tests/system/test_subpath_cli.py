"""Subpaths of volumes in containers that run, and that nothing of them stays mounted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
from polypod.testing.box import IMAGE, CliBox, eventually

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounts")

# The command line, killed when the subpath has just been mounted.
KILLED = """
import os, sys
from polypod.engine import subpaths
bind = subpaths._bind
def killed(*arguments):
    bind(*arguments)
    os.kill(os.getpid(), 9)
subpaths._bind = killed
from polypod.cli.main import main
sys.argv[0] = "polypod"
main()
"""


@pytest.fixture(scope="module")
def box():
    with CliBox() as box:
        box("run", "--rm", "--network", "none", "-v", "vol:/v", IMAGE,
            "sh", "-c", "mkdir -p /v/a/b; echo mine >/v/a/b/f")  # fmt: skip
        yield box


def pinned(box: CliBox) -> list[str]:
    """Mount points of subpaths, and directories for them."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        points = [line.split()[4] for line in file]
    folder = f"{box.folder}/run/overlay-containers"
    found = [f"{folder}/{name}/userdata/subpaths" for name in os.listdir(folder)]
    return [path for path in points if "/subpaths" in path and box.folder in path] + [
        path for path in found if os.path.lexists(path)
    ]


def mount(subpath: str, *more: str) -> tuple[str, str]:
    return "--mount", ",".join(("type=volume,src=vol,dst=/x", f"subpath={subpath}", *more))


@pytest.mark.parametrize("runtime", ["crun", "runc"])
def test_directories_and_files(box, runtime):
    def run(script: str, *mounts: str) -> subprocess.CompletedProcess[str]:
        words = ("run", "--rm", "--runtime", runtime, "--network", "none", *mounts, IMAGE, "sh", "-c", script)
        return box.run(*words)

    assert run("cat /x/f; echo more >/x/g; ls /x; rm /x/g", *mount("a/b")).stdout == "mine\nf\ng\n"
    assert run("cat /x; echo ours >/x; cat /x; echo mine >/x", *mount("a/b/f")).stdout == "mine\nours\n"
    done = run("cat /x/f; touch /x/g || echo refused", *mount("a/b", "ro"))
    assert done.stdout == "mine\nrefused\n" and "Read-only file system" in done.stderr
    assert run("cat /x; echo >/x || echo refused", *mount("a/b/f", "ro")).stdout == "mine\nrefused\n"
    options = run("grep ' /x ' /proc/self/mountinfo", *mount("a")).stdout
    assert "nosuid" in options and "nodev" in options
    assert pinned(box) == []


def test_a_life(box):
    """Start, restart, stop, start, kill, rm: the same directory again, and nothing stays."""
    box("create", "--name", "c", "--network", "none", *mount("a/b"), IMAGE, "sleep", "1000")
    (shown,) = json.loads(box("inspect", "c"))[0]["Mounts"]
    source = f"{box.folder}/root/volumes/vol/_data"
    assert (shown["Source"], shown["SubPath"], shown["Propagation"]) == (source, "a/b", "rprivate")
    assert pinned(box) == []
    for command in ("start", "restart", "stop", "start"):
        box(command, *(() if command == "start" else ("-t", "0")), "c")
        if command == "stop":
            assert pinned(box) == []
        else:
            assert box("exec", "c", "ls", "/x") == "f\n" and len(pinned(box)) == 3
            assert json.loads(box("inspect", "c"))[0]["Mounts"] == [shown]
    box("kill", "c")
    eventually(lambda: pinned(box) == [])
    box("container", "clone", "c", "d")
    box("start", "c", "d")
    assert box("exec", "d", "cat", "/x/f") == "mine\n"
    box("rm", "-f", "-t", "0", "c", "d")
    assert pinned(box) == []


def test_a_link_in_the_volume(box):
    """A container that has the volume makes a link to a directory of the host."""
    box("run", "--rm", "--network", "none", "-v", "vol:/v", IMAGE, "ln", "-sn", "/etc", "/v/out")
    for subpath in ("out", "out/ssl"):
        message = box.fails(125, "run", "--rm", "--network", "none", *mount(subpath), IMAGE, "true")
        assert message == f"Error: cannot use subpath {subpath} of vol: No such file or directory"
    assert pinned(box) == []


def test_a_failed_start(box):
    """The runtime refuses after the subpath was mounted; so does a second subpath that is not there."""
    box.run("run", "--name", "f", "--network", "none", *mount("a"), IMAGE, "/nowhere", code=127)
    assert pinned(box) == []
    box("rm", "f")
    other = "type=volume,src=vol,dst=/y,subpath=none"
    box("create", "--name", "f", "--network", "none", *mount("a"), "--mount", other, IMAGE, "true")
    assert "cannot use subpath none of vol" in box.fails(125, "start", "f")
    assert pinned(box) == []
    box("rm", "f")


@pytest.mark.parametrize("repair", ["start", "rm", "rm -f"])
def test_a_killed_command(box, repair):
    box("create", "--name", "k", "--network", "none", *mount("a/b"), IMAGE, "cat", "/x/f")
    words = [sys.executable, "-c", KILLED, *box.command[1:], "start", "k"]
    done = subprocess.run(words, capture_output=True, check=False, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert len(pinned(box)) == 3
    if repair == "start":
        assert box("start", "-a", "k") == "mine\n"
        assert pinned(box) == []
    box(*(repair if repair != "start" else "rm").split(), "k")
    assert pinned(box) == []
    assert box("run", "--rm", "--network", "none", "-v", "vol:/v", IMAGE, "cat", "/v/a/b/f") == "mine\n"


def test_a_killed_container_and_reset():
    with CliBox() as box:
        box("run", "--rm", "--network", "none", "-v", "vol:/v", IMAGE, "mkdir", "/v/a")
        box("run", "-d", "--name", "c", "--network", "none", *mount("a"), IMAGE, "sleep", "1000")
        monitor, process = box.monitor("c"), box.state("c")["Pid"]
        os.kill(monitor, signal.SIGKILL)
        os.kill(process, signal.SIGKILL)
        eventually(lambda: box.rows()[0]["State"] == "exited")
        box("start", "c")  # the next command that touches it takes down what was left
        assert len(pinned(box)) == 3
        box("system", "reset", "--force")
        assert box.folder + "/" not in open("/proc/self/mountinfo", encoding="utf-8").read()
