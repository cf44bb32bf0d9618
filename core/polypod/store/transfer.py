"""A store's directory to another place: renamed, or copied, compared and then removed.

A copy may be killed at any point and taken up again: a layer has its name at the new place only when it is whole and
was compared; the identity file, by which a store is known, is written last.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager

from ..errors import StorageError
from ..kit import fastjson
from ..kit.atomic import read_bytes, remove_tree, write_atomic
from ..kit.copytree import copy_file, copy_tree
from ..kit.lockfile import lock_here
from ..model.imagestore import IDENTITY
from .identity import identity_document, read_identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..kit.lockfile import Held

MARKER = "polypod-moving.json"
_TEMPORARY = ".moving-"


def move_directory(root: str, target: str, driver: str, id: str) -> bool:
    """Bring a store to ``target``; True when it was renamed, False when copied: then ``root`` is still there.

    The caller has written down where it goes, and holds :func:`writers_kept_out`. ``StorageError`` when
    ``target`` holds something else, or when the copy is not what it was made from.
    """
    try:
        _sweep(target)
        if _renamed(root, target):
            return True
        _copy(root, target, driver, id)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        place = f": {error.filename}" if error.filename else ""
        raise StorageError(f"cannot move {root} to {target}: {reason}{place}") from error
    return False


@contextmanager
def writers_kept_out(root: str, driver: str) -> Iterator[None]:
    """Hold a store's locks: from before it is copied until the old place is empty, or set aside.

    Whoever waits for them finds that the file it has locked is no longer at its path, and writes
    nothing (:func:`polypod.store.places.lock_store`). ``StorageError`` when the store is being written to.
    """
    held = _lock(root, driver)
    try:
        yield
    finally:
        for lock in held:
            lock.release()


def _sweep(target: str) -> None:
    """Take away the marker that a killed move had not finished writing: it makes no directory full."""
    if os.path.isdir(target):
        for name in os.listdir(target):
            if name.startswith(f".tmp-{MARKER}"):
                os.unlink(f"{target}/{name}")


def _lock(root: str, driver: str) -> list[Held]:
    """Keep those out who write through --imagestore; refuse when one has begun already."""
    layers, images = f"{root}/{driver}-layers", f"{root}/{driver}-images"
    held: list[Held] = []
    try:
        for path in (f"{layers}/layers.lock", f"{images}/images.lock"):
            held.append(lock_here(path))
        busy = max(_writers(f"{layers}/{name}") for name in ("polypod-pending", "polypod-fetching"))
        if busy:
            raise StorageError(
                f"the image store at {root} is being written to ({busy} layers are on their way); move it later"
            )
    except BaseException:
        for lock in held:
            lock.release()
        raise
    return held


def _writers(directory: str) -> int:
    from ..kit.lockfile import lock_now

    count = 0
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return 0
    for name in names:
        held = lock_now(f"{directory}/{name}")
        if held is None:
            count += os.path.exists(f"{directory}/{name}")
        else:
            held.release()
    return count


def _renamed(root: str, target: str) -> bool:
    if os.path.exists(f"{target}/{MARKER}") or os.path.exists(f"{target}/{IDENTITY}"):
        return False  # an earlier copy is taken up again, or something else is refused
    try:
        if os.path.isdir(target):
            os.rmdir(target)
        os.rename(root, target)
    except OSError as error:
        if error.errno in (errno.EXDEV, errno.EBUSY):
            return False
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            raise StorageError(f"{target} is not empty; give a directory that is, or a new one") from error
        raise
    return True


def _copy(root: str, target: str, driver: str, id: str) -> None:
    begin(target, id)
    home = f"{target}/{driver}"
    os.makedirs(f"{home}/l", 0o755, exist_ok=True)
    source = f"{root}/{driver}"
    layers = sorted(name for name in os.listdir(source) if len(name) == 64)
    for name in os.listdir(home):
        if len(name) == 64 and name not in layers:
            remove_tree(f"{home}/{name}")  # removed from the store since an earlier try
    for name in layers:
        _bring(f"{source}/{name}", home, name)
    _links(home)
    for name in sorted(os.listdir(root)):
        if name not in (driver, IDENTITY, MARKER):
            remove_tree(f"{target}/{name}")  # records change; layers do not
            _bring(f"{root}/{name}", target, name)
    _drop_waiting(target, driver)
    os.chmod(target, stat.S_IMODE(os.stat(root).st_mode))
    os.chmod(home, stat.S_IMODE(os.stat(source).st_mode))
    os.sync()
    data = read_bytes(f"{root}/{IDENTITY}") or identity_document(id)
    write_atomic(f"{target}/{IDENTITY}", data, mode=0o644, durable=True)
    os.unlink(f"{target}/{MARKER}")


def _drop_waiting(target: str, driver: str) -> None:
    """Leave behind what belongs to writers that wait for the locks: they are going to be refused."""
    notes = f"{target}/{driver}-layers/polypod-pending"
    for name in os.listdir(notes) if os.path.isdir(notes) else ():
        if not read_bytes(f"{notes}/{name}"):  # one with an ID is from a killed writer: see Pending.recover
            short = (read_bytes(f"{target}/{driver}/{name}/link") or b"").decode().strip()
            if short:
                remove_tree(f"{target}/{driver}/l/{short}")
            remove_tree(f"{target}/{driver}/{name}")
            remove_tree(f"{target}/{driver}-layers/{name}.tar-split.gz")
            remove_tree(f"{notes}/{name}")


def begin(target: str, id: str) -> None:
    """Mark a directory as the unfinished copy of a store; refuse one that is anything else."""
    data = read_bytes(f"{target}/{MARKER}") if os.path.isdir(target) else None
    if data is not None:
        if fastjson.loads(data).get("id") == id:
            return
        raise StorageError(f"{target} is the unfinished copy of another image store; remove it first")
    if os.path.isdir(target) and read_identity(target) == id:
        # Complete, and killed before that was written down; the store may have changed since.
        write_atomic(f"{target}/{MARKER}", fastjson.dumps({"id": id}).encode(), durable=True)
        os.unlink(f"{target}/{IDENTITY}")
        return
    if os.path.isdir(target) and [n for n in os.listdir(target) if n != "lost+found"]:
        raise StorageError(f"{target} is not empty; give a directory that is, or a new one")
    os.makedirs(target, 0o755, exist_ok=True)
    write_atomic(f"{target}/{MARKER}", fastjson.dumps({"id": id}).encode(), durable=True)


def _bring(source: str, place: str, name: str) -> None:
    """Copy one file or tree and compare it, unless that was done before."""
    final, temporary = f"{place}/{name}", f"{place}/{_TEMPORARY}{name}"
    if os.path.lexists(final):
        return
    remove_tree(temporary)
    info = os.lstat(source)
    if stat.S_ISDIR(info.st_mode):
        os.mkdir(temporary, 0o700)
        os.chown(temporary, info.st_uid, info.st_gid)
        os.chmod(temporary, stat.S_IMODE(info.st_mode))
        copy_tree(source, temporary)
    elif stat.S_ISREG(info.st_mode):
        copy_file(source, temporary)
        os.chmod(temporary, stat.S_IMODE(info.st_mode))
        os.utime(temporary, ns=(info.st_atime_ns, info.st_mtime_ns))
    else:
        return
    different = first_difference(source, temporary)
    if different:
        raise StorageError(f"the copy of {source} differs at {different}; is the disk sound? move it again")
    os.rename(temporary, final)


def _links(home: str) -> None:
    for id in os.listdir(home):
        short = (read_bytes(f"{home}/{id}/link") or b"").decode().strip() if len(id) == 64 else ""
        if short and not os.path.islink(f"{home}/l/{short}"):
            os.symlink(f"../{id}/diff", f"{home}/l/{short}")


def first_difference(one: str, other: str) -> str:
    """The first path at which two trees or files differ, or "": kind, owner, mode, xattrs, content."""
    pending = [""]
    while pending:
        below = pending.pop()
        here, there = one + below, other + below
        if _facts(here) != _facts(there) or not _same_content(here, there):
            return here
        if stat.S_ISDIR(os.lstat(here).st_mode):
            names = _names(here)
            if names != _names(there):
                return here
            pending += [f"{below}/{name}" for name in names]
    return ""


def _names(path: str) -> list[str]:
    with os.scandir(path) as entries:
        return sorted(e.name for e in entries if not stat.S_ISSOCK(e.stat(follow_symlinks=False).st_mode))


def _facts(path: str) -> tuple[object, ...]:
    try:
        info = os.lstat(path)
    except FileNotFoundError:
        return ()
    kind = stat.S_IFMT(info.st_mode)
    size = 0 if kind == stat.S_IFDIR else info.st_size
    mode = 0 if kind == stat.S_IFLNK else info.st_mode
    try:
        names = sorted(os.listxattr(path, follow_symlinks=False))
        xattrs = [(name, os.getxattr(path, name, follow_symlinks=False)) for name in names]
    except OSError:
        xattrs = []
    link = os.readlink(path) if kind == stat.S_IFLNK else ""
    return (kind, mode, info.st_uid, info.st_gid, size, info.st_rdev, xattrs, link)


def _same_content(one: str, other: str) -> bool:
    if not stat.S_ISREG(os.lstat(one).st_mode):
        return True
    with open(one, "rb", buffering=0) as a, open(other, "rb", buffering=0) as b:
        while True:
            left, right = a.read(1 << 20), b.read(1 << 20)
            if left != right:
                return False
            if not left:
                return True


def move_file(file: str, target: str) -> None:
    """Bring a file to another place, with its content compared and on disk; atomic there."""
    if os.path.exists(target) and not os.path.samefile(file, target):
        raise StorageError(f"{target} exists already")
    try:
        os.link(file, target)
        return
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK):
            raise StorageError(
                f"cannot move {file} to {target}: {(error.strerror or '').lower()}"
            ) from error
    partial = f"{target}.partial"
    remove_tree(partial)
    try:
        copy_file(file, partial)
        if not _same_content(file, partial):
            raise StorageError(f"the copy of {file} differs; is the disk sound? move it again")
        os.chmod(partial, stat.S_IMODE(os.stat(file).st_mode))
        os.sync()
        os.rename(partial, target)
    except OSError as error:
        raise StorageError(
            f"cannot move {file} to {target}: {(error.strerror or '').lower()}"
        ) from error
    finally:
        remove_tree(partial)
