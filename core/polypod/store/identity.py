"""Which store is it? A file in its root says so; one without is known by what it holds."""

from __future__ import annotations

import errno
import hashlib
import os

from ..errors import StorageError
from ..kit import fastjson
from ..kit.atomic import read_bytes, write_atomic
from ..model.imagestore import IDENTITY
from .places import random_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_HEX = frozenset("0123456789abcdef")
_READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTSUP)


def read_identity(root: str) -> str:
    """The store's ID, "" when its root has none."""
    data = read_bytes(f"{root}/{IDENTITY}")
    if data is None:
        return ""
    try:
        id = str(fastjson.loads(data)["id"])
    except (ValueError, KeyError, TypeError):
        id = ""
    if not is_id(id):  # files are named after it
        raise StorageError(f"{root}/{IDENTITY} is damaged; remove it, and the store gets a new ID")
    return id


def is_id(text: str) -> bool:
    """Whether a text is an ID of this format: 64 hex digits. Others could lead out of a store."""
    return len(text) == 64 and set(text) <= _HEX


def write_identity(root: str, id: str = "") -> str:
    """Give a store its ID; "" where nothing can be written."""
    id = id or random_id()
    try:
        write_atomic(f"{root}/{IDENTITY}", identity_document(id), mode=0o644, durable=True)
    except OSError as error:
        if error.errno in _READ_ONLY:
            return ""
        reason = (error.strerror or "").lower()
        raise StorageError(f"cannot write {root}/{IDENTITY}: {reason}") from error
    os.chmod(f"{root}/{IDENTITY}", 0o644)
    return id


def identity_document(id: str) -> bytes:
    """What the file holds."""
    return fastjson.dumps({"version": 1, "id": id}).encode() + b"\n"


def fingerprint(images: Iterable[dict[str, Any]], layers: Iterable[dict[str, Any]]) -> str:
    """An ID made of the content, for a store that cannot hold one: 64 hex digits."""
    lines = sorted(f"image {image['id']}" for image in images)
    lines += sorted(f"layer {layer['id']}" for layer in layers)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def alike(catalog: dict[str, Any], images: Iterable[str], layers: Iterable[str]) -> bool:
    """Whether a store is the one of a catalog, changed a little: half of what both hold is the same."""
    old = {image["id"] for image in catalog.get("images", ())} | set(catalog.get("layers", ()))
    new = {*images, *layers}
    return bool(old & new) and 2 * len(old & new) >= len(old | new)
