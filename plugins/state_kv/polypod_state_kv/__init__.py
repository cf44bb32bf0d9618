"""State in LMDB, a memory-mapped B+tree: plugin ``kv`` of group ``polypod.state.v1``.

Importing this module costs nothing; LMDB is loaded by the first call that finds
a file, or makes one.
"""

from __future__ import annotations

import os

from polypod.kit.statefiles import FileDriver
from polypod.model.struct import Struct
from polypod.spec.markers import hookimpl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .environment import Environment


class Config(Struct):
    """``[plugin.state.kv]`` in polypod.conf.

    ``relaxed``: do not sync batches that need not survive a loss of power. A commit
    then takes 0.01 ms and not 0.2, but a loss of power may damage the whole file;
    without it, it can only undo the last of those batches.
    """

    relaxed: bool = False


class KVState(FileDriver):
    """The driver: its hooks are :class:`~polypod.kit.statefiles.FileDriver`'s, over a :class:`.environment.Environment`."""

    Config: type[Struct] = Config

    def __init__(self, *, config: Any, root: str, run_root: str = "") -> None:
        super().__init__(os.path.join(root, "state.lmdb"))
        self._config = config
        self._root = root

    def open_files(self) -> Environment:
        from .environment import Environment

        return Environment(self._root, self.path, relaxed=self._config.relaxed)

    @hookimpl
    def state_check(self, repair: bool) -> list[tuple[str, str, str]]:
        from .repair import check, survey

        with self.mutex:
            environment = self.files()
        # Not under the mutex, for it forks.
        broken = survey(environment)
        with self.mutex:
            return check(self.files(), broken, repair)
