"""How images hang together: who is built on whom, which are dangling, which intermediate.

Two images are parent and child when the child has the parent's layers, and its history
plus one entry more (libimage's rule). Images that share a top layer, or stand on
neighbouring layers, are the only ones compared.
"""

from __future__ import annotations

from ..errors import PolypodError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model.image import Image, Layer
    from .runtime import Runtime


class ImageTree:
    """A consistent view of images and layers; configs are read when asked for, once."""

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt
        self.images: list[Image] = rt.store.images()
        self.layers: dict[str, Layer] = {layer.id: layer for layer in rt.store.layers()}
        self.layer_children: dict[str, list[str]] = {}
        for layer in self.layers.values():
            self.layer_children.setdefault(layer.parent, []).append(layer.id)
        self.by_top: dict[str, list[Image]] = {}
        for image in self.images:
            self.by_top.setdefault(image.top_layer, []).append(image)
        self._configs: dict[str, dict[str, Any] | None] = {}
        self._listed: set[str] | None = None

    def config(self, image: Image) -> dict[str, Any] | None:
        """The image's config document; None for a damaged image and for a manifest list."""
        if image.id not in self._configs:
            try:
                document = self._rt.store.image_config(image)
            except (PolypodError, OSError, ValueError):
                document = None
            self._configs[image.id] = document if isinstance(document, dict) else None
        return self._configs[image.id]

    def parent(self, image: Image) -> Image | None:
        """The image that this one was built on, if it is there."""
        near = [c for c in self.by_top.get(image.top_layer, ()) if c.id != image.id]
        if image.top_layer:
            layer = self.layers.get(image.top_layer)
            if layer is not None and layer.parent:
                near += self.by_top.get(layer.parent, ())
        for candidate in near:
            if self._is_parent(candidate, image):
                return candidate
        return None

    def children(self, image: Image) -> list[Image]:
        """The images that were built on this one."""
        near = [c for c in self.by_top.get(image.top_layer, ()) if c.id != image.id]
        if image.top_layer:
            for layer in self.layer_children.get(image.top_layer, ()):
                near += self.by_top.get(layer, ())
        return [child for child in near if self._is_parent(image, child)]

    def forget(self, image: Image) -> None:
        """Take an image out that is about to be deleted."""
        here = [other for other in self.by_top.get(image.top_layer, ()) if other.id != image.id]
        self.by_top[image.top_layer] = here
        self.images = [other for other in self.images if other.id != image.id]
        if not image.top_layer:
            self._listed = None

    def renamed(self, image: Image) -> None:
        """Put the new record of an image in the place of the one that is known."""
        self.images = [image if other.id == image.id else other for other in self.images]
        here = self.by_top.get(image.top_layer, [])
        self.by_top[image.top_layer] = [image if other.id == image.id else other for other in here]

    def is_intermediate(self, image: Image) -> bool:
        """Without a name, but built upon."""
        return not image.names and bool(self.children(image))

    def is_dangling(self, image: Image) -> bool:
        """Without a name, not built upon, and not in a manifest list."""
        if image.names or self.children(image):
            return False
        return image.digest not in self._in_lists()

    def is_list(self, image: Image) -> bool:
        """Whether the image is a manifest list."""
        return not image.top_layer and bool(self._instances(image))

    def _in_lists(self) -> set[str]:
        if self._listed is None:
            self._listed = set()
            for image in self.by_top.get("", ()):
                self._listed.update(self._instances(image))
        return self._listed

    def _instances(self, image: Image) -> list[str]:
        from ..oci import manifest

        try:
            parsed = manifest.parse(self._rt.store.manifest(image))
        except (PolypodError, OSError, ValueError):
            return []
        return [entry.digest for entry in parsed.manifests]

    def _is_parent(self, parent: Image, child: Image) -> bool:
        older, newer = self.config(parent), self.config(child)
        if older is None or newer is None:
            return False
        below, above = _diff_ids(older), _diff_ids(newer)
        if above[: len(below)] != below:
            return False
        before, after = older.get("history") or [], newer.get("history") or []
        if len(before) + 1 != len(after):
            return False
        return all(_same_entry(a, b) for a, b in zip(before, after, strict=False))


def _diff_ids(config: dict[str, Any]) -> list[str]:
    return list((config.get("rootfs") or {}).get("diff_ids") or [])


def _same_entry(a: dict[str, Any], b: dict[str, Any]) -> bool:
    keys = ("created", "created_by", "author", "comment", "empty_layer")
    return all((a.get(key) or None) == (b.get(key) or None) for key in keys)
