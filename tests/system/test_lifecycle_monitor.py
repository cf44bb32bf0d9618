"""A restart keeps a --rm container; a monitor that hangs holds nobody up and does not stay."""

from __future__ import annotations

import os
import signal
import time

import pytest
from polypod.testing.box import IMAGE, CliBox, eventually


@pytest.fixture
def box():
    with CliBox() as box:
        yield box


def hangs_or_runs(pid: int) -> bool:
    """Whether the process is there; one that waits to be reaped is not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_restart_keeps_a_container_that_is_removed_at_its_end(box):
    box("run", "-d", "--rm", "--name", "a", "--network", "none", IMAGE, "sleep", "1000")
    before = box.state("a")["Pid"]
    box("restart", "-t", "0", "a")
    assert box.state("a")["Status"] == "running"
    assert box.state("a")["Pid"] != before
    box("kill", "a")
    eventually(lambda: box.rows() == [])


def test_a_monitor_that_hangs(box):
    box("run", "-d", "--name", "b", "--network", "none", IMAGE, "sleep", "1000")
    monitor, process = box.monitor("b"), box.state("b")["Pid"]
    os.kill(monitor, signal.SIGSTOP)
    assert [row["State"] for row in box.rows()] == ["running"]
    os.kill(process, signal.SIGKILL)
    eventually(lambda: not hangs_or_runs(process))
    began = time.monotonic()
    assert [row["State"] for row in box.rows()] == ["exited"]
    assert time.monotonic() - began < 3
    box("rm", "-f", "-t", "0", "b")
    assert not hangs_or_runs(monitor)
