"""After a reboot: the kernel forgot processes, mounts and namespaces; /run is empty; the state is not."""

from __future__ import annotations

import os
import shutil
import signal

import polypod
from polypod.testing.box import IMAGE, CliBox, eventually
from polypod.testing.peers import unmount_below


def reboot(box: CliBox) -> None:
    """What a reboot does to a box, but for the kernel's boot ID, which the records get instead."""
    for pid, words in box.processes().items():
        if "conmon" in words:
            with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
                children = [int(child) for child in file.read().split()]
            for victim in (pid, *children):
                os.kill(victim, signal.SIGKILL)
    eventually(lambda: not [words for words in box.processes().values() if "conmon" in words])
    unmount_below(box.folder)
    shutil.rmtree(f"{box.folder}/run")
    with polypod.Engine(root=f"{box.folder}/root", runroot=f"{box.folder}/run") as engine:
        records = engine.runtime.records.containers
        for container_id in records.ids():
            state, _ = records.state(container_id)
            records.set_state(container_id, state.evolve(boot_id="another boot" if state.boot_id else ""))


def test_what_ran_has_ended_and_can_be_started():
    with CliBox() as box:
        box("run", "-d", "--name", "ran", "--network", "none", IMAGE, "sleep", "1000")
        box("run", "-d", "--name", "net", IMAGE, "sleep", "1000")
        box("create", "--name", "made", "--network", "none", IMAGE, "true")
        reboot(box)
        states = {row["Names"][0]: row["State"] for row in box.rows()}
        assert states == {"ran": "exited", "net": "exited", "made": "created"}
        assert box.state("ran")["Pid"] == 0
        box("start", "ran", "net", "made")
        assert box("exec", "ran", "echo", "again") == "again\n"
        assert "eth0" in box("exec", "net", "ip", "addr")
        box("rm", "-f", "-t", "0", "--all")
        assert box.leftovers() == []
