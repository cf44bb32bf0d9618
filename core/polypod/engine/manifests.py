"""Manifest lists of the local store: made, filled, changed and shown.

A list is an image record without layers, as podman and buildah keep it: its ``manifest`` is
the list, ``instances.json`` maps the instances' digests to where they can be read, and
``artifacts.json`` holds the artifact manifests that were made for it.
"""

from __future__ import annotations

from ..errors import AlreadyExists, NoSuchImage, PolypodError, UsageError
from ..kit.fastjson import dumps, loads
from ..kit.lockfile import lock_write
from ..oci import index as indexes
from ..oci import manifest, reference
from .images_lookup import lookup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..kit.lockfile import Held
    from ..model.image import Image
    from .images_remove import Removed
    from .runtime import Runtime

INSTANCES = "instances.json"
ARTIFACTS = "artifacts.json"
_SECTIONS = ("manifests", "files", "config", "layers", "detached", "blobs")


class NotAList(PolypodError):
    """The image is one image, not a list of them."""


class ManifestList:
    """A list as it was when read; :func:`change` writes changes back."""

    __slots__ = ("artifacts", "id", "image", "index", "instances")

    def __init__(
        self,
        image: Image,
        index: indexes.Index,
        instances: dict[str, str],
        artifacts: dict[str, dict[str, Any]],
    ) -> None:
        self.image = image
        self.id = image.id
        self.index = index
        self.instances = instances  # digest -> transport:name
        self.artifacts = {name: artifacts.get(name) or {} for name in _SECTIONS}

    def items(self) -> dict[str, bytes]:
        """The big data items that hold the list."""
        found = {
            "manifest": self.index.serialize(),
            INSTANCES: dumps({"": self.id, **self.instances}).encode(),
        }
        if any(self.artifacts.values()):
            kept = {name: value for name, value in self.artifacts.items() if value}
            found[ARTIFACTS] = dumps(kept).encode()
        return found


def is_list(rt: Runtime, image: Image) -> bool:
    """Whether an image of the store is a manifest list; cheap for images with layers."""
    if image.top_layer:
        return False
    try:
        return manifest.parse(rt.store.manifest(image)).is_index
    except (PolypodError, ValueError):
        return False


def load(rt: Runtime, name: str) -> ManifestList:
    """The list of that name or ID; ``NoSuchImage``, or ``NotAList`` for an image of another kind."""
    image, resolved = lookup(rt, name)
    return _read(rt, image, resolved)


def _read(rt: Runtime, image: Image, resolved: str) -> ManifestList:
    data = rt.store.manifest(image)
    try:
        index = indexes.parse(data)
    except ValueError as error:
        if image.top_layer or _is_image(data):
            raise NotAList(f"{resolved}: image is not a manifest list") from None
        raise PolypodError(f"{resolved}: the manifest of {image.id} is damaged: {error}") from None
    instances = _document(rt, image, INSTANCES)
    instances.pop("", None)
    return ManifestList(image, index, instances, _document(rt, image, ARTIFACTS))


def _is_image(data: bytes) -> bool:
    try:
        return not manifest.parse(data).is_index
    except ValueError:
        return False


def _document(rt: Runtime, image: Image, key: str) -> dict[str, Any]:
    if key not in (rt.store.image_records.record(image.id)[0].get("big-data-names") or ()):
        return {}
    try:
        found = loads(rt.store.image_records.big_data(image.id, key))
    except ValueError as error:
        raise PolypodError(f"manifest list {image.id} has a damaged {key}: {error}") from None
    return found if isinstance(found, dict) else {}


def exists(rt: Runtime, name: str) -> bool:
    """Whether there is such a list; ``NotAList`` when the name is an image's."""
    try:
        load(rt, name)
    except NoSuchImage:
        return False
    return True


def create(
    rt: Runtime, name: str, *, amend: bool = False, annotations: dict[str, str] | None = None
) -> str:
    """Make an empty list and return its ID; one that is there is kept with ``amend``."""
    if not name:
        raise UsageError("no name specified for creating a manifest list")
    full = str(reference.normalize(name))
    from ..store.places import random_id

    id = random_id()
    new = indexes.Index()
    new.annotations = dict(annotations or {})
    items = {"manifest": new.serialize(), INSTANCES: b"{}"}
    try:
        rt.store.image_records.add(id, [full], "", items, exclusive=True)
    except AlreadyExists:
        if not amend:
            raise
        found = load(rt, name)
        if annotations:
            change(rt, found.id, lambda it: it.index.annotations.update(annotations))
        return found.id
    return id


def change(rt: Runtime, name: str, edit: Callable[[ManifestList], object]) -> ManifestList:
    """Read a list, let ``edit`` alter it and write it back, while nobody else does (podman neither)."""
    found = load(rt, name)
    with _lock(rt, found.id):
        found = load(rt, found.id)
        edit(found)
        rt.store.image_records.add(found.id, [], "", found.items(), created=found.image.created)
    return found


def _lock(rt: Runtime, id: str) -> Held:
    return lock_write(f"{rt.runroot}/{rt.driver_name}-locks/sha256:{id}")


def remove_instance(rt: Runtime, name: str, digest: str) -> str:
    """Take an instance out of a list; returns the list's ID."""
    if not manifest.is_digest(digest):
        raise UsageError(f'invalid image digest "{digest}": invalid checksum digest format')

    def edit(found: ManifestList) -> None:
        if not found.index.remove(digest):
            raise PolypodError(
                f'no instance matching digest "{digest}" found in manifest list: file does not exist'
            )
        found.instances.pop(digest, None)
        for section in ("manifests", "files", "config", "layers"):
            found.artifacts[section].pop(digest, None)

    return change(rt, name, edit).id


def remove_lists(
    rt: Runtime, names: list[str], *, ignore: bool = False
) -> tuple[list[Removed], list[PolypodError]]:
    """Remove whole lists; what was removed and the errors, as ``remove_images`` gives them."""
    from .images_remove import RemoveOptions, remove_images

    wanted: list[str] = []
    errors: list[PolypodError] = []
    for name in names:
        try:
            load(rt, name)
        except NoSuchImage as error:
            if not ignore:
                errors.append(error)
            continue
        except PolypodError as error:
            errors.append(error)
            continue
        wanted.append(name)
    removed, more = remove_images(rt, wanted, RemoveOptions(ignore=ignore))
    return removed, errors + more


def instance(
    rt: Runtime, image: Image, platform: tuple[str, str, str] = ("", "", "")
) -> Image:
    """The local image that a list has for ``(os, architecture, variant)``; "" stands for this host's."""
    from .image_sources_store import instance_image
    from .platforms import choose

    try:
        digest = choose(manifest.parse(rt.store.manifest(image)), *platform).digest
    except PolypodError as error:
        raise NoSuchImage(f"{error}: image not known") from None
    found = instance_image(rt, digest)
    if found is None:
        raise NoSuchImage(
            f"could not find image instance {digest} of manifest list {image.id} "
            "in local containers storage: image not known"
        )
    return found
