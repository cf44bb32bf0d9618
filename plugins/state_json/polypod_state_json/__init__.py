"""State in readable JSON lines with a journal: plugin ``json`` of group ``polypod.state.v1``."""

from __future__ import annotations

import os

from polypod.kit.statefiles import ForkSafe, check_operations
from polypod.model.struct import Struct
from polypod.spec.markers import hookimpl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .files import Files


class Config(Struct):
    """``[plugin.state.json]`` in polypod.conf.

    ``journal_bytes``: when the journal is longer than this, a write folds it into the bucket files.
    """

    journal_bytes: int = 262144


class JSONState(ForkSafe):
    """The driver: takes the mutex, checks the batch, leaves the rest to :class:`.files.Files`."""

    Config: type[Struct] = Config

    def __init__(self, *, config: Any, root: str, run_root: str = "") -> None:
        super().__init__()
        self._config = config
        self._path = os.path.join(root, "state.json.d")
        self._made: Files | None = None

    def _files(self) -> Files:
        """The files' object; call with the mutex held."""
        self.check_pid()
        if self._made is None:
            from .files import Files

            self._made = Files(self._path, self._config.journal_bytes)
        return self._made

    @hookimpl
    def state_get(self, bucket: str, keys: Sequence[str]) -> dict[str, tuple[bytes, int]]:
        with self.mutex:
            return self._files().get(bucket, keys)

    @hookimpl
    def state_list(self, bucket: str, prefix: str) -> list[tuple[str, bytes, int]]:
        with self.mutex:
            return self._files().select(bucket, prefix)

    @hookimpl
    def state_apply(self, operations: Sequence[tuple[Any, ...]], durable: bool) -> int:
        check_operations(operations)
        with self.mutex:
            return self._files().apply(operations, durable)

    @hookimpl
    def state_check(self, repair: bool) -> list[tuple[str, str, str]]:
        from .repair import check

        with self.mutex:
            return check(self._files(), repair)

    @hookimpl
    def state_info(self) -> dict[str, str]:
        return {"path": self._path}

    @hookimpl
    def state_close(self) -> bool:
        with self.mutex:
            self.release_files()
        return True

    def release_files(self) -> None:
        """Close the lock file (see :class:`polypod.kit.statefiles.ForkSafe`)."""
        if self._made is not None:
            self._made.lock.close()

    def forget_files(self) -> None:
        """Let go of the parent's lock file."""
        if self._made is not None:
            self._made.lock.forget()
            self._made = None
