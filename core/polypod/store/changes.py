"""What a layer adds, changes and deletes, compared with the one below it or with any other."""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .store import Store

ADDED, CHANGED, DELETED = "A", "C", "D"
#: (one of the kinds, absolute path)
Change = tuple[str, str]


def changes(store: Store, id: str, below: str | None = None) -> list[Change]:
    """The changes from layer ``below`` (None: its parent) to layer ``id``, in order of paths.

    A directory in which something has changed counts as changed itself; the root never does.
    """
    if below is None:
        if store.driver.native_diff():
            own, *lowers = store.driver.diff_paths(id)
            return _complete(_of_upper(os.fsencode(own), [os.fsencode(path) for path in lowers]))
        record = store.layer_records.find(id) or {}
        below = record.get("parent", "")
    layers = store.layer_records
    new = layers.mount(id, read_only=True, label="", options=())
    try:
        if not below:
            return _complete(_of_upper(os.fsencode(new), []))
        old = layers.mount(below, read_only=True, label="", options=())
        try:
            return _complete(_of_trees(new, old))
        finally:
            layers.unmount(below, force=False)
    finally:
        layers.unmount(id, force=False)


def _complete(found: Iterator[tuple[str, bytes]]) -> list[Change]:
    kinds = {name: kind for kind, name in found}
    for name in list(kinds):
        parent = os.path.dirname(name)
        while parent and parent not in kinds:
            kinds[parent] = CHANGED
            parent = os.path.dirname(parent)
    order = sorted(kinds, key=lambda name: name.split(b"/"))
    return [(kinds[name], "/" + os.fsdecode(name)) for name in order]


def _of_trees(new: str, old: str) -> Iterator[tuple[str, bytes]]:
    from ..oci.tarstream_write import differences

    before = os.fsencode(old)
    for name, _, info in differences(new, old):
        if name != b".":
            there = os.path.lexists(before + b"/" + name)
            yield DELETED if info is None else CHANGED if there else ADDED, name


def _of_upper(
    upper: bytes, lowers: Sequence[bytes], prefix: bytes = b""
) -> Iterator[tuple[str, bytes]]:
    """The changes in a directory as overlay keeps them, ``lowers`` being what lies below it."""
    with os.scandir(upper) as entries:
        for entry in entries:
            info = entry.stat(follow_symlinks=False)
            name = prefix + entry.name
            below = _below(lowers, entry.name)
            if _is_whiteout(info):
                if below is not None:
                    yield DELETED, name
                continue
            if below is None:
                yield ADDED, name
            elif not (stat.S_ISDIR(info.st_mode) and _same_directory(info, below)):
                yield CHANGED, name
            if stat.S_ISDIR(info.st_mode):
                deeper = _directories(lowers, entry.name)
                if _is_opaque(entry.path):
                    yield from _hidden(entry.path, deeper, name)
                    deeper = []
                yield from _of_upper(entry.path, deeper, name + b"/")


def _below(lowers: Sequence[bytes], name: bytes) -> os.stat_result | None:
    """The entry that shows through where the upper directory has none."""
    for lower in lowers:
        try:
            info = os.lstat(lower + b"/" + name)
        except FileNotFoundError:
            continue
        return None if _is_whiteout(info) else info
    return None


def _directories(lowers: Sequence[bytes], name: bytes) -> list[bytes]:
    """The lower directories that join into one, top first."""
    found = []
    for lower in lowers:
        path = lower + b"/" + name
        try:
            info = os.lstat(path)
        except FileNotFoundError:
            continue
        if not stat.S_ISDIR(info.st_mode):
            break
        found.append(path)
        if _is_opaque(path):
            break
    return found


def _hidden(path: bytes, lowers: Sequence[bytes], name: bytes) -> Iterator[tuple[str, bytes]]:
    """What a directory that was made anew no longer has of its predecessor."""
    gone: set[bytes] = set()
    for lower in lowers:
        gone.update(os.listdir(lower))
    for entry in gone - set(os.listdir(path)):
        if _below(lowers, entry) is not None:
            yield DELETED, name + b"/" + entry


def _same_directory(info: os.stat_result, below: os.stat_result) -> bool:
    """Overlay copies a directory up when something in it changes; that alone is told by its content."""
    return (info.st_mode, info.st_uid, info.st_gid, info.st_mtime_ns) == (
        below.st_mode,
        below.st_uid,
        below.st_gid,
        below.st_mtime_ns,
    )


def _is_whiteout(info: os.stat_result) -> bool:
    return stat.S_ISCHR(info.st_mode) and info.st_rdev == 0


def _is_opaque(path: bytes) -> bool:
    for name in ("trusted.overlay.opaque", "user.overlay.opaque"):
        try:
            if os.getxattr(path, name, follow_symlinks=False) == b"y":
                return True
        except OSError:
            continue  # no such attribute, or not for us to see
    return False
