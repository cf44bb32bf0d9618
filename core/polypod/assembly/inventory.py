"""Which plugins are installed, by whom: every entry point of a polypod group."""

from __future__ import annotations

from importlib import metadata

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

GROUPS = ("state", "runtime", "network", "storage", "monitor", "observer", "command")
CONTRACT = "v1"
PREFIX = "polypod."


class Found:
    """One entry point: ``group``, ``name``, ``target``, ``contract``, ``distribution``, ``version``."""

    def __init__(self, point: metadata.EntryPoint, distribution: metadata.Distribution) -> None:
        self.group_name = point.group
        _, self.group, self.contract = point.group.split(".", 2)
        self.name = point.name
        self.target = point.value.partition("[")[0].strip()
        self.distribution: str = distribution.metadata["Name"]
        self.version: str = distribution.version
        self.files = [str(path) for path in _files(distribution)]

    @property
    def ours(self) -> bool:
        """Whether it is made for the contract that this polypod has."""
        return self.contract == CONTRACT

    def __repr__(self) -> str:
        return f"Found({self.group_name}:{self.name} of {self.distribution})"


def _files(distribution: metadata.Distribution) -> Iterator[object]:
    """Files whose change means other entry points, also without a change of the folder."""
    folder = getattr(distribution, "_path", None)
    if folder is not None:
        yield folder
        yield folder / "entry_points.txt"


def installed() -> dict[str, list[Found]]:
    """All plugins by group (``state``, ...), whatever contract they are for, ordered by name."""
    found: dict[str, list[Found]] = {group: [] for group in GROUPS}
    seen = set()
    for distribution in metadata.distributions():
        points = [point for point in distribution.entry_points if _group(point) in found]
        if not points:
            continue
        # The first of a name on sys.path is the one that Python imports.
        name = distribution.metadata["Name"].lower().replace("_", "-")
        if name not in seen:
            seen.add(name)
            for point in points:
                found[_group(point)].append(Found(point, distribution))
    for members in found.values():
        members.sort(key=lambda one: (one.name, one.distribution, one.contract))
    return found


def _group(point: metadata.EntryPoint) -> str:
    """``state`` for ``polypod.state.v1``, "" for what is not ours."""
    parts = point.group.split(".")
    return parts[1] if len(parts) == 3 and point.group.startswith(PREFIX) else ""
