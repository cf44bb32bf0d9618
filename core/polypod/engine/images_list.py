"""What ``images`` shows: one summary an image, after filters."""

from __future__ import annotations

from ..errors import PolypodError
from ..oci import reference
from ..oci.image_config import parse_time
from .images_lookup import digests
from .images_tree import ImageTree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model.image import Image
    from .runtime import Runtime


def list_images(
    rt: Runtime, filters: list[str] | None = None, *, all: bool = False, brief: bool = False
) -> list[dict[str, Any]]:
    """Summaries in podman's shape (``images --format json``), in the store's order.

    ``filters`` are ``key=value`` or ``key!=value`` (:mod:`images_filters`); without
    ``all`` intermediate images are left out. ``Created`` is in Unix seconds; an image
    whose config cannot be read has no labels. ``brief`` leaves out what is in the images' own documents
    (labels, parents): no file has to be read for each image.
    """
    wanted = list(filters or [])
    if not all and "intermediate=true" not in wanted:
        wanted.append("intermediate=false")
    from .images_filters import select

    tree = ImageTree(rt)
    if rt.imagestores is not None:
        _add_detached(rt, tree)
    users = users_by_image(rt)
    return [summary(rt, tree, image, users, brief=brief) for image in select(rt, tree, wanted)]


def _add_detached(rt: Runtime, tree: ImageTree) -> None:
    """Show also what is in stores that are not there, unless another store has it."""
    from .imagestores import refresh_catalogs

    refresh_catalogs(rt)
    known = {image.id for image in tree.images}
    tree.images = [*tree.images, *(i for i in rt.store.detached_images() if i.id not in known)]


def users_by_image(rt: Runtime) -> dict[str, list[str]]:
    """IDs of the containers of the store, by image ID; external ones are among them."""
    users: dict[str, list[str]] = {}
    for container in rt.store.containers():
        users.setdefault(container.get("image", ""), []).append(container["id"])
    return users


def summary(
    rt: Runtime, tree: ImageTree, image: Image, users: dict[str, list[str]], *, brief: bool = False
) -> dict[str, Any]:
    """One image in podman's words; the key order is podman's."""
    parent = None if brief else tree.parent(image)
    size = size_of(rt, image)
    result: dict[str, Any] = {
        "Id": image.id,
        "ParentId": parent.id if parent else "",
        "RepoTags": None,
        "RepoDigests": repo_digests(image),
        "Size": size,
        "SharedSize": 0,
        "VirtualSize": size,
        "Labels": None if brief else labels(tree, image),
        "Containers": len(users.get(image.id, ())),
    }
    if image.read_only:
        result["ReadOnly"] = True
    if image.store and "/" not in image.store:
        result["Store"] = image.store
    if image.detached:
        result["Detached"] = True
    if tree.is_dangling(image):
        result["Dangling"] = True
    if image.names:
        result["Names"] = list(image.names)
    if image.digest:
        result["Digest"] = image.digest
    if image.names_history:
        result["History"] = list(image.names_history)
    result["Created"] = int(parse_time(image.created))
    result["CreatedAt"] = created_at(image)
    return result


def created_at(image: Image) -> str:
    """Time of creation as RFC 3339, whole seconds."""
    import time

    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(parse_time(image.created))))


def size_of(rt: Runtime, image: Image) -> int:
    """Bytes of all layers and documents; -1 for an image that lacks some of them."""
    if image.detached:
        return image.size
    try:
        return int(rt.store.image_size(image))
    except (PolypodError, OSError):
        return -1


def labels(tree: ImageTree, image: Image) -> dict[str, str] | None:
    """The labels of the config, None where it has none."""
    config = (tree.config(image) or {}).get("config") or {}
    return config.get("Labels") or None


def repo_digests(image: Image) -> list[str]:
    """``repository@digest`` for each name and each known manifest digest, sorted."""
    repositories = {reference.parse(name).name for name in image.names}
    return sorted(f"{name}@{digest}" for name in repositories for digest in digests(image))


def repo_tags(image: Image) -> list[str]:
    """The names that have a tag."""
    return [name for name in image.names if reference.parse(name).tag]
