"""``stats``: numbers of the container and of nobody else."""

from __future__ import annotations

import json
import signal
import subprocess

import pytest
from polypod.testing.box import IMAGE, CliBox, eventually


@pytest.fixture(scope="module")
def box():
    with CliBox() as box:
        new = ("-d", "--network", "none")
        box("run", *new, "--name", "busy", "--memory", "64m", IMAGE, "sh", "-c", "while :; do :; done")
        box("run", *new, "--name", "idle", IMAGE, "sleep", "1000")
        box("create", "--name", "made", IMAGE)
        yield box


def shown(box: CliBox, *words: str) -> list[list[str]]:
    return [line.split("|") for line in box("stats", "--no-stream", "--no-reset", *words).splitlines()]


def test_the_table(box) -> None:
    heading, *rows = box("stats", "--no-stream", "--no-reset").splitlines()
    assert heading.split("  ")[0] == "ID"
    assert "CPU %" in heading and "MEM USAGE / LIMIT" in heading and "AVG CPU %" in heading
    assert sorted(row.split()[1] for row in rows) == ["busy", "idle"]
    assert not heading.startswith("\033")
    assert box("stats", "--no-stream").startswith("\033[2J\033[H")


def test_numbers(box) -> None:
    form = "{{.Name}}|{{.CPUNano}}|{{.MemLimit}}|{{.PIDs}}|{{.ContainerID}}|{{.MemUsage}}"
    eventually(lambda: int(shown(box, "--format", form, "busy")[0][1]) > 200_000_000)
    ((name, _, limit, pids, id, usage),) = shown(box, "--format", form, "busy")
    assert (name, pids, len(id)) == ("busy", "1", 64)
    if int(limit) != 64 << 20:  # a host without this controller tells its own memory
        assert int(limit) > 64 << 20
    assert usage.endswith("B") and " / " in usage
    ((_, idle, *_),) = shown(box, "--format", form, "idle")
    assert int(idle) < 200_000_000


def test_json(box) -> None:
    (row,) = json.loads(box("stats", "--no-stream", "--no-reset", "--format", "json", "busy"))
    assert list(row) == [
        "id", "name", "cpu_time", "cpu_percent", "avg_cpu", "mem_usage", "mem_percent", "net_io",
        "block_io", "pids",
    ]  # fmt: skip
    assert row["name"] == "busy" and row["cpu_percent"].endswith("%")
    rows = json.loads(box("stats", "-a", "--no-stream", "--no-reset", "--format", "json"))
    made = next(row for row in rows if row["name"] == "made")
    assert (made["pids"], made["cpu_percent"], made["mem_usage"]) == ("0", "0.00%", "0B / 0B")


def test_a_stream_gives_the_share_since_the_last_look(box) -> None:
    process = box.start("stats", "--no-reset", "-i", "1", "--format", "{{.CPU}}", "idle", stdout=subprocess.PIPE)
    lines = [float(process.stdout.readline()) for _ in range(3)]
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0
    assert lines[-1] < 20


def test_errors(box) -> None:
    box("run", "-d", "--name", "bare", "--cgroups", "disabled", "--network", "none", IMAGE, "sleep", "100")
    assert "did not create a cgroup" in box.fails(125, "stats", "--no-stream", "bare")
    assert "bare" not in box("stats", "--no-stream", "--no-reset")
    assert "cannot be used together" in box.fails(125, "stats", "-a", "busy")
    assert "invalid interval" in box.fails(125, "stats", "-i", "0")
    assert "no such container" in box.fails(125, "stats", "--no-stream", "nosuch")
