"""Layers that are being made or removed, so that a killed process leaves nothing behind.

Extracting a layer takes seconds; to hold ``layers.lock`` that long would stop every ``run``.
So the files are made under an ID that no record names, and a note in
``<driver>-layers/polypod-pending`` says so, locked as long as its process lives. The next
writer that finds a note without an owner removes what it names.
"""

from __future__ import annotations

import os

from ..kit.atomic import read_bytes
from ..kit.lockfile import Held, lock_now, lock_write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..ports.storage import StoragePort


class Pending:
    """The notes of one store."""

    def __init__(
        self, layers_directory: str, known: Callable[[str], object], driver: StoragePort
    ) -> None:
        self._directory = layers_directory + "/polypod-pending"
        self._layers = layers_directory
        self._known = known
        self._driver = driver

    def open(self, id: str) -> Note:
        """Note that files of a layer ``id`` are about to appear (or go away)."""
        while True:
            held = lock_write(f"{self._directory}/{id}")
            # Recovery may have removed the fresh file between its creation and the lock.
            if held.is_current():
                return Note(held, id)
            held.release()

    def recover(self) -> list[str]:
        """Remove what killed processes left; the IDs. The caller holds the layers' write lock."""
        try:
            names = os.listdir(self._directory)
        except FileNotFoundError:
            return []
        removed = []
        for name in names:
            held = lock_now(f"{self._directory}/{name}")
            if held is None:
                continue
            with held:
                if not held.is_current():
                    continue  # its owner finished between the look and the lock
                final = os.pread(held.fd, 4096, 0).decode("ascii", "replace").strip()
                self._discard(name)
                if final and self._known(final) is None:
                    self._discard(final)
                os.unlink(held.path)
            removed.append(name)
        return removed

    def busy(self) -> set[str]:
        """IDs that living processes are working on. The caller holds the layers' write lock."""
        found: set[str] = set()
        try:
            names = os.listdir(self._directory)
        except FileNotFoundError:
            return found
        for name in names:
            found.add(name)
            found.add((read_bytes(f"{self._directory}/{name}") or b"").decode("ascii", "replace"))
        return found

    def _discard(self, id: str) -> None:
        self._driver.remove(id)
        try:
            os.unlink(self.split_path(id))
        except FileNotFoundError:
            return

    def split_path(self, id: str) -> str:
        """Where a layer's tar-split file lies."""
        return f"{self._layers}/{id}.tar-split.gz"


class Note:
    """One note, owned by this process until it is done."""

    __slots__ = ("_held", "id")

    def __init__(self, held: Held, id: str) -> None:
        self._held = held
        self.id = id

    def becomes(self, id: str) -> None:
        """The layer is about to get its final ID; its record follows."""
        os.pwrite(self._held.fd, id.encode("ascii"), 0)

    @property
    def fd(self) -> int:
        """The locked file's descriptor: a helper process that holds it too keeps the note alive."""
        return self._held.fd

    def is_done(self) -> bool:
        """Whether the note was given back."""
        return self._held.fd < 0

    def done(self) -> None:
        """The record is written, or the files are gone."""
        if self._held.is_current():  # else the store was moved away, and its notes with it
            os.unlink(self._held.path)
        self._held.release()
