"""Layers whose content was found to be changed: the next pull or load of their image brings them in anew.

``system check`` reads layers and notes the damaged ones in ``<driver>-layers/polypod-damaged``, an empty file
each. A layer without a note counts as sound as long as its files are there: to read them at every pull
would take longer than the pull.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .store import Store


class Condemned:
    """The notes of one store's image layers."""

    def __init__(self, layers_directory: str) -> None:
        self._directory = layers_directory + "/polypod-damaged"

    def has(self, id: str) -> bool:
        """Whether a layer was found damaged."""
        return os.path.exists(f"{self._directory}/{id}")

    def forget(self, id: str) -> None:
        """The layer is sound again, or gone."""
        try:
            os.unlink(f"{self._directory}/{id}")
        except FileNotFoundError:
            return

    def replace(self, ids: Iterable[str]) -> None:
        """Note these layers, and no others."""
        wanted = set(ids)
        try:
            noted = set(os.listdir(self._directory))
        except FileNotFoundError:
            noted = set()
        for id in noted - wanted:
            self.forget(id)
        if wanted - noted:
            os.makedirs(self._directory, 0o700, exist_ok=True)
        for id in wanted - noted:
            os.close(os.open(f"{self._directory}/{id}", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))


def condemned_of(store: Store) -> Condemned:
    """The notes of a store."""
    return Condemned(os.path.dirname(store.layer_records.image))


def is_sound(store: Store, id: str) -> bool:
    """Whether a layer's files are there, and nobody found them changed (or they are in use just now)."""
    if not store.driver.exists(id):
        return False
    return not condemned_of(store).has(id) or in_use(store, id)


def in_use(store: Store, id: str) -> bool:
    """Whether a mounted layer is this one or stands on it: then its files must not be replaced."""
    parents = {layer.id: layer.parent for layer in store.layers()}
    for mounted in store.layer_records.mounted():
        current, steps = mounted, 0
        while current and steps <= len(parents):
            if current == id:
                return True
            current, steps = parents.get(current, ""), steps + 1
    return False
