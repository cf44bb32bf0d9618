"""``update``: limits of a running container, its restart policy and its environment."""

from __future__ import annotations

import json
import os

import pytest
from polypod.testing.box import IMAGE, CliBox, eventually

V2 = os.path.exists("/sys/fs/cgroup/cgroup.controllers")


@pytest.fixture
def box():
    with CliBox() as box:
        new = ("--network", "none", "--pids-limit", "100", "-e", "A=1", "-e", "B=2")
        box("run", "-d", "--name", "c", *new, IMAGE, "sh", "-c", "env; sleep 1000")
        yield box


def host(box: CliBox, name: str = "c") -> dict:
    return json.loads(box("container", "inspect", name))[0]["HostConfig"]


def limit(box: CliBox, v1: str, v2: str) -> str:
    return box("exec", "c", "cat", f"/sys/fs/cgroup/{v2 if V2 else v1}").strip()


def test_limits_hold_at_once_and_others_stay(box) -> None:
    id = box("inspect", "--format", "{{.ID}}", "c")
    assert box("update", "--memory", "100m", "--cpu-shares", "512", "c") == id
    found = host(box)
    assert (found["Memory"], found["CpuShares"], found["PidsLimit"]) == (100 << 20, 512, 100)
    assert limit(box, "memory/memory.limit_in_bytes", "memory.max") == str(100 << 20)
    assert limit(box, "pids/pids.max", "pids.max") == "100"
    box("container", "update", "--cpus", "0.5", "-l")
    box("update", "--pids-limit", "50", "c")
    assert limit(box, "cpu/cpu.cfs_quota_us", "cpu.max").split()[0] == "50000"
    assert limit(box, "pids/pids.max", "pids.max") == "50"
    box("update", "--cpu-quota", "70000", "--cpu-period", "100000", "c")
    assert limit(box, "cpu/cpu.cfs_quota_us", "cpu.max").split()[0] == "70000"
    box("stop", "-t", "0", "c")
    box("start", "c")
    assert limit(box, "memory/memory.limit_in_bytes", "memory.max") == str(100 << 20)


def test_environment_and_ulimits_from_the_next_start(box) -> None:
    box("update", "--env", "B=new", "--env", "C=3", "--unsetenv", "A", "--ulimit", "nofile=77:77", "c")
    box("restart", "-t", "0", "c")
    eventually(lambda: "C=3" in box("logs", "c"))
    last = box("logs", "c").rpartition("HOME=")[2] + box("exec", "c", "env")
    assert "B=new" in last and "A=1" not in last.split()
    assert box("exec", "c", "sh", "-c", "ulimit -n") == "77\n"


def test_a_new_restart_policy(box, tmp_path) -> None:
    box("run", "-d", "--name", "r", "--network", "none", "-v", f"{tmp_path}:/t", IMAGE, "sh", "-c",
        "echo >>/t/starts; while [ ! -e /t/end ]; do sleep 0.02; done; rm /t/end")  # fmt: skip
    assert host(box, "r")["RestartPolicy"]["Name"] == "no"
    box("update", "--restart", "on-failure:3", "r")
    assert host(box, "r")["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 3}
    box("update", "--restart", "always", "r")
    (tmp_path / "end").write_text("")
    eventually(lambda: len((tmp_path / "starts").read_text().splitlines()) == 2)
    box("rm", "-f", "-t", "0", "r")


def test_what_is_refused_changes_nothing(box) -> None:
    before = host(box)
    assert "minimum memoryswap limit" in box.fails(125, "update", "--memory", "1g", "--memory-swap", "1m", "c")
    assert "memory-swap" in box.fails(125, "update", "--memory-swap", "1g", "c")
    assert "restart policy" in box.fails(125, "update", "--restart", "sometimes", "c")
    assert "invalid device limit" in box.fails(125, "update", "--device-read-bps", "/dev/none:1", "c")
    box.fails(125, "update", "--cpuset-cpus", "100000", "c")
    assert host(box) == before
    assert "requires a name" in box.fails(125, "update", "--memory", "1g")
    assert "no such container" in box.fails(125, "update", "--memory", "1g", "nosuch")


def test_ulimits_of_the_host_and_bad_ones(box) -> None:
    box("update", "--ulimit", "nofile=77:77", "c")
    box("update", "--ulimit", "host", "c")
    box("restart", "-t", "0", "c")
    assert box("exec", "c", "sh", "-c", "ulimit -n") != "77\n"
    assert "invalid ulimit argument" in box.fails(125, "update", "--ulimit", "nofile:1:1", "c")
    for flag in ("--blkio-weight-device=/dev/zero:123", "--device-write-iops=/dev/zero:1000"):
        assert "/dev/zero: not a block device" in box.fails(125, "update", flag, "c")


def test_rates_may_have_units(box) -> None:
    assert "invalid value for device-read-bps" in box.fails(125, "update", "--device-read-bps", "/dev/x:fast", "c")
    assert "use PATH:NUMBER" in box.fails(125, "update", "--device-read-bps", "/dev/x:10mb", "c")
