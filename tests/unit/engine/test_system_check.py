"""``system check`` of the state over a real backend: what it names and what it mends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from polypod.engine.system_check import check
from polypod.ports.state import StatePort
from polypod_state_json import JSONState

ID = "a" * 64
GONE = "b" * 64


class FakeRuntime:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.state = StatePort(
            JSONState(config=JSONState.Config(), root=str(path), run_root=""), "json", "json"
        )


@pytest.fixture
def rt(tmp_path: Path) -> Any:
    rt = FakeRuntime(tmp_path)
    rt.state.apply(
        [
            ("put", "container", ID, b'{"id":"MARK"}'),
            ("put", "container-state", ID, b'{"status":"exited"}'),
            ("put", "name", "one", b'{"id":"%s","kind":"container"}' % ID.encode()),
            ("put", "ref", f"volume:v:{ID}", b"{}"),
            ("put", "volume", "v", b'{"name":"v"}'),
        ],
        True,
    )
    return rt


def found(rt: Any, repair: bool = False) -> list[tuple[str, str, bool]]:
    return [(p.kind, p.name, p.repaired) for p in check(rt, repair=repair)]


def test_a_sound_state_has_no_problems(rt: Any) -> None:
    assert found(rt) == []
    assert found(rt, repair=True) == []


def test_a_damaged_container_goes_with_all_that_names_it(rt: Any) -> None:
    journal = rt.path / "state.json.d" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b"MARK", b"MERK"))
    assert found(rt) == [("record", f"container/{ID}", False)]
    assert found(rt, repair=True) == [
        ("record", f"container/{ID}", True),
        ("record", "name/one", True),
        ("record", f"container-state/{ID}", True),
        ("record", f"ref/volume:v:{ID}", True),
    ]
    assert found(rt) == []
    assert [row[0] for row in rt.state.list("volume")] == ["v"]


def test_what_belongs_to_nobody_is_named(rt: Any) -> None:
    rt.state.apply(
        [
            ("put", "name", "two", b'{"id":"%s","kind":"container"}' % GONE.encode()),
            ("put", "name", "pod", b'{"id":"%s","kind":"pod"}' % GONE.encode()),
            ("put", "ref", f"image:i:{GONE}", b"{}"),
        ],
        True,
    )
    expected = ["name/two", f"ref/image:i:{GONE}"]
    assert [name for _, name, _ in found(rt)] == expected
    assert found(rt, repair=True) == [("record", name, True) for name in expected]
    assert found(rt) == []


def test_a_record_that_is_no_object(rt: Any) -> None:
    rt.state.apply([("put", "volume", "broken", b"[1]"), ("put", "volume", "worse", b"\xff")], True)
    assert [name for _, name, _ in found(rt, repair=True)] == ["volume/broken", "volume/worse"]
    assert found(rt) == []
