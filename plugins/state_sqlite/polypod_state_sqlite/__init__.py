"""State in one SQLite file in WAL mode: plugin ``sqlite`` of group ``polypod.state.v1``.

Importing this module costs nothing; :mod:`.database` and with it SQLite are
loaded by the first call that finds a file, or makes one.
"""

from __future__ import annotations

import os

from polypod.kit.statefiles import FileDriver
from polypod.model.struct import Struct
from polypod.spec.markers import hookimpl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .database import Database


class Config(Struct):
    """``[plugin.state.sqlite]`` in polypod.conf.

    ``checkpoint_pages``: after how many pages of 8 KiB in the write-ahead log its
    content moves into the database file. Fewer make the next command's start a
    little faster and sync more often.
    """

    checkpoint_pages: int = 128


class SQLiteState(FileDriver):
    """The driver: its hooks are :class:`~polypod.kit.statefiles.FileDriver`'s, over a :class:`.database.Database`."""

    Config: type[Struct] = Config

    def __init__(self, *, config: Any, root: str, run_root: str = "") -> None:
        super().__init__(os.path.join(root, "state.db"))
        self._config = config
        self._root = root

    def open_files(self) -> Database:
        from .database import Database

        return Database(self._root, self.path, self._config.checkpoint_pages)

    @hookimpl
    def state_check(self, repair: bool) -> list[tuple[str, str, str]]:
        from .repair import check

        with self.mutex:
            return check(self.files(), repair)

    def __del__(self) -> None:
        self.release_files()
