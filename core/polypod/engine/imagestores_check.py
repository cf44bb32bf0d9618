"""``imagestore check``: is a store sound, and what can be mended in it."""

from __future__ import annotations

import os

from ..model.struct import Struct
from ..store import Store
from ..store.catalog import records
from ..store.check import CheckOptions, examine, rebuild
from ..store.check_repair import repair as remove_damaged
from ..store.imagestores import ATTACHED
from ..store.layers import is_incomplete
from .imagestores import refresh_catalog, stores_of, users
from .imagestores_move import clear_obsolete

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..model.imagestore import ImageStore
    from ..store.imagestores import ImageStores
    from .runtime import Runtime


class Finding(Struct):
    """One thing about a store: ``kind`` is ``store``, ``layer`` or ``image``; ``name`` is "" for the store itself."""

    store: str
    kind: str
    name: str
    reason: str
    repaired: bool = False
    sound: bool = False  # the closing line of a store without damage
    absent: bool = False  # the store is not there: nothing could be looked at


def check(rt: Runtime, names: list[str], *, repair: bool = False) -> Iterator[Finding]:
    """Check the named stores, by default all that are attached; with ``repair`` mend what can be."""
    stores = stores_of(rt)
    chosen = [stores.get(name) for name in names]
    for store in chosen or [store for store in stores.stores if store.attached]:
        if stores.state(store) != ATTACHED:
            reason = stores.sentence(store)
            yield Finding(store=store.name, kind="store", name="", reason=reason, absent=True)
        elif store.way != "copy":
            yield from _check(rt, stores, store, repair)


def _check(rt: Runtime, stores: ImageStores, store: ImageStore, repair: bool) -> Iterator[Finding]:
    found = list(_obsolete(rt, stores, store, repair))
    root = stores.root(store)
    writable = store.kind == "dir" and store.way != "erofs" and not store.read_only
    writable = writable and not store.origin and os.access(root, os.W_OK)
    run_root = f"{stores.run_dir}/.check-{store.name}"
    inner = _open(rt, root, run_root, store.driver, writable)
    found += _incomplete(stores, store, inner, repair and writable)
    if repair and writable:
        for kind, id, reason in rebuild(inner):
            found.append(Finding(store=store.name, kind=kind, name=id, reason=reason, repaired=True))
    found += _damage(rt, store, inner, repair=repair and writable, writable=writable)
    yield from found
    if not found:
        images, layers = records(stores, store)
        text = f"sound: {len(images)} images, {len(layers)} layers"
        yield Finding(store=store.name, kind="store", name="", reason=text, sound=True)
    elif repair and not store.origin:
        refresh_catalog(stores, store)


def _open(rt: Runtime, root: str, run_root: str, driver: str, writable: bool) -> Store:
    """The store as one to write to, or as the only one beside an empty one."""
    own, others = (root, ()) if writable else (f"{run_root}/none", (root,))
    storage = rt.composition.storage_at(own, run_root, others)
    return Store(own, run_root, storage, driver, additional=others)


def _obsolete(
    rt: Runtime, stores: ImageStores, store: ImageStore, repair: bool
) -> Iterator[Finding]:
    if not store.obsolete:
        return
    left = store.obsolete
    if repair:
        with stores.register.lock():
            left = clear_obsolete(rt, stores, stores.register.get(store.name)).obsolete
    reason = f"its old place {store.obsolete} was not removed when it was moved"
    yield Finding(store=store.name, kind="store", name="", reason=reason, repaired=not left)


def _incomplete(
    stores: ImageStores, store: ImageStore, inner: Store, repair: bool
) -> Iterator[Finding]:
    """Layers whose writer was killed (containers/storage's flag)."""
    broken = [layer["id"] for layer in records(stores, store)[1] if is_incomplete(layer)]
    if broken and repair:
        with inner.layer_records.lock(images=True) as locks:
            table = inner.layer_records.edit(inner.layer_records.image)  # drops them
            locks.record_write()
            table.save(durable=True)
    for id in broken:
        reason = "layer is incomplete: its writer was killed"
        yield Finding(store=store.name, kind="layer", name=id, reason=reason, repaired=repair)


def _damage(
    rt: Runtime, store: ImageStore, inner: Store, *, repair: bool, writable: bool
) -> list[Finding]:
    report = examine(inner, CheckOptions(writable=writable))
    problems = list(report.problems())
    if not problems:
        return []
    gone: set[str] = set()
    needed = [config["name"] for config in users(rt, store)]
    if repair and not needed:
        removed = remove_damaged(inner, report)
        gone = {*removed.images, *removed.layers}
    note = f"; needed by container(s) {', '.join(needed)}" if repair and needed else ""
    return [
        Finding(store=store.name, kind=kind, name=id, reason=reason + note, repaired=id in gone)
        for kind, id, reason in problems
    ]


def left(findings: list[Finding]) -> int:
    """How many problems stay."""
    return sum(not finding.repaired and not finding.sound for finding in findings)


