"""``docker save`` archives: manifest.json lists the images, their names, configs and layers."""

from __future__ import annotations

from ..kit.fastjson import loads
from . import image_config
from .archive_files import FormatError
from .archive_image import ArchiveImage, LayerBlob, Origin, read_config
from .manifest import DOCKER_LAYER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .archive_files import Tar


def images(files: Tar) -> list[ArchiveImage]:
    """All images of the archive, in its order."""
    return [_image(files, item) for item in _items(files)]


def find(files: Tar, name: str, index: int = -1) -> ArchiveImage:
    """The image with that name, or with that index (when >= 0), or the only one."""
    items = _items(files)
    if name:
        for item in items:
            if name in item["RepoTags"]:
                return _image(files, {**item, "RepoTags": [name]})
        raise FormatError(f"tag {name!r} not found")
    if index >= len(items):
        raise FormatError(
            f"invalid source index @{index}, only {len(items)} manifest items available"
        )
    if index < 0 and len(items) != 1:
        raise FormatError(f"unexpected tar manifest.json: expected 1 item, got {len(items)}")
    return _image(files, items[max(index, 0)])


def _items(files: Tar) -> list[dict[str, Any]]:
    data = files.read("manifest.json")
    try:
        items = loads(data)
    except ValueError as error:
        raise FormatError(f"decoding tar manifest.json: {error}") from None
    if not isinstance(items, list):
        raise FormatError("decoding tar manifest.json: not a list")
    for item in items:
        if not (
            isinstance(item, dict)
            and isinstance(item.get("Config"), str)
            and isinstance(item.get("Layers") or [], list)
        ):
            raise FormatError("decoding tar manifest.json: an item lacks Config or Layers")
        item["RepoTags"] = [str(tag) for tag in item.get("RepoTags") or []]
        item["Layers"] = [str(layer) for layer in item.get("Layers") or []]
    return items


def _image(files: Tar, item: dict[str, Any]) -> ArchiveImage:
    config = files.read(item["Config"])
    diff_ids = image_config.diff_ids(read_config(config))
    if len(diff_ids) != len(item["Layers"]):
        raise FormatError(
            f"{len(item['Layers'])} layers in the manifest, but {len(diff_ids)} in the config"
        )
    layers = [
        LayerBlob(
            diff_id=diff_id,
            digest="",  # the layers are named freely and may be compressed: diff_id decides
            size=files.size(path),
            # Podman states gzip here for plain tars as well; equal bytes give equal digests.
            media_type=DOCKER_LAYER + ".gzip",
            open=lambda path=path: files.open(path),  # type: ignore[misc]
        )
        for diff_id, path in zip(diff_ids, item["Layers"], strict=True)
    ]
    found = ArchiveImage(config=config, layers=layers, manifest=b"", names=item["RepoTags"])
    found.origin = Origin(transport="docker-archive", location=files.path)
    return found
