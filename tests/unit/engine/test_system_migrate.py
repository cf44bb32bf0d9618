"""Moving the state between the bundled backends, killed and raced."""

from __future__ import annotations

import os
import random
import select
import threading
from pathlib import Path
from typing import Any

import pytest
from polypod.engine import system_migrate
from polypod.engine.system_migrate import migrate
from polypod.errors import Conflict, StateError
from polypod.ports.state import StatePort
from polypod.records.records import BUCKETS
from polypod.testing.state_base import Child
from polypod_state_json import JSONState
from polypod_state_kv import KVState
from polypod_state_sqlite import SQLiteState

DRIVERS: dict[str, Any] = {"sqlite": SQLiteState, "kv": KVState, "json": JSONState}


class FakeRuntime:
    """As much of the Runtime as a migration uses, over one directory."""

    def __init__(self, path: Path, default: str = "sqlite") -> None:
        self.static_dir = str(path / "static")
        self.tmp_dir = str(path / "tmp")
        self.composition = self
        marker = path / "static" / "backend"
        self.chosen = marker.read_text().strip() if marker.exists() else default
        self.state = self.state_named(self.chosen, self.static_dir, self.tmp_dir)

    def state_named(self, name: str, root: str, run_root: str) -> StatePort:
        driver = DRIVERS[name]
        return StatePort(driver(config=driver.Config(), root=root, run_root=run_root), name, name)


def content(state: StatePort) -> dict[tuple[str, str], bytes]:
    return {(b, key): value for b in BUCKETS for key, value, _ in state.list(b)}


def fill(state: StatePort, count: int = 700) -> dict[tuple[str, str], bytes]:
    for number in range(count):
        bucket = BUCKETS[number % len(BUCKETS)]
        value = b'{"n":%d,"fill":"%s"}' % (number, b"x" * (number * 13 % 3000))
        state.apply([("put", bucket, f"key-{number}", value)], False)
    state.apply([("put", "meta", "bytes", bytes(range(256)))], True)
    return content(state)


@pytest.mark.parametrize(("source", "target"), [(a, b) for a in DRIVERS for b in DRIVERS if a != b])
def test_there_and_back_is_equal(tmp_path: Path, source: str, target: str) -> None:
    rt: Any = FakeRuntime(tmp_path, source)
    before = fill(rt.state)
    done = migrate(rt, target)
    assert (done.source, done.target, done.records) == (source, target, len(before))
    there: Any = FakeRuntime(tmp_path, source)
    assert there.chosen == target
    assert content(there.state) == before
    there.state.apply([("delete", "meta", "bytes"), ("put", "volume", "new", b"{}")], True)
    changed = content(there.state)
    migrate(there, source)
    back: Any = FakeRuntime(tmp_path, target)
    assert back.chosen == source
    assert content(back.state) == changed  # also what was deleted over there is gone
    for used in (rt, there, back):
        used.state.close()


def test_to_where_it_is_already(tmp_path: Path) -> None:
    rt: Any = FakeRuntime(tmp_path)
    before = fill(rt.state, 10)
    assert migrate(rt, "sqlite").records == len(before)
    assert content(rt.state) == before


def test_an_empty_state(tmp_path: Path) -> None:
    rt: Any = FakeRuntime(tmp_path)
    os.makedirs(rt.static_dir)
    assert migrate(rt, "kv").records == 0
    assert FakeRuntime(tmp_path).chosen == "kv"


def test_sigkill_anywhere(tmp_path: Path) -> None:
    rng = random.Random(os.urandom(8))
    first: Any = FakeRuntime(tmp_path)
    before = fill(first.state)
    first.state.close()
    names = list(DRIVERS)
    switched = 0
    for _ in range(60):
        current = FakeRuntime(tmp_path).chosen
        target = rng.choice([name for name in names if name != current])
        child = Child(lambda _output, to=target: (migrate(FakeRuntime(tmp_path), to), None)[1])
        select.select([child.output], [], [], rng.random() * 0.12)
        child.kill()
        assert child.join()[1] == ""
        after: Any = FakeRuntime(tmp_path)
        assert after.chosen in (current, target)
        switched += after.chosen == target
        assert content(after.state) == before
        after.state.close()
    last: Any = FakeRuntime(tmp_path)
    migrate(last, next(name for name in names if name != last.chosen))
    assert content(FakeRuntime(tmp_path).state) == before
    assert 0 < switched < 60


def test_changes_meanwhile_are_not_lost(tmp_path: Path) -> None:
    rt: Any = FakeRuntime(tmp_path)
    fill(rt.state, 400)
    written: list[str] = []
    stop = threading.Event()

    def write() -> None:
        own: Any = FakeRuntime(tmp_path)
        while not stop.is_set() and len(written) < 30:
            key = f"late-{len(written)}"
            own.state.apply([("put", "volume", key, b"{}"), ("delete", "name", "key-1")], False)
            written.append(key)
        own.state.close()

    thread = threading.Thread(target=write)
    thread.start()
    migrate(rt, "kv")
    stop.set()
    thread.join()
    migrated: Any = FakeRuntime(tmp_path)
    found = content(migrated.state)
    source = content(rt.state)
    # Everything that the source had at the moment of the switch is there.
    missing = [key for key in source if key not in found]
    assert all(int(key.partition("-")[2]) >= len(written) - 2 for _, key in missing)


def test_a_late_change_comes_over_and_a_newer_one_stays(tmp_path: Path) -> None:
    rt: Any = FakeRuntime(tmp_path)
    rt.state.apply([("put", "volume", name, b"old") for name in ("late", "newer", "gone")], True)
    target = rt.state_named("kv", rt.static_dir, rt.tmp_dir)
    copied = system_migrate._copy(rt.state, target, lambda text: None)
    rt.state.apply([("put", "volume", name, b"source") for name in ("late", "newer", "added")], True)
    rt.state.apply([("delete", "volume", "gone")], True)
    target.apply([("put", "volume", "newer", b"target")], True)
    system_migrate._copy_late_changes(rt.state, target, copied)
    assert {key: value for key, value, _ in target.list("volume")} == {
        "added": b"source", "late": b"source", "newer": b"target",
    }  # fmt: skip
    target.close()


def test_damage_stops_it_before_anything_is_written(tmp_path: Path) -> None:
    rt: Any = FakeRuntime(tmp_path, "json")
    rt.state.apply([("put", "volume", "v", b'{"a":"MARK"}')], True)
    journal = tmp_path / "static" / "state.json.d" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b"MARK", b"MERK"))
    with pytest.raises(StateError, match="volume/v.*repair"):
        migrate(rt, "kv")
    assert FakeRuntime(tmp_path, "json").chosen == "json"
    assert not (tmp_path / "static" / "state.lmdb").exists()


def test_conflicts_are_what_they_were(tmp_path: Path) -> None:
    rt: Any = FakeRuntime(tmp_path)
    rt.state.apply([("put", "name", "n", b"{}")], True)
    migrate(rt, "json")
    after: Any = FakeRuntime(tmp_path)
    with pytest.raises(Conflict):
        after.state.apply([("check", "name", "n", 0), ("put", "name", "n", b"x")], True)
