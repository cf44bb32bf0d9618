"""Plugin group ``polypod.storage.v1``: how layers lie on disk (containers/storage "graph driver").

``Driver(config=..., home=<graphroot>/<name>, run_home=<runroot>/<name>,
image_home=<imagestore>/<name> or "", options={...}, additional=(homes of additional stores...))``.
``options`` are those of storage.conf and ``--storage-opt``, with or without the driver's
prefix (``overlay.mountopt``, ``mountopt``); a driver refuses one that it does not know, by name.
A driver knows directories and mounts of layers by ID; layers.json, names, digests and locks
are ``polypod.store``'s, once above all drivers. Constructing it leaves nothing behind.

All functions raise ``StorageError``. A driver that cannot work on the file system of
``home`` raises ``DriverUnavailable``, from its constructor when ``home`` is not there yet, so that the
next driver can be tried. Calls that change one layer are made under the store's locks or for an ID
that nobody else knows yet.
"""

from __future__ import annotations

from ..model.mount import MountSpec
from .markers import hookspec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

GROUP = "polypod.storage.v1"


@hookspec(firstresult=True)
def storage_prepare(id: str, parent: str, writable: bool) -> bool:
    """Make an empty layer on top of ``parent`` ("" = none).

    ``writable``: a container's own layer, which lies in ``home``; others lie in
    ``image_home`` when there is one. Files of an earlier layer with this ID, which no record
    names any more, are removed first. A parent that is not there is a ``StorageError``.
    """


@hookspec(firstresult=True)
def storage_rename(id: str, new_id: str) -> bool:
    """Give a layer that nobody uses yet its final ID. ``new_id`` must not exist."""


@hookspec(firstresult=True, optional=True)
def storage_adopt(id: str, parent: str, inherit: bool) -> bool:
    """Put a layer that was prepared without a parent on top of ``parent``, which is complete.

    Only drivers whose layers hold changes alone can do this; it lets the layers of an
    image be extracted at the same time. Nobody uses ``id`` yet. With ``inherit`` the layer's top
    directory gets its parent's owner and mode, because the archive said nothing about it.
    What it writes need not be on disk afterwards: the store syncs before it records the layer.
    Without this hook layers are extracted one after the other.

    .. versionadded:: 0.2
    """


@hookspec(firstresult=True, optional=True)
def storage_renew(id: str, new_id: str) -> bool:
    """``storage_rename`` over a layer whose files are damaged or gone.

    What stands on ``new_id`` finds the new files in the place of the old ones. Without
    this hook the store removes ``new_id`` and renames.

    .. versionadded:: 0.2
    """


@hookspec(firstresult=True)
def storage_diff_path(id: str) -> str:
    """The directory into which a new layer's own files are extracted, or that holds its changes."""


@hookspec(firstresult=True)
def storage_diff_paths(id: str) -> Sequence[str]:
    """The directories that make up the layer's view, topmost first (one for a driver of whole trees)."""


@hookspec(firstresult=True)
def storage_native_diff() -> bool:
    """True when ``storage_diff_path`` holds changes only (overlay); False: the whole tree (vfs)."""


@hookspec(firstresult=True)
def storage_extraction() -> dict[str, Any]:
    """How a layer is extracted into ``storage_diff_path``.

    ``whiteouts``: what a deletion becomes: ``"overlay"`` (character device 0/0, opaque
    xattr ``trusted.overlay.opaque``), ``"user"`` (the same with ``user.overlay.*``), ``"aufs"`` (``.wh.`` files as they
    are) or ``"apply"`` (the file is deleted, for directories that hold the whole tree).
    ``ignore_chown_errors``: whether owners that cannot be set are left as they are.
    """


@hookspec(firstresult=True)
def storage_mounts(id: str, read_only: bool, label: str, options: Sequence[str]) -> list[MountSpec]:
    """The mounts that give the layer's whole view, to be made in order at ``storage_target``.

    Empty for a driver whose layers are plain directories. ``options`` are added to
    the driver's own (``volatile``: the changes need not survive a crash); a driver
    ignores those that mean nothing to it.
    """


@hookspec(firstresult=True)
def storage_target(id: str) -> str:
    """Where a view of the layer is mounted by convention (overlay: <home>/ID/merged); the directory exists."""


@hookspec(firstresult=True)
def storage_release(id: str, last: bool) -> bool:
    """The layer's view was unmounted; ``last``: no other layer of this store is mounted now.

    Undoes what ``storage_mounts`` prepared. Called under the store's lock of mount points; with
    ``last`` also after a layer was removed, for other tools prepare mounts and leave it so.
    """


@hookspec(firstresult=True)
def storage_remove(id: str) -> bool:
    """Delete the layer's files; nothing may be mounted any more. True also when absent."""


@hookspec(firstresult=True)
def storage_exists(id: str) -> bool:
    """Whether the layer's files are there and complete enough to be mounted."""


@hookspec(firstresult=True)
def storage_list() -> list[str]:
    """IDs of all layers on disk, read-only stores left out."""


@hookspec(firstresult=True)
def storage_usage(id: str) -> tuple[int, int]:
    """Bytes and inodes of the layer's own files."""


@hookspec(firstresult=True)
def storage_check(repair: bool) -> list[tuple[str, str]]:
    """What is wrong on disk, as (layer ID, reason); with ``repair`` what can be rebuilt is."""


@hookspec(firstresult=True)
def storage_info() -> list[tuple[str, str]]:
    """Rows for ``polypod info`` graphStatus, such as ("Backing Filesystem", "extfs")."""
