"""What a check of the store found."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class Report:
    """Reasons by the IDs of what is damaged.

    ``parents`` are all layers with the ones below them, ``chain`` the layers that an image or a
    container needs, ``read_only`` the IDs of layers and images of other stores, ``changed`` layers
    whose content was changed, ``unmanaged`` layers on disk without a record, ``recovered`` those of
    killed writers, already removed, ``away`` layers of stores that are not there now, ``apart`` containers
    whose image lies in a store that was not given (ID -> what to give), which are not damaged for that.
    """

    def __init__(self) -> None:
        self.layers: dict[str, list[str]] = {}
        self.images: dict[str, list[str]] = {}
        self.containers: dict[str, list[str]] = {}
        self.parents: dict[str, str] = {}
        self.chain: set[str] = set()
        self.read_only: set[str] = set()
        self.away: set[str] = set()
        self.apart: dict[str, str] = {}
        self.changed: set[str] = set()
        self.unmanaged: list[str] = []
        self.recovered: list[str] = []

    def add_layer(self, id: str, reason: str) -> None:
        """Note what is wrong with a layer."""
        _add(self.layers, id, reason)

    def add_image(self, id: str, reason: str) -> None:
        """Note what is wrong with an image."""
        _add(self.images, id, reason)

    def add_container(self, id: str, reason: str) -> None:
        """Note what is wrong with a container."""
        _add(self.containers, id, reason)

    def problems(self) -> Iterator[tuple[str, str, str]]:
        """``(kind, id, reason)``, layers first; what depends on them follows."""
        from .check import UNMANAGED

        for id in self.recovered:
            yield "layer", id, "left by a killed process (removed)"
        for id in self.unmanaged:
            yield "layer", id, UNMANAGED
        kinds = (("layer", self.layers), ("image", self.images), ("container", self.containers))
        for kind, found in kinds:
            for id, reasons in found.items():
                for reason in reasons:
                    yield kind, id, reason

    def damaged(self) -> bool:
        """Whether anything is wrong that is not mended yet."""
        return bool(self.layers or self.images or self.containers or self.unmanaged)

    def depth(self, id: str) -> int:
        """How many layers lie below one."""
        count = 0
        while (id := self.parents.get(id, "")) and count < len(self.parents):
            count += 1
        return count


def _add(found: dict[str, list[str]], id: str, reason: str) -> None:
    reasons = found.setdefault(id, [])
    if reason not in reasons:
        reasons.append(reason)
