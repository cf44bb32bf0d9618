"""``imagestore attach``: make the store in a directory or a file usable, whatever lies under it."""

from __future__ import annotations

import os

from ..errors import AlreadyExists, NoSuchStore, StorageError, UsageError
from ..model.imagestore import WAYS, ImageStore
from ..model.struct import Struct
from ..store.attached import Register
from ..store.filemount import kind_of, mount_file, sweep, unmount
from ..store.foreign import Root, find_root
from ..store.identity import alike, fingerprint, read_identity, write_identity
from ..store.imagestores import ATTACHED, refuse_name
from .imagestores import inside_of, refresh_catalog, reopen, stores_of
from .imagestores_ways import choose, prepare

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..store.imagestores import ImageStores
    from .runtime import Runtime


class AttachOptions(Struct):
    """How a store is to be attached; what is ``None`` stays as it was, or is off for a new store."""

    name: str = ""
    way: str = ""  # "": the best that works
    read_only: bool | None = None
    required: bool | None = None
    share_layers: bool | None = None
    shared: bool = False  # open the store for reading to everybody


class _Found(Struct):
    """What lies at a path."""

    path: str  # the root, or the file
    kind: str
    driver: str
    id: str = ""  # "": it cannot hold one
    writable: bool = False
    fresh: bool = False  # an empty directory that becomes a store


def attach(
    rt: Runtime, path: str, options: AttachOptions, say: Callable[[str], None]
) -> ImageStore:
    """Attach a store; ``say`` is told, a line each, what a user should know. Returns its record."""
    if options.way and options.way not in WAYS:
        raise UsageError(f"there is no way {options.way!r}; choose from {', '.join(WAYS)}")
    if options.name:
        refuse_name(options.name)
    stores = stores_of(rt)
    with stores.register.lock():
        sweep(stores.register.directory, "trial-")
        sweep(stores.run_dir, ".attach-")
        stores.refresh()
        found = _find(rt, stores, _answering(stores, path), read_only=bool(options.read_only))
        store = _record(stores, found, options)
        if found.fresh:
            say(f"{found.path} was empty and is an image store now; fill it with --imagestore {found.path}")
        if options.shared:
            _share(found)
        way, why = choose(rt, stores, store, options.way)
        store = store.evolve(way=way, why=why)
        if way == "direct":
            say(f"image store {store.name}: direct: layers are used where they lie")
        else:
            say(f"image store {store.name}: {way}: {why}")
        prepare(rt, stores, store)
        known = _known(stores.register, store.id)
        stores.register.save(store, old_name=known.name if known else "")
    stores = reopen(rt)
    store = stores.get(store.name)
    if store.way != "copy":
        if stores.state(store) != ATTACHED:
            raise StorageError(stores.sentence(store))
        refresh_catalog(stores, store)
    return store


def _answering(stores: ImageStores, path: str) -> str:
    """The path without symbolic links; ``StorageError`` when its file system does not answer."""
    from ..store.probing import mount_types, probe_path, resolve

    real = resolve(os.path.abspath(path), mount_types())
    reason = probe_path(real, stores.run_dir)
    if reason:
        raise StorageError(f"cannot attach {path}: {reason.removeprefix(real + ': ')}")
    return os.path.realpath(real)


def _find(rt: Runtime, stores: ImageStores, path: str, *, read_only: bool) -> _Found:
    if not os.path.isdir(path):
        return _file(rt, stores, path)
    root, driver = find_root(path, rt.driver_name)
    if not root:
        return _empty(rt, path, read_only)
    own = (rt.graphroot, rt.settings.storage.imagestore)
    if root in (os.path.realpath(mine) for mine in own if mine):
        raise UsageError(f"{root} is this engine's own store: there is nothing to attach")
    writable = not read_only and os.access(root, os.W_OK)
    id = read_identity(root) or (write_identity(root) if writable else "")
    return _Found(path=root, kind="dir", driver=driver, id=id, writable=writable)


def _empty(rt: Runtime, path: str, read_only: bool) -> _Found:
    if os.listdir(path) or read_only or not os.access(path, os.W_OK):
        raise StorageError(
            f"{path} holds no image store: there is no {rt.driver_name}-images in it;"
            " give the root of a containers/storage layout, an empty directory, or an erofs or squashfs file"
        )
    for part in ("images", "layers"):
        os.mkdir(f"{path}/{rt.driver_name}-{part}", 0o755)
    id = write_identity(path)
    return _Found(path=path, kind="dir", driver=rt.driver_name, id=id, writable=True, fresh=True)


