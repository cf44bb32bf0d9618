"""Stores in files: erofs and squashfs images, mounted read-only when they are needed."""

from __future__ import annotations

import errno
import os

from ..errors import StorageError
from ..kit import mounts
from ..kit.atomic import remove_tree
from ..kit.lockfile import lock_write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model.imagestore import ImageStore
    from .imagestores import ImageStores

_EROFS_AT, _EROFS = 1024, b"\xe2\xe1\xf5\xe0"
_SQUASHFS = b"hsqs"

_LOOP_WAIT = 3.0  # seconds

#: What to run where the kernel cannot mount, or does not let us.
_PROGRAMS = {"erofs": "erofsfuse", "squashfs": "squashfuse"}


def kind_of(path: str) -> str:
    """``erofs`` or ``squashfs`` by the file's magic number, else ""."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if os.pread(fd, 4, 0) == _SQUASHFS:
            return "squashfs"
        return "erofs" if os.pread(fd, 4, _EROFS_AT) == _EROFS else ""
    finally:
        os.close(fd)


def file_of(stores: ImageStores, store: ImageStore) -> str:
    """The file that is mounted: the store itself, or the one that was built from it."""
    return built_file(stores, store) if store.kind == "dir" else store.path


def built_file(stores: ImageStores, store: ImageStore) -> str:
    """Where the erofs file lies that was built from a store's layers (way ``erofs``)."""
    return f"{stores.register.directory}/built/{store.id}.erofs"


def ensure_mounted(stores: ImageStores, store: ImageStore) -> str:
    """Mount a store's file where it is not mounted yet; why that does not work, or ""."""
    from .probing import probe

    target, file = stores.root(store), file_of(stores, store)
    mounted = mounts.is_mounted(target)
    identity = "" if store.foreign else store.id
    if mounted:
        question = (store.name, target, identity, "")
        return probe([question], stores.run_dir, {store.name: (file,)})[store.name]
    reason = probe([(store.name, file, "", "")], stores.run_dir)[store.name]
    if reason:
        return reason
    try:
        with lock_write(f"{stores.run_dir}/{store.name}.lock"):
            if not mounts.is_mounted(target):
                mount_file(file, target, "erofs" if store.kind == "dir" else store.kind)
    except StorageError as error:
        return str(error)
    return probe([(store.name, target, identity, "")], stores.run_dir)[store.name]


def mount_file(file: str, target: str, kind: str) -> None:
    """Mount an erofs or squashfs file read-only; ``StorageError`` with what was tried."""
    os.makedirs(target, 0o755, exist_ok=True)
    try:
        if kind == "erofs":
            try:
                _mount(file, target, kind)
                return
            except OSError as error:
                if error.errno not in (errno.ENOTBLK, errno.EINVAL):
                    raise
        _mount_loop(file, target, kind)
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise StorageError(f"cannot mount {file}: no loop device is free") from error
        if not _by_program(file, target, kind):
            reason = os.strerror(error.errno or 0).lower()
            raise StorageError(f"cannot mount the {kind} file {file}: {reason}") from error


def sweep(directory: str, prefix: str) -> None:
    """Take away what killed processes have left: directories named ``prefix`` and a PID, mounts in them included."""
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return
    for name in names:
        if name.startswith(prefix) and not os.path.exists(f"/proc/{name.removeprefix(prefix)}"):
            for point in (f"{directory}/{name}/merged", f"{directory}/{name}"):
                mounts.umount(point, mounts.MNT_DETACH)
            remove_tree(f"{directory}/{name}")


def _mount(source: str, target: str, kind: str) -> None:
    flags = mounts.MS_RDONLY | mounts.MS_NODEV | mounts.MS_NOSUID
    mounts.mount(source, target, kind, flags)


def _mount_loop(file: str, target: str, kind: str) -> None:
    device = _free_loop(file)
    try:
        _mount(os.readlink(f"/proc/self/fd/{device}"), target, kind)
    finally:
        os.close(device)


def _free_loop(file: str) -> int:
    """A loop device with the file; where all are taken, one may be given back within seconds."""
    import time

    from ..kit import loop

    deadline = time.monotonic() + _LOOP_WAIT
    while True:
        try:
            return loop.attach(file)
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _by_program(file: str, target: str, kind: str) -> bool:
    from shutil import which

    from ..kit.spawn import run

    program = which(_PROGRAMS[kind])
    return program is not None and run([program, file, target], timeout=30).code == 0


def unmount(stores: ImageStores, store: ImageStore, *, force: bool = False) -> None:
    """Take a store's mount away; with ``force`` also one that is in use."""
    target = stores.root(store)
    if target == store.path:
        return
    try:
        while mounts.umount(target):
            pass
    except OSError as error:
        if not force:
            raise StorageError(
                f"image store {store.name} is in use: cannot unmount {target}:"
                f" {os.strerror(error.errno or 0).lower()}"
            ) from error
        mounts.umount(target, mounts.MNT_DETACH)
    try:
        os.rmdir(target)
    except FileNotFoundError:
        return
