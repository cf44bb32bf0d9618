"""A store that others may read: modes of what is put into it.

Engines of this family keep stores to their owner (0700). A store whose identity file says
``"shared": true`` is open for reading; layers' own files keep the modes that their images give them.
"""

from __future__ import annotations

import os
import stat

from ..errors import StorageError
from ..kit import fastjson
from ..kit.atomic import read_bytes, write_atomic
from ..model.imagestore import IDENTITY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .places import Places


def is_shared(root: str) -> bool:
    """Whether a store is open for reading to everybody."""
    data = read_bytes(f"{root}/{IDENTITY}")
    try:
        return bool(fastjson.loads(data).get("shared")) if data else False
    except (ValueError, AttributeError):
        return False


def share(root: str, driver: str, id: str) -> None:
    """Open a store, with all that is in it."""
    for part in ("images", "layers"):
        directory = f"{root}/{driver}-{part}"
        os.makedirs(directory, 0o755, exist_ok=True)
        _open(directory, 0o755)
        if not os.path.exists(f"{directory}/{part}.json"):
            write_atomic(f"{directory}/{part}.json", b"[]", mode=0o644)
        _open_tree(directory)
    os.makedirs(f"{root}/{driver}", 0o755, exist_ok=True)
    _open(f"{root}/{driver}", 0o755)
    os.makedirs(f"{root}/{driver}/l", 0o755, exist_ok=True)
    for name in os.listdir(f"{root}/{driver}"):
        if len(name) == 64:
            _open(f"{root}/{driver}/{name}", 0o755)
    for path in (root, f"{root}/{driver}/l"):
        _open(path, 0o755)
    document = {"version": 1, "id": id, "shared": True}
    write_atomic(f"{root}/{IDENTITY}", fastjson.dumps(document).encode() + b"\n", mode=0o644, durable=True)
    os.chmod(f"{root}/{IDENTITY}", 0o644)


def _open_tree(top: str) -> None:
    for here, _, files in os.walk(top):
        _open(here, 0o755)
        for name in files:
            _open(f"{here}/{name}", 0o644)


def _open(path: str, mode: int) -> None:
    """Set a mode, but never through a link: a store that others have written could lead anywhere."""
    fd = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if stat.S_ISLNK(os.fstat(fd).st_mode):
            raise StorageError(f"{path} is a link, which may lead out of the store; remove it")
        os.chmod(f"/proc/self/fd/{fd}", mode)
    finally:
        os.close(fd)


def publish_layers(places: Places, layers: list[str]) -> None:
    """Open image layers of a shared store before an image names them."""
    root, driver = places.image_root, places.driver
    for id in layers:
        try:
            if os.stat(f"{root}/{driver}/{id}").st_mode & 0o005 == 0o005:
                continue
            _open(f"{root}/{driver}/{id}", 0o755)
            _open(f"{root}/{driver}-layers/{id}.tar-split.gz", 0o644)
        except FileNotFoundError:
            continue  # a layer of another store, or one without tar-split data


def publish_image(places: Places, id: str) -> None:
    """Open an image's documents; its record follows."""
    _open_tree(f"{places.images(places.image_root)}/{id}")
