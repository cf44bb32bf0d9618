"""The state contract for backend kv, and what is special about it."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from polypod.testing.state import StateContract, StateSuite
from polypod.testing.state_kill import StateKill
from polypod_state_kv import KVState


class TestKVState(StateSuite):
    """The conformance suite."""

    driver = KVState

    def test_a_damaged_file_is_salvaged(self, root: Path) -> None:
        state = self.make(root)
        for number in range(400):
            state.state_apply([("put", "b", f"{number:03}", b"y" * 600)], False)
        state.state_apply([("put", "b", "large", b"z" * 50_000)], True)
        state.state_close()
        path = root / "state.lmdb"
        data = bytearray(path.read_bytes())
        for page in range(2 * 4096, len(data), 4096):
            if data[page + 10] == 1:  # branch pages: the way to every leaf
                data[page : page + 4096] = bytes(4096)
        path.write_bytes(data)
        found = state.state_check(True)
        assert found[0][:2] == ("", "")
        rows = state.state_list("b", "")
        assert [row[0] for row in rows] == [*(f"{n:03}" for n in range(400)), "large"]
        assert rows[-1][1] == b"z" * 50_000
        assert state.state_check(False) == []
        assert state.state_apply([("put", "b", "new", b"1")], True) > max(row[2] for row in rows)
        state.state_close()


class TestRelaxed(StateContract, StateKill):
    """Without syncs; SIGKILL must still lose nothing."""

    driver = KVState
    settings: ClassVar[dict[str, bool]] = {"relaxed": True}
