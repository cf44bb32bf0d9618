"""Where the parts of a store lie, and small facts of the containers/storage format."""

from __future__ import annotations

import os
import time

from ..errors import StorageError
from ..kit.lockfile import lock_here

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..kit.lockfile import Held
    from .imagestores import ImageStores

#: What the identity file of an imagestore is called at the place that it was moved away from, until that is empty.
LEFT = "polypod-moved.json"

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.")


class Places:
    """The directories of one store: ``<root>/<driver>-{layers,images,containers}``.

    ``image_root`` is the imagestore's root when images are split off, else ``root``;
    ``extra`` are the roots of further, read-only stores; of those, ``names`` has the attached ones'
    names, ``unshared`` those whose layers are no base for what is written here, and ``by_fuse`` those
    that the kernel's overlay cannot use.
    """

    __slots__ = (
        "by_fuse", "driver", "extra", "image_root", "names", "root", "run_root", "split", "unshared",
    )  # fmt: skip

    def __init__(
        self,
        root: str,
        run_root: str,
        driver: str,
        image_root: str,
        extra: tuple[str, ...],
        stores: ImageStores | None = None,
    ) -> None:
        self.root = root
        self.run_root = run_root
        self.driver = driver
        self.split = bool(image_root) and image_root != root
        self.image_root = image_root or root
        self.extra = extra
        self.names = stores.roots() if stores is not None else {}
        self.unshared = stores.unshared() if stores is not None else frozenset()
        self.by_fuse = stores.by_fuse() if stores is not None else ()

    def layers(self, root: str) -> str:
        return f"{root}/{self.driver}-layers"

    def images(self, root: str) -> str:
        return f"{root}/{self.driver}-images"

    @property
    def containers(self) -> str:
        return f"{self.root}/{self.driver}-containers"

    @property
    def run_containers(self) -> str:
        return f"{self.run_root}/{self.driver}-containers"

    @property
    def run_layers(self) -> str:
        return f"{self.run_root}/{self.driver}-layers"


def lock_store(path: str) -> Held:
    """Lock one of the lock files of a store for writing; ``StorageError`` when the store was moved away."""
    held = lock_here(path)
    root = os.path.dirname(os.path.dirname(path))
    if os.path.exists(f"{root}/{LEFT}"):
        held.release()
        raise StorageError(f"{root} is the old place of an image store that was moved; use the new one")
    return held


def big_data_name(key: str) -> str:
    """The file name of a big data item: the key itself, or "=" and its base64 form.

    Lower-case letters, digits and dots stay as they are (containers/storage, makeBigDataBaseName).
    """
    if all(character in _PLAIN for character in key):
        return key
    import binascii

    return "=" + binascii.b2a_base64(key.encode(), newline=False).decode()


def now() -> str:
    """The time in RFC 3339 with nanoseconds, UTC."""
    stamp = time.time_ns()
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(stamp // 1_000_000_000))
    return f"{seconds}.{stamp % 1_000_000_000:09d}Z"


def random_id() -> str:
    """A fresh ID: 64 hex digits."""
    return os.urandom(32).hex()
