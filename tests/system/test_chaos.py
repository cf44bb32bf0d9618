"""SIGKILL of any process at any moment: what is said stays true, and everything can be removed."""

from __future__ import annotations

import os
import random
import signal
import subprocess

import pytest
from polypod.testing.box import IMAGE, CliBox, eventually

ROUNDS = 24
KINDS = ("run", "run -d", "run --rm", "stop", "rm", "exec")


def command(kind: str, name: str) -> list[str]:
    new = ["--name", name, "--network", "none", IMAGE]
    return {
        "run": ["run", *new, "sleep", "0.02"],
        "run -d": ["run", "-d", *new, "sleep", "100"],
        "run --rm": ["run", "--rm", *new, "sleep", "0.02"],
        "stop": ["stop", "-t", "0", name],
        "rm": ["rm", "-f", "-t", "0", name],
        "exec": ["exec", name, "sleep", "0.02"],
    }[kind]


def victim(box: CliBox, chance: random.Random, cli: int) -> int:
    """The PID of the command, of a monitor, of a container's process or of anything of this box."""
    which = chance.choice(("cli", "cli", "monitor", "container", "any"))
    found = box.processes()
    monitors = [pid for pid, words in found.items() if "conmon" in words]
    if which == "monitor" and monitors:
        return chance.choice(monitors)
    if which == "container" and monitors:
        pid = chance.choice(monitors)
        try:
            with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
                children = file.read().split()
        except OSError:
            children = []
        if children:
            return int(children[0])
    if which == "any" and found:
        return chance.choice(sorted(found))
    return cli


@pytest.mark.parametrize("flags", [(), ("--state-backend", "kv"), ("--state-backend", "json")], ids=str)
def test_the_next_command_repairs(flags):
    seed = random.randrange(10**9)
    print("seed", seed)
    chance = random.Random(seed)
    with CliBox(*flags) as box:
        box("run", "-d", "--name", "bystander", "--network", "none", IMAGE, "sleep", "1000")
        keep = box.state("bystander")["Pid"]
        monitor = box.monitor("bystander")
        for number in range(ROUNDS):
            one_round(box, chance, f"c{number}", {keep, monitor})
        assert box.state("bystander")["Pid"] == keep
        box("rm", "-f", "-t", "0", "--all")
        # A monitor or a clean-up that was about to end when we asked needs a moment.
        eventually(lambda: box.leftovers() == [] or not box.processes())
        assert box.leftovers() == []


def one_round(box: CliBox, chance: random.Random, name: str, spared: set[int]) -> None:
    kind = chance.choice(KINDS)
    if kind in ("stop", "rm", "exec"):
        box("run", "-d", "--name", name, "--network", "none", IMAGE, "sleep", "100")
    process = box.start(*command(kind, name), stdin=subprocess.DEVNULL)
    # Not a wait for anything: the kill is to come at any moment of the command's life.
    select_nothing(chance.random() * 0.12)
    pid = victim(box, chance, process.pid)
    if pid not in spared:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    _, errors = process.communicate(timeout=60)
    assert b"this is a bug" not in errors, (kind, errors)
    # It may end between the listing and the look; but then the next listing knows.
    eventually(lambda: all(os.path.exists(f"/proc/{r['Pid']}") for r in box.rows() if r["State"] == "running"))
    box("rm", "-f", "-t", "0", name)
    assert name not in [row["Names"][0] for row in box.rows()]
    box("create", "--name", name, IMAGE)  # the name is free
    box("rm", name)


def select_nothing(seconds: float) -> None:
    """Let a random time pass."""
    import select

    select.select([], [], [], seconds)
