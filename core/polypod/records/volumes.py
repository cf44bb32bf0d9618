"""Volumes in the state."""

from __future__ import annotations

from ..errors import AlreadyExists, Conflict, CorruptRecord, NoSuchVolume
from ..model.volume import Volume
from . import references
from .codec import decode, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..ports.state import StatePort

VOLUME = "volume"


class VolumeRecords:
    """The volume part of :class:`polypod.records.Records`."""

    def __init__(self, state: StatePort) -> None:
        self._state = state

    def add(self, volume: Volume) -> None:
        """Store a new volume; raises ``AlreadyExists``."""
        try:
            self._state.apply(
                [
                    ("check", VOLUME, volume.name, 0),
                    ("put", VOLUME, volume.name, encode(volume.to_dict())),
                ],
                not volume.anonymous,
            )
        except Conflict:
            raise AlreadyExists(
                f"volume with name {volume.name} already exists: volume already exists"
            ) from None

    def get(self, name: str) -> Volume:
        """A volume by its exact name; raises ``NoSuchVolume``."""
        found = self._state.get(VOLUME, [name])
        if name not in found:
            raise NoSuchVolume(f"no volume with name \"{name}\" found: no such volume")
        return Volume.from_dict(decode(VOLUME, name, found[name][0]))

    def find(self, ref: str) -> Volume:
        """A volume by its name or an unambiguous prefix of it."""
        matches = [key for key, _, _ in self._state.list(VOLUME, ref)]
        if ref in matches or len(matches) == 1:
            return self.get(ref if ref in matches else matches[0])
        if matches:
            raise AlreadyExists(f"more than one result for volume name {ref}: volume already exists")
        raise NoSuchVolume(f"no volume with name \"{ref}\" found: no such volume")

    def all(self) -> list[Volume]:
        """All volumes that can be read, by name."""
        volumes = []
        for name, value, _ in self._state.list(VOLUME, ""):
            try:
                volumes.append(Volume.from_dict(decode(VOLUME, name, value)))
            except CorruptRecord:
                continue  # named by `system check`; one bad record hides only itself
        return volumes

    def users(self, name: str) -> list[str]:
        """IDs of the containers that use it."""
        return references.users(self._state, "volume", name)

    def update(self, name: str, change: Callable[[Volume], Volume]) -> Volume:
        """Change a volume, retrying lost races."""
        while True:
            found = self._state.get(VOLUME, [name])
            if name not in found:
                raise NoSuchVolume(f"no volume with name \"{name}\" found: no such volume")
            value, revision = found[name]
            changed = change(Volume.from_dict(decode(VOLUME, name, value)))
            try:
                self._state.apply(
                    [("check", VOLUME, name, revision), ("put", VOLUME, name, encode(changed.to_dict()))],
                    False,
                )
            except Conflict:
                continue
            return changed

    def remove(self, name: str) -> None:
        """Forget a volume; absent is fine."""
        self._state.apply([("delete", VOLUME, name)], True)
