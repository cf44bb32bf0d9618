"""Names of images: ``tag`` and ``untag``."""

from __future__ import annotations

from ..errors import UsageError
from ..kit.fastjson import loads
from ..oci import reference
from .events import emit
from .images_lookup import lookup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model.image import Image
    from .runtime import Runtime


def tag(rt: Runtime, name: str, targets: list[str]) -> None:
    """Give an image further names; a name that another image has moves to this one."""
    image, _ = lookup(rt, name)
    for target in targets:
        add_name(rt, image.id, target)


def add_name(rt: Runtime, image_id: str, target: str) -> str:
    """Give an image one more name (completed as podman does) and return that."""
    full = full_tag(target)
    image = rt.store.image(image_id)
    if image.read_only:
        _adopt(rt, image, full)
    else:
        # The newest name comes first, as containers/storage keeps them.
        rt.store.set_names(image_id, list(dict.fromkeys((full, *image.names))))
    emit(rt, "image", "tag", id=image_id, name=target)
    return full


def _adopt(rt: Runtime, image: Image, full: str) -> None:
    """Name an image of a read-only store by a record of our own.

    It stands on the layers over there when that store shares them, as those of storage.conf do, else on copies.
    """
    from ..store.localize import adopt_layers

    rt.store.create_image(
        image.id,
        names=[full],
        top_layer=adopt_layers(rt.store, image),
        config=config_bytes(rt, image),
        manifest=rt.store.manifest(image),
        created=image.created,
    )


def config_bytes(rt: Runtime, image: Image) -> bytes:
    """The image's config, byte for byte."""
    raw = loads(rt.store.manifest(image))
    digest = (raw.get("config") or {}).get("digest") or f"sha256:{image.id}"
    return rt.store.image_records.big_data(image.id, digest)


def full_tag(target: str) -> str:
    """The full name for a new tag; raises ``UsageError`` for an ID or a digest."""
    if target.startswith("sha256:"):
        raise UsageError(f"{target}: tag by digest not supported")
    full = reference.normalize(target)
    if full.digest:
        raise UsageError(f"{target}: tag by digest not supported")
    return str(full)


def untag(rt: Runtime, name: str, targets: list[str]) -> None:
    """Take names away from an image, all of them when none is given."""
    image, _ = lookup(rt, name)
    for target in targets or image.names:
        remove_name(rt, image, target)


def remove_name(rt: Runtime, image: Image, target: str) -> Image:
    """Take one name away; raises ``UsageError`` when the image has no such name."""
    if target.startswith("sha256:"):
        raise UsageError(f"{target}: untag by digest not supported")
    full = str(reference.normalize(target))
    current = rt.store.image(image.id)
    if full not in current.names:
        raise UsageError(f"{full}: tag not known")
    rt.store.set_names(image.id, [name for name in current.names if name != full])
    emit(rt, "image", "untag", id=image.id, name=full)
    return rt.store.image(image.id)
