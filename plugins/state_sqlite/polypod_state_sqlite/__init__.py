"""State in one SQLite file in WAL mode: plugin ``sqlite`` of group ``polypod.state.v1``.

Importing this module costs nothing; :mod:`.database` and with it SQLite are
loaded by the first call that finds a file, or makes one.
"""

from __future__ import annotations

import os

from polypod.kit.statefiles import ForkSafe, check_operations
from polypod.model.struct import Struct
from polypod.spec.markers import hookimpl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .database import Database


class Config(Struct):
    """``[plugin.state.sqlite]`` in polypod.conf.

    ``checkpoint_pages``: after how many pages of 8 KiB in the write-ahead log its
    content moves into the database file. Fewer make the next command's start a
    little faster and sync more often.
    """

    checkpoint_pages: int = 128


class SQLiteState(ForkSafe):
    """The driver: takes the mutex, checks the batch, leaves the rest to :class:`.database.Database`."""

    Config: type[Struct] = Config

    def __init__(self, *, config: Any, root: str, run_root: str = "") -> None:
        super().__init__()
        self._config = config
        self._root = root
        self._path = os.path.join(root, "state.db")
        self._made: Database | None = None

    def _database(self) -> Database:
        """The database object; call with the mutex held."""
        self.check_pid()
        if self._made is None:
            from .database import Database

            self._made = Database(self._root, self._path, self._config.checkpoint_pages)
        return self._made

    @hookimpl
    def state_get(self, bucket: str, keys: Sequence[str]) -> dict[str, tuple[bytes, int]]:
        with self.mutex:
            return self._database().get(bucket, keys)

    @hookimpl
    def state_list(self, bucket: str, prefix: str) -> list[tuple[str, bytes, int]]:
        with self.mutex:
            return self._database().select(bucket, prefix)

    @hookimpl
    def state_apply(self, operations: Sequence[tuple[Any, ...]], durable: bool) -> int:
        check_operations(operations)
        with self.mutex:
            return self._database().apply(operations, durable)

    @hookimpl
    def state_check(self, repair: bool) -> list[tuple[str, str, str]]:
        from .repair import check

        with self.mutex:
            return check(self._database(), repair)

    @hookimpl
    def state_info(self) -> dict[str, str]:
        return {"path": self._path}

    @hookimpl
    def state_close(self) -> bool:
        with self.mutex:
            self.release_files()
        return True

    def release_files(self) -> None:
        """Close the database (see :class:`polypod.kit.statefiles.ForkSafe`)."""
        if self._made is not None:
            self._made.close()

    def forget_files(self) -> None:
        """Let go of the parent's connection without touching its locks."""
        if self._made is not None:
            self._made.abandon()
            self._made = None

    def __del__(self) -> None:
        self.release_files()
