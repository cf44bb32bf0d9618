"""Mounts that are made on the host for a container: volumes, images, an overlay over --rootfs."""

from __future__ import annotations

import os

from ..kit.mounts import apply, mount, umount

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model.container import Container, Mount
    from .runtime import Runtime


def prepare_mounts(rt: Runtime, container: Container, rootfs: str) -> Container:
    """Fill and mount what the container's mounts come from; the container with real sources."""
    prepared = []
    for entry in container.mounts:
        if entry.type == "artifact":
            from .artifacts_mount import artifact_binds

            prepared += artifact_binds(rt, entry, rootfs)
            continue
        if entry.type == "volume":
            from .volumes import prepare_volume

            entry = prepare_volume(rt, container, entry, rootfs)
        elif entry.type == "image":
            entry = entry.evolve(source=_mount_image(rt, container, entry))
        prepared.append(entry)
    if any(entry.subpath for entry in prepared):
        from .subpaths import pin_subpaths

        prepared = pin_subpaths(container, prepared)
    return container.evolve(mounts=tuple(prepared))


def release_mounts(rt: Runtime, container: Container) -> None:
    """Undo :func:`prepare_mounts` and :func:`mount_rootfs_overlay`; safe to repeat."""
    if any(entry.subpath for entry in container.mounts):
        from .subpaths import release_subpaths

        release_subpaths(container)  # first: they are parts of the others
    for entry in container.mounts:
        if entry.type == "volume":
            from .volumes import release_volume

            release_volume(rt, container, entry)
        elif entry.type == "image":
            umount(_image_target(container, entry))
    if container.namespaces.ipc.startswith("container:"):
        from .namespaces import release_joined

        release_joined(container)
    if container.image.rootfs_overlay:
        umount(os.path.join(container.run_dir, "rootfs", "merged"))


def mount_rootfs_overlay(container: Container) -> str:
    """--rootfs PATH:O: an overlay whose changes live with the container."""
    base = os.path.join(container.bundle, "rootfs-overlay")
    target = os.path.join(container.run_dir, "rootfs", "merged")
    upper, work = os.path.join(base, "upper"), os.path.join(base, "work")
    for path in (upper, work, target):
        os.makedirs(path, 0o755, exist_ok=True)
    lower = container.image.rootfs
    mount("overlay", target, "overlay", 0, f"lowerdir={lower},upperdir={upper},workdir={work}")
    return target


def _image_target(container: Container, entry: Mount) -> str:
    slot = entry.destination.strip("/").replace("/", "-") or "root"
    return os.path.join(container.run_dir, "image-mounts", slot)


def _mount_image(rt: Runtime, container: Container, entry: Mount) -> str:
    image = rt.store.find_image(entry.source)
    if not image.top_layer:
        from .images_lookup import of_platform

        image = of_platform(rt, image)
    target = _image_target(container, entry)
    os.makedirs(target, 0o700, exist_ok=True)
    umount(target)
    for spec in rt.storage_driver.mounts(image.top_layer, True, ""):
        apply(spec, target)
    return target
