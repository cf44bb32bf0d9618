"""Plugin group ``polypod.storage.v1``: how layers lie on disk (containers/storage "graph driver").

``Driver(config=..., home=<graphroot>/<name>, run_home=<runroot>/<name>, image_home=<imagestore>/<name> or "",
options={...from storage.conf and --storage-opt...}, additional=(homes of additional stores...))``.
A driver knows directories and mounts of layers by ID; layers.json, names, digests and locks
are ``polypod.store``'s, once above all drivers. All raise ``StorageError``; a driver that cannot work on the
file system at ``home`` raises ``DriverUnavailable`` from its constructor.
"""

from __future__ import annotations

from ..model.mount import MountSpec
from .markers import hookspec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

GROUP = "polypod.storage.v1"


@hookspec(firstresult=True)
def storage_prepare(id: str, parent: str, writable: bool) -> bool:
    """Make an empty layer on top of ``parent`` ("" = none). Idempotence: an existing ID is an error."""


@hookspec(firstresult=True)
def storage_diff_path(id: str) -> str:
    """The directory into which a new layer's own files are extracted, or that holds its changes."""


@hookspec(firstresult=True)
def storage_native_diff() -> bool:
    """True when ``storage_diff_path`` holds changes only (overlay); False when it holds the whole tree (vfs)."""


@hookspec(firstresult=True)
def storage_mounts(id: str, read_only: bool, label: str) -> list[MountSpec]:
    """The mounts that give the layer's whole view, to be made in order at one target."""


@hookspec(firstresult=True)
def storage_target(id: str) -> str:
    """Where a container's view of the layer is mounted by convention (overlay: <home>/ID/merged)."""


@hookspec(firstresult=True)
def storage_remove(id: str) -> bool:
    """Delete the layer's files; nothing may be mounted any more. True also when absent."""


@hookspec(firstresult=True)
def storage_exists(id: str) -> bool:
    """Whether the layer's files are there and complete enough to be mounted."""


@hookspec(firstresult=True)
def storage_list() -> list[str]:
    """IDs of all layers on disk."""


@hookspec(firstresult=True)
def storage_usage(id: str) -> tuple[int, int]:
    """Bytes and inodes of the layer's own files."""


@hookspec(firstresult=True)
def storage_info() -> list[tuple[str, str]]:
    """Rows for ``polypod info`` graphStatus, such as ("Backing Filesystem", "extfs")."""
