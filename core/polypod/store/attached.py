"""What is remembered of attached image stores: one small file each, and a catalog beside it."""

from __future__ import annotations

import os

from ..errors import NoSuchStore, StorageError
from ..kit import fastjson
from ..kit.atomic import read_bytes, write_atomic
from ..model.image import Image
from ..model.imagestore import ImageStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..kit.lockfile import Held

SUFFIX = ".json"
CATALOG = ".catalog"
DIRECTORY = "imagestores"


class Register:
    """``<static_dir>/imagestores``: the stores of one graphroot."""

    def __init__(self, static_dir: str) -> None:
        self.directory = f"{static_dir}/{DIRECTORY}"

    def all(self) -> list[ImageStore]:
        """Every store that was attached once and not forgotten, by name."""
        try:
            names = os.listdir(self.directory)
        except FileNotFoundError:
            return []
        found = [self._read(name) for name in sorted(names) if name.endswith(SUFFIX)]
        return [store for store in found if store is not None]

    def _read(self, file: str) -> ImageStore | None:
        path = f"{self.directory}/{file}"
        data = read_bytes(path)
        if data is None:
            return None  # forgotten between the listing and now
        try:
            return ImageStore.from_dict(fastjson.loads(data))
        except (ValueError, TypeError, AttributeError) as error:
            from ..kit.log import warning

            # One bad record costs one store.
            warning(f"{path} is damaged ({error}); remove it and attach the store again")
            return None

    def get(self, name: str) -> ImageStore:
        """The store with this name, or this ID; ``NoSuchStore``."""
        for store in self.all():
            if name in (store.name, store.id):
                return store
        raise NoSuchStore(f"no image store is named {name}; see 'polypod imagestore ls'")

    def by_id(self, id: str) -> ImageStore | None:
        """The store with this ID."""
        return next((store for store in self.all() if store.id == id), None)

    def save(self, store: ImageStore, *, old_name: str = "") -> ImageStore:
        """Write a store's record; with ``old_name`` it takes the place of that one."""
        os.makedirs(self.directory, 0o700, exist_ok=True)
        self._write(store.name + SUFFIX, store.to_dict())
        if old_name and old_name != store.name:
            catalog = self.catalog(old_name)
            self.save_catalog(store.name, catalog)
            self.forget(old_name)
        return store

    def forget(self, name: str) -> None:
        """Remove the record and the catalog."""
        for suffix in (SUFFIX, CATALOG):
            try:
                os.unlink(f"{self.directory}/{name}{suffix}")
            except FileNotFoundError:
                continue

    def lock(self) -> Held:
        """Held while stores are attached, detached, moved."""
        from ..kit.lockfile import lock_write

        return lock_write(f"{self.directory}/lock")

    def _write(self, file: str, document: dict[str, Any]) -> None:
        data = fastjson.dumps(document).encode()
        try:
            write_atomic(f"{self.directory}/{file}", data, durable=True)
        except OSError as error:
            reason = (error.strerror or "").lower()
            raise StorageError(f"cannot write {self.directory}/{file}: {reason}") from error

    # -- catalogs ------------------------------------------------------------------------------

    def catalog(self, name: str) -> dict[str, Any]:
        """What a store held when it was seen last: ``{"stamp", "images", "layers"}``; {} when unknown."""
        data = read_bytes(f"{self.directory}/{name}{CATALOG}")
        try:
            found: dict[str, Any] = fastjson.loads(data) if data else {}
        except ValueError:
            return {}  # written again when the store is seen next
        return found

    def save_catalog(self, name: str, catalog: dict[str, Any]) -> None:
        """Keep what a store holds."""
        os.makedirs(self.directory, 0o700, exist_ok=True)
        self._write(name + CATALOG, catalog)


def catalog_images(name: str, catalog: dict[str, Any]) -> list[Image]:
    """The images of a store that is not there, from its catalog."""
    found = []
    for entry in catalog.get("images", ()):
        fields = {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}
        fields.update(store=name, read_only=True, detached=True)
        found.append(Image.from_dict(fields))
    return found
