"""``export``: a container's root file system as a tar."""

from __future__ import annotations

import os

from ..errors import PolypodError
from .events import emit_container

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .runtime import Runtime


def export(rt: Runtime, container_id: str, fd: int) -> None:
    """Write the file system of a container (full ID) to an open file descriptor.

    Volumes and other mounts are not in it; a running container may change it meanwhile.
    """
    from ..oci.tarstream_write import write_tree

    container = rt.records.containers.get(container_id)
    root = container.image.rootfs or rt.store.mount_container(container_id)
    try:
        for piece in write_tree(root):
            view = memoryview(piece)
            while view:
                view = view[os.write(fd, view) :]
    finally:
        if not container.image.rootfs:
            rt.store.unmount_container(container_id)
    emit_container(rt, "export", container)


def export_file(rt: Runtime, container_id: str, path: str) -> None:
    """:func:`export` to a file, which is deleted again when something fails."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise PolypodError(f"open {path}: {(error.strerror or '').lower()}") from None
    try:
        export(rt, container_id, fd)
    except BaseException:
        if os.path.isfile(path):
            os.unlink(path)
        raise
    finally:
        os.close(fd)
