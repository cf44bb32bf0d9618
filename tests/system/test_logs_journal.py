"""``logs`` of the journald driver, with a journald of its own in a mount namespace of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

JOURNALD = "/lib/systemd/systemd-journald"

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
    pytest.mark.skipif(not os.path.exists(JOURNALD), reason="needs systemd-journald"),
    pytest.mark.skipif(not shutil.which("journalctl"), reason="needs journalctl"),
]

INSIDE = """
import json, os, subprocess, sys
from polypod.testing.box import IMAGE, CliBox, eventually

for place in ("/run/systemd", "/run/log"):
    subprocess.run(["mount", "-t", "tmpfs", "none", place], check=True)
for place in ("/run/systemd/journal", "/run/log/journal"):
    os.mkdir(place)
if not os.path.exists("/etc/machine-id") or not os.path.getsize("/etc/machine-id"):
    with open("/run/systemd/id", "w") as file:
        file.write(os.urandom(16).hex())
    subprocess.run(["mount", "--bind", "/run/systemd/id", "/etc/machine-id"], check=True)
journald = subprocess.Popen([sys.argv[1]], stderr=subprocess.DEVNULL)
seen = {}
try:
    eventually(lambda: os.path.exists("/run/systemd/journal/socket"))
    with CliBox() as box:
        new = ("--network", "none", "--log-driver", "journald", "--name")
        script = "echo one; echo two >&2; printf 'caf\\\\303\\\\251 \\\\377\\\\n'; printf end"
        box("run", *new, "done", IMAGE, "sh", "-c", script, text=False)
        done = box.run("logs", "done", text=False)
        seen["out"], seen["err"] = done.stdout.decode("latin1"), done.stderr.decode("latin1")
        seen["follow"] = box.run("logs", "-f", "done", text=False).stdout.decode("latin1")
        box("run", *new, "tail", IMAGE, "sh", "-c", "seq 1 9; printf x")
        seen["tail"] = box("logs", "--tail", "3", "tail")
        seen["none"] = box("logs", "--tail", "0", "done")
        seen["stamp"] = box("logs", "-t", "--tail", "1", "tail")
        seen["past"] = box("logs", "--until", "1000", "done")
        box("start", "-a", "done", text=False)
        seen["twice"] = box.run("logs", "done", text=False).stdout.decode("latin1")
        slow = "echo a; while [ ! -e /go ]; do sleep 0.05; done; echo b; echo c"
        box("run", "-d", *new, "slow", IMAGE, "sh", "-c", slow)
        following = box.start("logs", "-f", "slow")
        first = following.stdout.readline()
        box("exec", "slow", "touch", "/go")
        rest, _ = following.communicate(timeout=30)
        seen["live"] = (first + rest).decode()
        seen["code"] = following.returncode
finally:
    journald.terminate()
    journald.wait()
print(json.dumps(seen))
"""


@pytest.fixture(scope="module")
def seen():
    created = not os.path.isdir("/run/log")
    os.makedirs("/run/log", exist_ok=True)
    os.makedirs("/run/systemd", exist_ok=True)
    try:
        done = subprocess.run(
            ["unshare", "-m", "--propagation", "private", sys.executable, "-c", INSIDE, JOURNALD],
            capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=120,
        )  # fmt: skip
    finally:
        if created:
            os.rmdir("/run/log")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_both_streams_byte_for_byte(seen) -> None:
    assert seen["out"] == "one\ncaf\xc3\xa9 \xff\nend"
    assert seen["err"] == "two\n"


def test_following_a_container_that_has_ended(seen) -> None:
    assert seen["follow"] == seen["out"]


def test_tail_counts_lines_of_output(seen) -> None:
    assert seen["tail"] == "8\n9\nx"
    assert seen["none"] == ""


def test_times(seen) -> None:
    stamp, _, text = seen["stamp"].partition(" ")
    assert text == "x"
    assert len(stamp) == len("2026-11-24T13:52:18.574443000+00:00")
    assert seen["past"] == ""


def test_a_second_start_adds_to_it(seen) -> None:
    assert seen["twice"] == seen["out"] * 2


def test_following_a_running_container_until_its_end(seen) -> None:
    assert (seen["live"], seen["code"]) == ("a\nb\nc\n", 0)
