"""The state contract for backend sqlite, and what is special about it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

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
