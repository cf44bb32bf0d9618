"""Open LMDB files of this process: LMDB forbids to map one twice, so drivers share.

Two engines of one program may use the same state; closing the second mapping
would drop the locks of the first.
"""

from __future__ import annotations

import os
from _thread import allocate_lock

import lmdb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Constant, because all processes must agree; the file is sparse and grows as needed.
MAP_SIZE = 4 << 30
_mutex = allocate_lock()
_open: dict[tuple[int, int, bool], list[Any]] = {}
_abandoned: list[object] = []


class Mapping:
    """One user's hold on an open file: ``env`` until :meth:`close`."""

    def __init__(self, path: str, *, sync: bool = True, readonly: bool = False) -> None:
        """Open, or share; raises ``lmdb.Error`` or ``OSError``."""
        status = os.stat(path)
        self.inode = status.st_ino
        self.readonly = readonly
        self._key = (status.st_dev, status.st_ino, readonly)
        with _mutex:
            entry = _open.get(self._key)
            if entry is None:
                entry = _open[self._key] = [open_file(path, sync=sync, readonly=readonly), 0]
            entry[1] += 1
        self.env = entry[0]

    def close(self) -> None:
        """Let go; the last one unmaps and closes the file."""
        with _mutex:
            entry = _open[self._key]
            entry[1] -= 1
            if not entry[1]:
                del _open[self._key]
                entry[0].close()


def abandon_all() -> None:
    """Keep the parent process's files untouched: closing them would drop its locks."""
    _abandoned.extend(_open.values())
    _open.clear()


def open_file(path: str, *, sync: bool = True, readonly: bool = False) -> Any:
    """An LMDB environment with the settings that all processes use."""
    return lmdb.open(
        path,
        map_size=MAP_SIZE,
        subdir=False,
        mode=0o600,
        sync=sync,
        metasync=False,  # apply() syncs the root page of durable batches
        lock=False,  # see .environment
        readonly=readonly,
        readahead=False,
        max_spare_txns=0,
    )
