"""``export``: a container's root file system as a tar."""

from __future__ import annotations

from .events import emit_container
from .tar_out import send_tree, to_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .runtime import Runtime


def export(rt: Runtime, container_id: str, fd: int) -> None:
    """Write the file system of a container (full ID) to an open file descriptor.

    Volumes and other mounts are not in it; a running container may change it meanwhile.
    """
    container = rt.records.containers.get(container_id)
    root = container.image.rootfs or rt.store.mount_container(container_id)
    try:
        send_tree(root, fd)
    finally:
        if not container.image.rootfs:
            rt.store.unmount_container(container_id)
    emit_container(rt, "export", container)


def export_file(rt: Runtime, container_id: str, path: str) -> None:
    """:func:`export` to a file, which is deleted again when something fails."""
    to_file(path, lambda fd: export(rt, container_id, fd))
