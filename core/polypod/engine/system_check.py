"""``system check``: what is damaged, and what ``--repair`` mends.

The state is checked first, then the store (:func:`check_store`). A check of the state is a function ``(rt, repair) -> iterable of Problem``; those in :data:`CHECKS`
run in order, and other rooms append theirs.
"""

from __future__ import annotations

from ..errors import CorruptRecord
from ..kit.fastjson import loads
from ..model.struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .runtime import Runtime


class Problem(Struct):
    """One thing that is wrong: ``kind`` (``record``, ``state``, ``layer``, …), its ``name``, the ``reason``.

    ``repaired`` says that it is wrong no more.
    """

    kind: str
    name: str
    reason: str
    repaired: bool = False


class StoreCheck(Struct):
    """How the store is checked: the flags of ``system check``.

    ``quick`` leaves the content of layers alone; ``max_age`` in seconds is how old an unused layer may
    get; with ``repair`` damaged images that nothing uses are removed, with ``force`` damaged
    containers as well.
    """

    quick: bool = False
    max_age: float = 86400.0
    repair: bool = False
    force: bool = False


class StoreOutcome(Struct):
    """``problems`` that were found; ``deleted`` as ``(kind, ID)``; ``errors`` of the repair.

    ``notes``: a line for each container that was left alone, because its image store was not given.
    """

    problems: tuple[Problem, ...] = ()
    deleted: tuple[tuple[str, str], ...] = ()
    errors: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def check(rt: Runtime, *, repair: bool = False) -> Iterator[Problem]:
    """All problems of the state, as they are found."""
    for part in CHECKS:
        yield from part(rt, repair)


def check_backend(rt: Runtime, repair: bool) -> Iterator[Problem]:
    """Records that the state backend cannot read; repairing removes them."""
    for bucket, key, reason in rt.state.check(repair):
        if bucket or key:
            yield Problem(kind="record", name=f"{bucket}/{key}", reason=reason, repaired=repair)
        else:
            yield Problem(kind="state", name=rt.state.name, reason=reason, repaired=repair)


def check_documents(rt: Runtime, repair: bool) -> Iterator[Problem]:
    """Records that the backend reads well and that are no JSON objects."""
    from ..records.records import BUCKETS

    for bucket in BUCKETS:
        for key, value, revision in rt.state.list(bucket):
            try:
                sound = isinstance(loads(value), dict)
            except ValueError:
                sound = False
            if not sound:
                yield _problem(rt, bucket, key, revision, "is not a JSON object", repair)


def check_references(rt: Runtime, repair: bool) -> Iterator[Problem]:
    """Names, states and references of containers that do not exist (any more)."""
    from ..records.codec import decode

    for bucket in ("name", "container-state", "ref"):
        for key, value, revision in rt.state.list(bucket):
            if bucket == "name":
                try:
                    document = decode(bucket, key, value)
                except CorruptRecord:
                    continue  # check_documents has named it
                if document.get("kind") != "container":
                    continue
                owner = str(document.get("id", ""))
            else:
                owner = key.rpartition(":")[2]
            if owner and not _exists(rt, owner):
                reason = f"belongs to container {owner[:12]}, which does not exist"
                yield _problem(rt, bucket, key, revision, reason, repair, owner)


def _exists(rt: Runtime, id: str) -> bool:
    try:
        return id in rt.state.get("container", [id])
    except CorruptRecord:
        return True  # it is there, if damaged; check_backend has named it


def check_store(rt: Runtime, options: StoreCheck | None = None) -> StoreOutcome:
    """Images, layers and containers on disk, as containers/storage checks them."""
    from ..store.check import CheckOptions, examine, rebuild

    options = options or StoreCheck()
    found = []
    if options.repair:
        found = [Problem(kind=k, name=n, reason=r, repaired=True) for k, n, r in rebuild(rt.store)]
    asked = CheckOptions(
        contents=not options.quick, max_age=options.max_age, elsewhere=_elsewhere(rt)
    )
    report = examine(rt.store, asked)
    notes = tuple(report.apart.values())
    found += [
        Problem(kind=kind, name=id, reason=reason, repaired=reason.endswith("(removed)"))
        for kind, id, reason in report.problems()
    ]
    if not options.repair or not report.damaged():
        return StoreOutcome(problems=tuple(found), notes=notes)
    from ..store.check_repair import repair
    from .images_remove import container_remover

    removed = repair(rt.store, report, container_remover(rt) if options.force else None)
    deleted = [
        *(("container", id) for id in removed.containers),
        *(("image", id) for id in removed.images),
        *(("layer", id) for id in removed.layers),
    ]
    return StoreOutcome(
        problems=tuple(found), deleted=tuple(deleted), errors=tuple(removed.errors), notes=notes
    )


def _elsewhere(rt: Runtime) -> dict[str, str]:
    """The containers that were made with an image store which this command does not have: ID -> what to give."""
    from ..store.probing import mount_types, resolve

    types = mount_types()
    places = rt.store.places
    here = {resolve(root, types) for root in (places.image_root, *places.extra)}
    if rt.imagestores is not None:
        here.update(store.path for store in rt.imagestores.usable())
    found: dict[str, str] = {}
    for config, _ in rt.records.containers.rows()[0]:
        image = config.get("image", {})
        path, name = image.get("imagestore", ""), image.get("store", "")
        who = f"container {config.get('name', '')} ({config['id'][:12]}) is not checked"
        if path and resolve(path, types) not in here:
            found[config["id"]] = (
                f"{who}: its image lies in the image store {path}, which was not given;"
                f" give --imagestore {path}, or attach it"
            )
        elif name and not _is_ready(rt, name, image.get("store_id", "")):
            found[config["id"]] = (
                f"{who}: its image lies in the image store {name}, which is not attached;"
                " attach it with 'polypod imagestore attach PATH'"
            )
    return found


def _is_ready(rt: Runtime, name: str, id: str) -> bool:
    return rt.imagestores is not None and rt.imagestores.is_ready(name, id)


def _problem(
    rt: Runtime, bucket: str, key: str, revision: int, reason: str, repair: bool, owner: str = ""
) -> Problem:
    """Name a bad record and remove it, unless it changed since it was read."""
    return Problem(
        kind="record",
        name=f"{bucket}/{key}",
        reason=reason,
        repaired=repair and _removed(rt, bucket, key, revision, owner),
    )


def _removed(rt: Runtime, bucket: str, key: str, revision: int, owner: str) -> bool:
    from ..errors import Conflict

    operations: list[tuple[str, str, str] | tuple[str, str, str, int]]
    operations = [("check", bucket, key, revision), ("delete", bucket, key)]
    if owner:
        operations.append(("check", "container", owner, 0))
    try:
        rt.state.apply(operations, True)
    except Conflict:
        return False
    return True


#: Run in this order: records first, so that what refers to a removed one is found after it.
CHECKS: list[Callable[[Runtime, bool], Iterable[Problem]]] = [
    check_backend,
    check_documents,
    check_references,
]
