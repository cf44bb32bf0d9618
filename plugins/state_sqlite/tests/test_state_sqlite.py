"""The state contract for backend sqlite, and what is special about it."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path

import pytest
from polypod.errors import StateError
from polypod.testing.state import StateSuite
from polypod_state_sqlite import SQLiteState


class TestSQLiteState(StateSuite):
    """The conformance suite."""

    driver = SQLiteState

    def settle(self, state: SQLiteState, root: Path) -> None:
        """Records get out of the write-ahead log by a checkpoint only."""
        state.state_close()
        connection = sqlite3.connect(root / "state.db")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()

    def test_closing_makes_no_checkpoint(self, state: SQLiteState, root: Path) -> None:
        state.state_apply([("put", "b", "k", b"1")], True)
        state.state_close()
        assert (root / "state.db-wal").stat().st_size > 0
        assert self.make(root).state_get("b", ["k"])["k"][0] == b"1"

    def test_a_foreign_transaction_is_waited_out(self, state: SQLiteState, root: Path) -> None:
        state.state_apply([("put", "b", "k", b"1")], True)
        foreign = sqlite3.connect(root / "state.db", isolation_level=None, check_same_thread=False)
        foreign.execute("BEGIN IMMEDIATE")
        writer = threading.Thread(target=state.state_apply, args=([("put", "b", "k", b"2")], False))
        writer.start()
        foreign.execute("SELECT count(*) FROM records").fetchall()
        assert writer.is_alive()
        foreign.execute("ROLLBACK")
        writer.join()
        foreign.close()
        assert state.state_get("b", ["k"])["k"][0] == b"2"

    def _filled_file(self, root: Path) -> Path:
        state = self.make(root)
        for number in range(400):
            state.state_apply([("put", "b", f"{number:03}", b"y" * 600)], False)
        self.settle(state, root)
        return root / "state.db"

    def test_a_damaged_page_costs_its_records_only(self, root: Path) -> None:
        path = self._filled_file(root)
        with path.open("r+b") as file:
            file.seek(8192 * 20)
            file.write(os.urandom(8192))
        state = self.make(root)
        with pytest.raises(StateError, match="system check --repair"):
            state.state_list("b", "")
        assert state.state_check(True)[0][:2] == ("", "")
        rows = state.state_list("b", "")
        assert 350 < len(rows) < 400
        assert state.state_check(False) == []
        revision = state.state_apply([("put", "b", "new", b"1")], True)
        assert revision > max(row[2] for row in rows)
        assert (root / "state.db-damaged").exists()
        state.state_close()

    def test_a_file_that_is_no_database(self, root: Path) -> None:
        path = self._filled_file(root)
        path.write_bytes(b"nonsense" * 3000)
        state = self.make(root)
        with pytest.raises(StateError, match="system check --repair"):
            state.state_get("b", ["k"])
        assert state.state_check(False)[0][:2] == ("", "")
        state.state_check(True)
        assert state.state_list("b", "") == []
        state.state_apply([("put", "b", "k", b"1")], True)
        assert state.state_check(False) == []
        state.state_close()

    def test_another_process_follows_a_rebuilt_file(self, state: SQLiteState, root: Path) -> None:
        path = self._filled_file(root)
        assert len(state.state_list("b", "")) == 400
        state.state_close()
        path.write_bytes(b"nonsense" * 3000)
        other = self.make(root)
        other.state_check(True)
        other.state_apply([("put", "b", "k", b"1")], True)
        assert [row[0] for row in state.state_list("b", "")] == ["k"]
        other.state_close()

    def test_a_newer_format_is_left_alone(self, root: Path) -> None:
        path = self._filled_file(root)
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA user_version=99")
        connection.close()
        with pytest.raises(StateError, match="newer polypod"):
            self.make(root).state_list("b", "")
