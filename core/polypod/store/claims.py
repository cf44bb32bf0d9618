"""Who brings a layer in: two processes that want the same one fetch it once.

A claim is a locked file ``<driver>-layers/polypod-fetching/LAYER_ID``. Whoever holds it fetches; the others
wait and find the layer recorded. The kernel gives back the lock of a process that was killed.
Claims save work and protect nothing: what makes a layer whole is :mod:`polypod.store.putlayer`.
"""

from __future__ import annotations

import os

from ..kit.lockfile import lock_now, lock_write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..kit.lockfile import Held


class Claims:
    """The claims on one store's layers. Take those of an image's layers from the lowest up."""

    def __init__(self, layers_directory: str) -> None:
        self._directory = layers_directory + "/polypod-fetching"

    def take_now(self, id: str) -> Held | None:
        """Claim a layer; ``None`` when another process brings it in right now."""
        while True:
            held = lock_now(f"{self._directory}/{id}", create=True)
            if held is None or held.is_current():
                return held
            held.release()  # its last owner has just removed the file

    def take(self, id: str) -> Held:
        """Claim a layer, waiting for the process that brings it in."""
        while True:
            held = lock_write(f"{self._directory}/{id}")
            if held.is_current():
                return held
            held.release()

    def give_back(self, held: Held) -> None:
        """End a claim."""
        if held.is_current():  # else the store was moved away, and the claim with it
            os.unlink(held.path)
        held.release()

    def sweep(self) -> None:
        """Remove the files of processes that were killed."""
        try:
            names = os.listdir(self._directory)
        except FileNotFoundError:
            return
        for name in names:
            held = lock_now(f"{self._directory}/{name}")
            if held is not None:
                if held.is_current():
                    os.unlink(held.path)
                held.release()