def _file(rt: Runtime, stores: ImageStores, path: str) -> _Found:
    if not os.path.isfile(path):
        raise StorageError(f"{path} is neither a directory nor a file; mount the device and attach the directory")
    kind = kind_of(path)
    if not kind:
        raise StorageError(
            f"{path} is neither an erofs nor a squashfs file; mount it and attach the directory"
        )
    target = f"{stores.run_dir}/.attach-{os.getpid()}"
    trial = ImageStore(name=os.path.basename(target), id="", path=path, kind=kind)
    mount_file(path, target, kind)
    try:
        root, driver = find_root(target, rt.driver_name)
        if root != target:
            raise StorageError(f"{path} holds no image store in its topmost directory")
        id = read_identity(root) or _fingerprint(root, driver)
    finally:
        unmount(stores, trial, force=True)
    return _Found(path=path, kind=kind, driver=driver, id=id)


def _fingerprint(root: str, driver: str) -> str:
    looked = Root(root, driver)
    return fingerprint(looked.images.values(), looked.layers.values())


def _share(found: _Found) -> None:
    from ..store.sharing import share

    if not found.writable or not found.id:
        raise StorageError(f"--shared needs a store that can be written to, which {found.path} is not")
    share(found.path, found.driver, found.id)


def _known(register: Register, id: str) -> ImageStore | None:
    return register.by_id(id) if id else None


def _record(stores: ImageStores, found: _Found, options: AttachOptions) -> ImageStore:
    """The record to write: that of a store seen before with what changed, or a new one."""
    id, foreign = found.id, not found.id
    known = _known(stores.register, id)
    if foreign:
        id, known = _recognise(stores, found)
    elsewhere = known is not None and known.attached and known.path != found.path
    if known is not None and elsewhere and stores.state(known) == ATTACHED:
        raise AlreadyExists(
            f"image store {known.name} is attached from {known.path} and has the same ID as the one"
            f" at {found.path}; detach it first with 'polypod imagestore detach {known.name}'"
        )
    base = known or ImageStore(name="", id=id, path=found.path)
    store = base.evolve(
        name=options.name or base.name or _free_name(stores, found.path),
        id=id,
        path=found.path,
        inside=inside_of(found.path) if found.kind == "dir" else "",
        kind=found.kind,
        driver=found.driver,
        foreign=foreign,
        attached=True,
        moving_to="",
        read_only=base.read_only if options.read_only is None else options.read_only,
        required=base.required if options.required is None else options.required,
        share_layers=base.share_layers if options.share_layers is None else options.share_layers,
    )
    _refuse_taken(stores, store)
    return store


def _recognise(stores: ImageStores, found: _Found) -> tuple[str, ImageStore | None]:
    """ID and record of a store without an identity file: the one with the same content, or nearly."""
    root = Root(found.path, found.driver)
    id = fingerprint(root.images.values(), root.layers.values())
    candidates = [store for store in stores.register.all() if store.foreign]
    for store in candidates:
        if store.id == id or store.path == found.path:
            return store.id, store
    for store in candidates:
        if not store.attached and alike(stores.register.catalog(store.name), root.images, root.layers):
            return store.id, store
    return id, None


def _refuse_taken(stores: ImageStores, store: ImageStore) -> None:
    try:
        holder = stores.register.get(store.name)
    except NoSuchStore:
        return
    if holder.id != store.id:
        raise AlreadyExists(
            f"an image store {store.name} is known already ({holder.path}); choose another --name"
        )


def _free_name(stores: ImageStores, path: str) -> str:
    """A name from the path's last telling part: the disk's rather than ``storage``."""
    parts = [part for part in path.split("/") if part]
    while len(parts) > 1 and parts[-1] in ("storage", "containers", "root", "lib", "var", "share", ".local"):
        parts.pop()
    name = parts[-1].removesuffix(".erofs").removesuffix(".squashfs").removesuffix(".img")
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in name).strip("-.")
    base, number = (kept or "store")[:60], 1
    taken = {store.name for store in stores.register.all()}
    name = base
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    return name
