"""State in readable JSON lines with a journal: plugin ``json`` of group ``polypod.state.v1``."""

from __future__ import annotations

import os

from polypod.kit.statefiles import FileDriver
from polypod.model.struct import Struct
from polypod.spec.markers import hookimpl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .files import Files


class Config(Struct):
    """``[plugin.state.json]`` in polypod.conf.

    ``journal_bytes``: when the journal is longer than this, a write folds it into the bucket files.
    """

    journal_bytes: int = 262144


class JSONState(FileDriver):
    """The driver: its hooks are :class:`~polypod.kit.statefiles.FileDriver`'s, over a :class:`.files.Files`."""

    Config: type[Struct] = Config

    def __init__(self, *, config: Any, root: str, run_root: str = "") -> None:
        super().__init__(os.path.join(root, "state.json.d"))
        self._config = config

    def open_files(self) -> Files:
        from .files import Files

        return Files(self.path, self._config.journal_bytes)

    @hookimpl
    def state_check(self, repair: bool) -> list[tuple[str, str, str]]:
        from .repair import check

        with self.mutex:
            return check(self.files(), repair)
