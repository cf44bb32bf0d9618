"""The ways in which a store's layers are used: ``direct``, ``erofs``, ``fuse``, ``copy``."""

from __future__ import annotations

import os

from ..errors import StorageError
from ..store import Store, fitness
from ..store.filemount import built_file, unmount
from ..store.foreign import Root
from ..store.localize import copy_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model.imagestore import ImageStore
    from ..store.imagestores import ImageStores
    from .runtime import Runtime


def choose(rt: Runtime, stores: ImageStores, store: ImageStore, wanted: str) -> tuple[str, str]:
    """The way for a store and the reason for it; ``wanted`` forces one."""
    if store.kind != "dir":
        if wanted not in ("", "direct"):
            raise StorageError(f"a store in an {store.kind} file is mounted: --way {wanted} is not for it")
        return "direct", ""
    root = Root(store.path, store.driver)
    refused, rebuild = _trouble(rt, stores, store, root)
    reason = refused or rebuild
    if wanted:
        if wanted == "direct" and reason:
            raise StorageError(f"image store {store.path} cannot be used directly: {reason}")
        return wanted, reason or "as asked"
    if not reason:
        return "direct", ""
    if rt.driver_name == "overlay" and fitness.has_erofs():
        return "erofs", f"{reason}; its layers are put into an erofs file"
    if not rebuild and _fuse_overlayfs():
        return "fuse", f"{reason}; fuse-overlayfs mounts containers on it"
    return "copy", f"{reason}; its images are copied into the writable store"


def _trouble(
    rt: Runtime, stores: ImageStores, store: ImageStore, root: Root
) -> tuple[str, str]:
    """Why overlay cannot use the store, and why its layers must be made anew; "" for neither."""
    if store.driver != rt.driver_name:
        reason = f"it was written with the driver {store.driver}, and this engine uses {rt.driver_name}"
        return reason, reason
    if rt.driver_name != "overlay":
        return "", ""
    os.makedirs(stores.register.directory, 0o700, exist_ok=True)
    refused = fitness.overlay_refuses(root, stores.register.directory) or fitness.for_program(root)
    return refused, fitness.must_rebuild(root)


def _fuse_overlayfs() -> bool:
    from shutil import which

    return which("fuse-overlayfs") is not None


def prepare(rt: Runtime, stores: ImageStores, store: ImageStore) -> None:
    """Do what the store's way needs before it can be used."""
    if store.way == "erofs":
        build(rt, stores, store)
    elif store.way == "copy":
        copy_all(Root(store.path, store.driver), rt.store)
    elif store.way == "fuse" and not _fuse_overlayfs():
        raise StorageError("--way fuse needs fuse-overlayfs, which is not installed")


def build(rt: Runtime, stores: ImageStores, store: ImageStore) -> None:
    """Put a store's layers into an erofs file of the graphroot, unless the one there is current."""
    from ..kit.atomic import read_bytes, remove_tree, write_atomic
    from ..store.catalog import stamp

    file = built_file(stores, store)
    now = repr(stamp(store.path, store.driver)).encode()
    if os.path.exists(file) and read_bytes(file + ".stamp") == now:
        return
    if not fitness.has_erofs():
        raise StorageError("--way erofs needs mkfs.erofs (erofs-utils) and a kernel with erofs")
    unmount(stores, store)
    os.makedirs(os.path.dirname(file), 0o700, exist_ok=True)
    place = f"{file}.work"
    remove_tree(place)
    try:
        temporary = Store(
            place, f"{place}/run", rt.composition.storage_at(place, f"{place}/run"), rt.driver_name
        )
        source = Root(store.path, store.driver)
        copy_all(source, temporary)
        from ..store.export import keep_shorts, write_file

        built = Root(place, rt.driver_name)
        write_file([(built, image) for image in built.images.values()], file, "erofs",
                   stores.run_dir, id=store.id, shorts=keep_shorts(source))  # fmt: skip
    finally:
        remove_tree(place)
    write_atomic(file + ".stamp", now)


def discard(stores: ImageStores, store: ImageStore) -> None:
    """Delete what :func:`build` made."""
    file = built_file(stores, store)
    for path in (file, file + ".stamp"):
        try:
            os.unlink(path)
        except FileNotFoundError:
            continue
