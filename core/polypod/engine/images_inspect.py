"""``image inspect``: everything known about an image, in podman's JSON shape."""

from __future__ import annotations

from ..errors import StorageError
from ..kit.fastjson import loads
from ..oci import manifest
from .images_list import repo_digests, repo_tags, size_of
from .images_lookup import lookup_instance
from .images_tree import ImageTree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model.image import Image
    from .runtime import Runtime

# The order of image-spec's Go struct: podman prints these and no others.
_CONFIG_KEYS = (
    "User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir", "Labels",
    "StopSignal", "ArgsEscaped",
)  # fmt: skip
_HISTORY_KEYS = ("created", "created_by", "author", "comment", "empty_layer")


def inspect_image(rt: Runtime, name: str) -> dict[str, Any]:
    """The document for one image; raises ``NoSuchImage``, ``StorageError`` for a damaged one."""
    image, _ = lookup_instance(rt, name)
    tree = ImageTree(rt)
    document = tree.config(image)
    if document is None:
        raise StorageError(
            f"image {image.id} is damaged: its config cannot be read; "
            "remove it with rmi and load it again"
        )
    raw = rt.store.manifest(image)
    kind = manifest.media_type(loads(raw))
    config = document.get("config") or {}
    parent = tree.parent(image)
    size = size_of(rt, image)
    result = {
        "Id": image.id,
        "Digest": image.digest,
        "RepoTags": repo_tags(image),
        "RepoDigests": repo_digests(image),
        "Parent": parent.id if parent else "",
        "Comment": _comment(document, kind),
        "Created": document.get("created"),
        "Config": {key: config[key] for key in _CONFIG_KEYS if config.get(key)},
        "Version": document.get("docker_version", ""),
        "Author": document.get("author", ""),
        "Architecture": document.get("architecture", ""),
        "Os": document.get("os", ""),
        "Size": size,
        "VirtualSize": size,
        "GraphDriver": {"Name": rt.driver_name, "Data": _driver_data(rt, tree, image)},
        "RootFS": {
            "Type": document["rootfs"].get("type", "layers"),
            "Layers": document["rootfs"].get("diff_ids") or [],
        },
        "Labels": config.get("Labels"),
        "Annotations": loads(raw).get("annotations") or {},
        "ManifestType": kind,
        "User": config.get("User", ""),
        "History": [_history(entry) for entry in document.get("history") or []],
        "NamesHistory": list(image.names_history) or None,
    }
    health = config.get("Healthcheck") or (document.get("container_config") or {}).get(
        "Healthcheck"
    )
    if kind == manifest.DOCKER_MANIFEST and health:
        result["Healthcheck"] = health
    return result


def _comment(document: dict[str, Any], kind: str) -> str:
    if kind == manifest.DOCKER_MANIFEST:
        return str(document.get("comment", ""))
    history = document.get("history") or []
    return str(history[0].get("comment", "")) if history else ""


def _history(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: entry[key] for key in _HISTORY_KEYS if entry.get(key)}


def _driver_data(rt: Runtime, tree: ImageTree, image: Image) -> dict[str, str]:
    """Where the layers lie, under containers/storage's names."""
    chain: list[str] = []
    layer = image.top_layer
    while layer in tree.layers and layer not in chain:
        chain.append(layer)
        layer = tree.layers[layer].parent
    if not chain:
        return {}
    paths = [rt.storage_driver.diff_path(id) for id in chain]
    if not rt.storage_driver.native_diff():
        return {}
    home = paths[0].rpartition("/")[0]
    data = {"UpperDir": paths[0], "WorkDir": f"{home}/work"}
    if len(paths) > 1:
        data = {"LowerDir": ":".join(paths[1:]), **data}
    return data
