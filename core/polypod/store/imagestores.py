"""The image stores beside the writable one, as they are at this moment.

Made only where there are any: a command on a host without attached stores pays one ``stat``.
Which stores are usable is found out once a process, when somebody asks (:meth:`ImageStores.usable`).
"""

from __future__ import annotations

from ..errors import StorageError, StoreAbsent
from ..kit.log import warning
from ..model.imagestore import ImageStore
from .attached import Register, catalog_images

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..model.image import Image

ATTACHED, DETACHED, ABSENT = "attached", "detached", "absent"


class ImageStores:
    """Attached stores and those that a configuration file names.

    ``run_dir`` is where files are mounted and probes noted, ``driver`` the storage driver's name,
    ``configured`` the roots of additional stores with the place that names them, ``writable`` the imagestore.
    """

    def __init__(
        self,
        static_dir: str,
        run_dir: str,
        driver: str,
        configured: Sequence[tuple[str, str]] = (),
        writable: str = "",
    ) -> None:
        self.register = Register(static_dir)
        self.run_dir = f"{run_dir}/stores"
        self.driver = driver
        self._writable = _resolved(writable) if writable else ""
        self._configured = [
            ImageStore(
                name=path, id="", path=_resolved(path), driver=driver, share_layers=True, origin=origin
            )
            for path, origin in configured
        ]
        self._stores: list[ImageStore] | None = None
        self._reasons: dict[str, str] | None = None

    # -- which there are -------------------------------------------------------------------------

    @property
    def stores(self) -> list[ImageStore]:
        """All stores: those of the configuration first, then by name; detached ones included."""
        if self._stores is None:
            self._stores = [*self._configured, *self.register.all()]
        return self._stores

    def refresh(self) -> None:
        """Look again: something was attached, detached or moved."""
        self._stores = self._reasons = None

    def get(self, name: str) -> ImageStore:
        """A store by name or ID, or by the path that a configuration file has; ``NoSuchStore``."""
        for store in self.stores:
            if name in (store.name, store.id):
                return store
        return self.register.get(name)

    def of_container(self, name: str, id: str) -> ImageStore | None:
        """The store that a container's record means; None when it was forgotten."""
        by_id = (store for store in self.stores if id and store.id == id)
        by_name = (store for store in self.stores if store.name == name)
        return next(by_id, None) or next(by_name, None)

    def root(self, store: ImageStore) -> str:
        """The directory that is read: the store's own, or where its file is mounted."""
        if store.kind != "dir" or store.way == "erofs":
            return f"{self.run_dir}/{store.name}"
        return store.path

    # -- how they are ----------------------------------------------------------------------------

    def reasons(self) -> dict[str, str]:
        """Name -> why the store cannot be used now, "" when it can; detached ones are not looked at."""
        if self._reasons is None:
            self._reasons = self._look()
        return self._reasons

    def _look(self) -> dict[str, str]:
        from .probing import probe

        wanted = [store for store in self.stores if store.attached and store.way != "copy"]
        questions = [self._question(store) for store in wanted if not self._file(store)]
        answers = probe(questions, self.run_dir)
        for store in wanted:
            if self._file(store):
                from .filemount import ensure_mounted

                answers[store.name] = ensure_mounted(self, store)
            elif answers[store.name] and store.moving_to:
                answers[store.name] = self._follow(store, answers[store.name])
            elif answers[store.name] and store.inside and not store.foreign:
                answers[store.name] = self._find(store, answers[store.name])
        for store in wanted:
            if answers[store.name]:
                self._warn(store, answers[store.name])
        return answers

    def _file(self, store: ImageStore) -> bool:
        return store.kind != "dir" or store.way == "erofs"

    def _question(self, store: ImageStore) -> tuple[str, str, str, str]:
        identity = "" if store.foreign or store.origin else store.id
        inside = f"{store.driver}-layers" if store.foreign else ""
        return (store.name, store.path, identity, inside)

    def _follow(self, store: ImageStore, reason: str) -> str:
        """A move was killed after its last step and before it was written down."""
        from .probing import probe

        moved = store.evolve(path=store.moving_to)
        answer = probe([self._question(moved)], self.run_dir)[store.name]
        if answer:
            return reason
        index = self.stores.index(store)
        self.stores[index] = moved
        return ""

    def _find(self, store: ImageStore, reason: str) -> str:
        """The disk may be mounted at another place now."""
        from .probing import elsewhere, mount_types

        place = elsewhere(store.inside, store.id, mount_types())
        if not place:
            return reason
        moved = store.evolve(path=place)
        self.stores[self.stores.index(store)] = moved
        warning(f"image store {store.name} is at {place} now (it was at {store.path})")
        try:
            self.register.save(moved)
        except StorageError:
            return ""  # found again the next time; whoever may write here will note it
        return ""

    def _warn(self, store: ImageStore, reason: str) -> None:
        name = f"image store {store.name}" if not store.origin else f"image store ({store.origin})"
        warning(f"{name} is not usable: {reason}; its images are left out")

    def state(self, store: ImageStore) -> str:
        """``attached``, ``detached`` or ``absent`` (attached, but not there)."""
        if not store.attached:
            return DETACHED
        return ABSENT if self.reasons().get(store.name) else ATTACHED

    def usable(self) -> list[ImageStore]:
        """The stores whose layers can be used now."""
        reasons = self.reasons()
        return [store for store in self.stores if reasons.get(store.name, "-") == ""]

    def roots(self) -> dict[str, str]:
        """Root -> name of the usable stores, in the order in which they are searched.

        Without one that is written to by --imagestore at the moment.
        """
        others = [store for store in self.usable() if store.path != self._writable]
        return {self.root(store): store.name for store in others}

    def holder(self, path: str) -> ImageStore | None:
        """The attached store that a path lies in."""
        for store in self.usable():
            if store.id and path.startswith((self.root(store) + "/", store.path + "/")):
                return store
        return None

    def unshared(self) -> frozenset[str]:
        """Roots whose layers nothing in the writable store may stand on."""
        return frozenset(self.root(s) for s in self.usable() if not s.share_layers)

    def by_fuse(self) -> tuple[str, ...]:
        """Roots that only fuse-overlayfs can put containers on."""
        return tuple(self.root(store) for store in self.usable() if store.way == "fuse")

    def check_required(self) -> None:
        """Raise ``StoreAbsent`` when a required store cannot be used."""
        for store in self.stores:
            if store.required and self.state(store) != ATTACHED:
                raise StoreAbsent(self.sentence(store) + "; it is required")

    def missing(self) -> str:
        """The stores that are not there now, in words; "" when all are."""
        away = [(store.name, self.state(store)) for store in self.stores if store.way != "copy"]
        return ", ".join(f"{name} ({state})" for name, state in away if state != ATTACHED)

    def may_hold(self, layer_id: str) -> bool:
        """Whether a store that is not there now has a layer; True when it was never seen."""
        for store in self.stores:
            if store.way != "copy" and self.state(store) != ATTACHED:
                layers = self.register.catalog(store.name).get("layers")
                if layers is None or layer_id in layers:
                    return True
        return False

    def is_ready(self, name: str, id: str) -> bool:
        """Whether the store that a container needs is there."""
        store = self.of_container(name, id)
        return store is not None and self.state(store) == ATTACHED

    def sentence(self, store: ImageStore) -> str:
        """What is wrong with a store and what to do, for an error."""
        if not store.attached:
            return (
                f"image store {store.name} is detached (it was at {store.path});"
                f" attach it with 'polypod imagestore attach PATH'"
            )
        reason = self.reasons().get(store.name, "")
        return (
            f"image store {store.name} is absent ({reason}); bring it back, or attach it"
            " where it is now with 'polypod imagestore attach PATH'"
        )

    def refuse(self, what: str, name: str, id: str) -> None:
        """Raise ``StoreAbsent`` that says what needs the store."""
        store = self.of_container(name, id)
        if store is None:
            raise StoreAbsent(
                f"{what} needs image store {name}, which is not known any more;"
                " attach it with 'polypod imagestore attach PATH'"
            )
        raise StoreAbsent(f"{what}: {self.sentence(store)}")

    # -- what is not there -------------------------------------------------------------------------

    def detached_images(self) -> list[Image]:
        """The images of stores that are not usable now, as they were seen last."""
        found: list[Image] = []
        for store in self.stores:
            if not store.origin and store.way != "copy" and self.state(store) != ATTACHED:
                found += catalog_images(store.name, self.register.catalog(store.name))
        return found


def _resolved(path: str) -> str:
    from os.path import abspath

    from .probing import mount_types, resolve

    return resolve(abspath(path), mount_types())


def refuse_name(name: str) -> None:
    """Raise ``StorageError`` for a name that cannot be one."""
    plain = name.replace("-", "").replace("_", "").replace(".", "")
    if not plain.isalnum() or not plain.isascii() or name[0] in "-." or len(name) > 64:
        raise StorageError(
            f"{name!r} cannot be the name of an image store: use letters, digits, '-', '_', '.'"
        )
