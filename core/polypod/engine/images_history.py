"""``history`` and ``image tree``: how an image came to be, and what its layers are shared with."""

from __future__ import annotations

from ..errors import StorageError
from .images_list import repo_tags, size_of
from .images_lookup import lookup_instance
from .images_tree import ImageTree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model.image import Layer
    from .runtime import Runtime


def history(rt: Runtime, name: str) -> list[dict[str, Any]]:
    """The entries of an image's history, newest first.

    Keys: id ("<missing>" where no image of the store ends there), created (RFC 3339),
    createdBy, size (bytes of the entry's layer), comment, tags (None or names).
    """
    image, _ = lookup_instance(rt, name)
    tree = ImageTree(rt)
    document = tree.config(image)
    if document is None:
        raise StorageError(f"image {image.id} is damaged: its config cannot be read")
    layer: Layer | None = tree.layers.get(image.top_layer)
    used: set[str] = set()
    entries = []
    for item in reversed(document.get("history") or []):
        entry: dict[str, Any] = {
            "id": "<missing>",
            "created": item.get("created"),
            "createdBy": item.get("created_by", ""),
            "size": 0,
            "comment": item.get("comment", ""),
            "tags": None,
        }
        here = tree.by_top.get(layer.id, []) if layer else []
        if here:
            if here[0].id not in used:
                entry["id"] = here[0].id
                used.add(here[0].id)
            entry["tags"] = [n for i in here for n in i.names] or None
        if not item.get("empty_layer"):
            if layer is None:
                raise StorageError(f"no layer left for non-empty history entry of image {image.id}")
            entry["size"] = layer.diff_size
            layer = tree.layers.get(layer.parent)
        entries.append(entry)
    return entries


class TreeNode:
    """A line of ``image tree`` with the lines below it."""

    __slots__ = ("children", "id", "size", "tags")

    def __init__(self, layer: Layer, tags: list[str]) -> None:
        self.id = layer.id
        self.size = layer.diff_size
        self.tags = tags
        self.children: list[TreeNode] = []


def layer_tree(rt: Runtime, name: str, *, what_requires: bool) -> dict[str, Any]:
    """``{id, tags, size, nodes}``: its layers, lowest first, or all that need its top layer."""
    image, _ = lookup_instance(rt, name)
    tree = ImageTree(rt)
    nodes: list[TreeNode] = []
    layer = tree.layers.get(image.top_layer)
    if what_requires:
        if layer is not None:
            _descend(tree, layer, nodes)
    else:
        while layer is not None:
            nodes.insert(0, _node(tree, layer))
            layer = tree.layers.get(layer.parent)
    return {
        "id": image.id,
        "tags": repo_tags(image),
        "size": size_of(rt, image),
        "nodes": nodes,
    }


def _node(tree: ImageTree, layer: Layer) -> TreeNode:
    tags = [tag for image in tree.by_top.get(layer.id, ()) for tag in repo_tags(image)]
    return TreeNode(layer, list(dict.fromkeys(tags)))


def _descend(tree: ImageTree, layer: Layer, into: list[TreeNode]) -> None:
    node = _node(tree, layer)
    into.append(node)
    siblings = tree.layer_children.get(layer.parent, []) if layer.parent else []
    # Without siblings the line goes on at the same depth, with them each starts a branch.
    target = into if len(siblings) <= 1 else node.children
    for child in tree.layer_children.get(layer.id, ()):
        _descend(tree, tree.layers[child], target)
