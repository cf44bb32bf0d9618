"""The facade over the state driver: one attribute a noun.

Buckets: ``container`` (definition, by ID), ``container-state`` (changing part, by ID),
``name`` (name -> ID, shared by containers and pods), ``ref`` (who needs whom),
``volume`` (by name), ``meta``.
"""

from __future__ import annotations

from . import references
from .codec import decode, encode
from .containers import ContainerRecords

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..ports.state import StatePort
    from .volumes import VolumeRecords

#: Every bucket, for migration and checks.
BUCKETS = ("meta", "name", "container", "container-state", "volume", "ref", "pod", "secret")


class Records:
    """Domain records over one state port."""

    def __init__(self, state: StatePort) -> None:
        self.state = state
        self.containers = ContainerRecords(state)

    @property
    def volumes(self) -> VolumeRecords:
        """The volumes; made when asked for, since most commands have nothing to do with them."""
        made: VolumeRecords | None = self.__dict__.get("_volumes")
        if made is None:
            from .volumes import VolumeRecords

            made = self.__dict__["_volumes"] = VolumeRecords(self.state)
        return made

    def network_users(self, name: str) -> list[str]:
        """IDs of the containers that are attached to a network."""
        return references.users(self.state, "network", name)

    def image_users(self, id: str) -> list[str]:
        """IDs of the containers made from an image."""
        return references.users(self.state, "image", id)

    def all_users(self, kind: str) -> dict[str, list[str]]:
        """``{object name: [container IDs]}`` for kind volume, network, image or container."""
        return references.all_users(self.state, kind)

    def meta(self, key: str) -> str:
        """A fact about the whole state (schema, boot ID), "" when absent."""
        found = self.state.get("meta", [key])
        return str(decode("meta", key, found[key][0])["value"]) if key in found else ""

    def set_meta(self, key: str, value: str) -> None:
        """Store a fact about the whole state."""
        self.state.apply([("put", "meta", key, encode({"value": value}))], True)
