"""State in LMDB, a memory-mapped B+tree: plugin ``kv`` of group ``polypod.state.v1``.

Importing this module costs nothing; LMDB is loaded by the first call that finds
a file, or makes one.
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

    from .environment import Environment


class Config(Struct):
    """``[plugin.state.kv]`` in polypod.conf.

    ``relaxed``: do not sync batches that need not survive a loss of power. A commit
    then takes 0.01 ms and not 0.2, but a loss of power may damage the whole file;
    without it, it can only undo the last of those batches.
    """

    relaxed: bool = False


class KVState(ForkSafe):
    """The driver: takes the mutex, checks the batch, leaves the rest to :class:`.environment.Environment`."""

    Config: type[Struct] = Config

    def __init__(self, *, config: Any, root: str, run_root: str = "") -> None:
        super().__init__()
        self._config = config
        self._root = root
        self._path = os.path.join(root, "state.lmdb")
        self._made: Environment | None = None

    def _environment(self) -> Environment:
        """The environment object; call with the mutex held."""
        self.check_pid()
        if self._made is None:
            from .environment import Environment

            self._made = Environment(self._root, self._path, relaxed=self._config.relaxed)
        return self._made

    @hookimpl
    def state_get(self, bucket: str, keys: Sequence[str]) -> dict[str, tuple[bytes, int]]:
        with self.mutex:
            return self._environment().get(bucket, keys)

    @hookimpl
    def state_list(self, bucket: str, prefix: str) -> list[tuple[str, bytes, int]]:
        with self.mutex:
            return self._environment().select(bucket, prefix)

    @hookimpl
    def state_apply(self, operations: Sequence[tuple[Any, ...]], durable: bool) -> int:
        check_operations(operations)
        with self.mutex:
            return self._environment().apply(operations, durable)

    @hookimpl
    def state_check(self, repair: bool) -> list[tuple[str, str, str]]:
        from .repair import check, survey

        with self.mutex:
            environment = self._environment()
        # Not under the mutex, for it forks.
        broken = survey(environment)
        with self.mutex:
            return check(self._environment(), broken, repair)

    @hookimpl
    def state_info(self) -> dict[str, str]:
        return {"path": self._path}

    @hookimpl
    def state_close(self) -> bool:
        with self.mutex:
            self.release_files()
        return True

    def release_files(self) -> None:
        """Close the file (see :class:`polypod.kit.statefiles.ForkSafe`)."""
        if self._made is not None:
            self._made.close()

    def forget_files(self) -> None:
        """Let go of the parent's mapping without touching its locks."""
        if self._made is not None:
            from .shared import abandon_all

            abandon_all()
            self._made.lock.forget()
            self._made = None
