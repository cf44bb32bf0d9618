"""``mount`` and ``unmount``: a container's root file system on the host, also another tool's container's."""

from __future__ import annotations

from ..errors import InvalidState, NoSuchContainer, StorageError
from .events import emit_container
from .external import find_external
from .sync import refresh

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .runtime import Runtime


def find(rt: Runtime, name: str) -> str:
    """Full ID of a container of ours, or of another tool in the same store; ``NoSuchContainer``."""
    try:
        return rt.records.containers.find(name)
    except NoSuchContainer:
        return find_external(rt, name)


def mount(rt: Runtime, container_id: str) -> str:
    """Mount a container's root, or count one more user of the mount; returns its path."""
    try:
        container = rt.records.containers.get(container_id)
    except NoSuchContainer:
        return rt.store.mount_container(container_id)
    if container.image.rootfs:
        return container.image.rootfs
    path = rt.store.mount_container(container_id)
    emit_container(rt, "mount", container)
    return path


def mounted(rt: Runtime) -> list[dict[str, Any]]:
    """What is mounted: ``id``, ``Names`` and ``mountpoint`` of each container."""
    paths = rt.store.layer_records.mounted()
    return [
        {"id": record["id"], "Names": record.get("names") or [], "mountpoint": paths[record["layer"]]}
        for record in rt.store.containers()
        if record.get("layer") in paths
    ]


def unmount(rt: Runtime, container_id: str, *, force: bool = False) -> None:
    """Take one user off the mount, all with ``force``.

    Raises ``InvalidState`` for what a running container itself needs, ``StorageError`` when nothing is mounted.
    """
    layer = rt.store.container_layer(container_id)
    count = rt.store.layer_records.mount_count(layer)
    try:
        container = rt.records.containers.get(container_id)
    except NoSuchContainer:
        rt.store.unmount_container(container_id, force)
        return
    state = refresh(rt, container_id, rt.records.containers.state(container_id)[0])
    if state.status in ("running", "paused", "stopping") and (force or count <= 1):
        raise InvalidState(
            f"cannot unmount storage for container {container_id} as it is running or paused:"
            " container state improper"
        )
    if not count:
        raise StorageError(f"unmounting container {container_id}: layer is not mounted")
    rt.store.unmount_container(container_id, force)
    emit_container(rt, "unmount", container)
