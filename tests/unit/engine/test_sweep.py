"""``sweep``: run directories that belong to nothing go, others' and those at work stay."""

from __future__ import annotations

import fcntl
import os
from types import SimpleNamespace

import pytest
from polypod.engine.sweep import sweep

ID, RECORDED, FOREIGN = "ab" * 32, "cd" * 32, "ef" * 32


@pytest.fixture
def rt(tmp_path, tmp_path_factory):
    notes = tmp_path_factory.mktemp("notes")
    containers = SimpleNamespace(ids=lambda: [RECORDED])
    return SimpleNamespace(
        run_dir=lambda id: f"{tmp_path}/{id}/userdata",
        exit_dir=f"{notes}/exits",
        persist_dir=lambda id: f"{notes}/persist/{id}",
        records=SimpleNamespace(containers=containers),
        store=SimpleNamespace(containers=lambda: [{"id": FOREIGN}]),
    )


@pytest.mark.parametrize("left", ["{}", "{}/userdata", "{}/userdata/lock", "{}/userdata/owner"])
def test_what_a_killed_command_left_goes(rt, tmp_path, left: str) -> None:
    place = tmp_path / left.format(ID)
    if place.name in ("lock", "owner"):
        place.parent.mkdir(parents=True)
        place.touch()
    else:
        place.mkdir(parents=True)
    assert sweep(rt) == [ID]
    assert os.listdir(tmp_path) == []


def test_what_belongs_to_somebody_stays(rt, tmp_path) -> None:
    for id in (RECORDED, FOREIGN):
        os.makedirs(rt.run_dir(id))
    os.makedirs(f"{rt.run_dir(ID)}/mine")
    assert sweep(rt) == []
    assert sorted(os.listdir(tmp_path)) == [ID, RECORDED, FOREIGN]
    os.rmdir(f"{rt.run_dir(ID)}/mine")
    with open(f"{rt.run_dir(ID)}/lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert sweep(rt) == []
    assert sweep(rt) == [ID]


def test_the_notes_of_a_monitor_go_with_the_last_trace_of_its_container(rt) -> None:
    os.makedirs(rt.exit_dir)
    for id in (ID, RECORDED, FOREIGN):
        os.makedirs(rt.persist_dir(id))
        with open(f"{rt.persist_dir(id)}/exit", "w") as file:
            file.write("0")
        with open(f"{rt.exit_dir}/{id}", "w") as file:
            file.write("0")
    os.makedirs(rt.run_dir(FOREIGN))
    sweep(rt)
    assert sorted(os.listdir(rt.exit_dir)) == [RECORDED, FOREIGN]
    assert sorted(os.listdir(os.path.dirname(rt.persist_dir(ID)))) == [RECORDED, FOREIGN]
