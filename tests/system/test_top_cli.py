"""``top``: descriptors from /proc, everything else from ps(1)."""

from __future__ import annotations

import os
import re

import pytest
from polypod.testing.box import IMAGE, CliBox


@pytest.fixture(scope="module")
def box():
    with CliBox() as box:
        script = "sleep 1000 & exec sleep 2000"
        box("run", "-d", "--name", "two", "--network", "none", IMAGE, "sh", "-c", script)
        box(
            "run", "-d", "--name", "other", "--user", "12345:23456", "--cap-drop", "all", "-t",
            "--network", "none", IMAGE, "sleep", "1000",
        )  # fmt: skip
        box("run", "-d", "--name", "tracer", "--cap-add", "sys_ptrace", "--network", "none", IMAGE, "sleep", "1000")
        yield box


def rows(text: str) -> list[list[str]]:
    return [re.split(r"  +", line.strip()) for line in text.splitlines()]


def test_default_columns(box) -> None:
    heading, first, second = rows(box("top", "two"))
    assert heading == ["USER", "PID", "PPID", "%CPU", "ELAPSED", "TTY", "TIME", "COMMAND"]
    assert first[:3] == ["root", "1", "0"]
    assert first[-1] == "sleep 2000"
    assert (second[2], second[-1]) == ("1", "sleep 1000")
    assert re.fullmatch(r"\d+\.\d{3}", first[3])
    assert first[4].endswith("s")


def test_descriptors_in_every_form(box) -> None:
    wanted = [["PID", "COMMAND", "PID"], ["1", "sleep", "1"]]
    for words in (("pid", "comm", "%p"), ("pid,comm,%p",), ("pid,comm", "%p")):
        assert rows(box("top", "two", *words))[:2] == wanted
    pid = str(box.state("two")["Pid"])
    assert rows(box("container", "top", "two", "hpid", "huser"))[1] == [pid, "root"]


def test_owners_capabilities_and_terminals(box) -> None:
    words = ("user", "group", "uid", "capeff", "capbnd", "seccomp", "tty", "nice", "state")
    assert rows(box("top", "other", *words))[1] == [
        "12345", "23456", "12345", "none", "none", "filter", "pts/0", str(os.nice(0)), "S",
    ]  # fmt: skip
    caps = rows(box("top", "two", "capeff"))[1][0].split(",")
    assert "CHOWN" in caps and caps == sorted(caps)


def test_all_descriptors_give_something(box) -> None:
    names = box("top", "--list-descriptors").split()
    heading, *found = rows(box("top", "two", *[name for name in names if name not in ("label", "groups", "hgroups")]))
    assert len(heading) == len(found[0])


def test_options_of_ps(box) -> None:
    for words in (("-eo", "pid,comm"), ("-eo pid,comm",)):
        lines = [line.split() for line in box("top", "two", *words).splitlines()]
        assert lines[:2] == [["PID", "COMMAND"], ["1", "sleep"]]
    assert "-eo" not in box("top", "two", "-eo", "args")  # ps itself is left out where it can be told
    assert "ps(1) failed" in box.fails(125, "top", "two", "--nonsense")
    # Whoever may trace gets the container's own ps, which busybox has too.
    assert "sleep" in box("top", "tracer", "-o", "comm")


def test_errors(box) -> None:
    assert box.fails(125, "top") == "Error: you must provide the name or id of a running container"
    assert "no such container" in box.fails(125, "top", "nosuch")
    box("create", "--name", "made", IMAGE)
    assert box.fails(125, "top", "made") == "Error: top can only be used on running containers"
