"""``save``: writes images to an archive, a directory or standard output."""

from __future__ import annotations

import os

from ..errors import PolypodError, StorageError, UsageError
from ..kit.fastjson import loads
from ..oci import reference
from ..oci.archive_sink import DirSink, TarSink
from ..oci.archive_write import (
    SavedImage,
    SavedLayer,
    write_dir,
    write_docker_archive,
    write_oci,
)
from .events import emit
from .images_copy import quiet
from .images_import import temp_dir
from .images_lookup import lookup, lookup_instance
from .images_names import config_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..model.image import Image, Layer
    from .runtime import Runtime

FORMATS = ("docker-archive", "oci-archive", "oci-dir", "docker-dir")


class SaveOptions:
    """The format; ``tags``: further names for the one image; how layers are compressed."""

    __slots__ = ("compress", "format", "tags", "uncompressed")

    def __init__(
        self,
        *,
        format: str = "docker-archive",
        tags: list[str] | None = None,
        compress: bool = False,
        uncompressed: bool = False,
    ) -> None:
        self.format = format
        self.tags = tags or []
        self.compress = compress
        self.uncompressed = uncompressed


def save(
    rt: Runtime,
    names: list[str],
    output: str,
    options: SaveOptions,
    progress: Callable[[str], None] = quiet,
) -> None:
    """Write images to a path ("" = standard output). Only docker-archive takes several.

    A file that was begun is deleted when something fails.
    """
    if options.format not in FORMATS:
        raise UsageError(f'unsupported format "{options.format}" for saving images')
    if len(names) > 1:
        _check_several(options)
    images = _collect(rt, names, options.tags)
    progress("Getting image source signatures")
    try:
        if options.format in ("oci-dir", "docker-dir"):
            _save_dir(rt, images[0], output, options, progress)
        elif output:
            _save_file(rt, images, output, options, progress)
        else:
            _save_tar(rt, images, 1, options, progress)
    except ValueError as error:
        raise StorageError(f"saving {names[0]}: {error}") from None
    except OSError as error:
        raise PolypodError(
            f"saving to {output or 'stdout'}: {(error.strerror or '').lower()}"
        ) from None
    for name in names:
        emit(rt, "image", "save", id=lookup(rt, name)[0].id, name=output or "/dev/stdout")
    progress("Storing signatures")


def _check_several(options: SaveOptions) -> None:
    if options.format != "docker-archive":
        raise UsageError(
            f'unsupported format "{options.format}" for saving multiple images '
            "(only docker-archive)"
        )
    if options.tags:
        raise UsageError("cannot save multiple images with multiple tags")


def _collect(rt: Runtime, names: list[str], tags: list[str]) -> list[SavedImage]:
    """The images behind the names, each once, with all the names by which it was called."""
    found: dict[str, SavedImage] = {}
    further = [str(reference.normalize(tag)) for tag in tags]
    for name in names:
        image, resolved = lookup_instance(rt, name)
        if image.id not in found:
            found[image.id] = _saved(rt, image, list(further))
        if ":" in resolved and not resolved.startswith("sha256:"):
            known = found[image.id].names
            if resolved not in known and "@" not in resolved:
                known.append(resolved)
    return list(found.values())


def _saved(rt: Runtime, image: Image, names: list[str]) -> SavedImage:
    layers = [_layer(rt, layer) for layer in reversed(rt.store.image_layers(image))]
    annotations = loads(rt.store.manifest(image)).get("annotations") or {}
    return SavedImage(config_bytes(rt, image), layers, names, annotations)


def _layer(rt: Runtime, layer: Layer) -> SavedLayer:
    if not layer.diff_digest:
        raise StorageError(f"layer {layer.id} has no recorded digest, so that it cannot be saved")
    return SavedLayer(layer.diff_digest, layer.diff_size, lambda: rt.store.diff(layer))


def _save_file(
    rt: Runtime,
    images: list[SavedImage],
    output: str,
    options: SaveOptions,
    progress: Callable[[str], None],
) -> None:
    special = os.path.exists(output) and not os.path.isfile(output)
    fd = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        _save_tar(rt, images, fd, options, progress)
    except BaseException:
        if not special:
            os.unlink(output)
        raise
    finally:
        os.close(fd)


def _save_tar(
    rt: Runtime,
    images: list[SavedImage],
    fd: int,
    options: SaveOptions,
    progress: Callable[[str], None],
) -> None:
    sink = TarSink(fd)
    if options.format == "docker-archive":
        write_docker_archive(sink, images, progress)
    else:
        image = images[0]
        name = image.names[-1] if image.names else ""
        write_oci(sink, image, name, temp_dir(rt), progress, compress=not options.uncompressed)
    sink.finish()


def _save_dir(
    rt: Runtime,
    image: SavedImage,
    output: str,
    options: SaveOptions,
    progress: Callable[[str], None],
) -> None:
    if not output:
        raise UsageError(f"{options.format} is a directory: name it with --output")
    if os.path.exists(output) and not os.path.isdir(output):
        raise UsageError(f"{output} exists and is not a directory")
    known = "oci-layout" if options.format == "oci-dir" else "version"
    if os.path.isdir(output) and os.listdir(output) and not os.path.exists(f"{output}/{known}"):
        raise UsageError(f"{output} is not empty and not of the format {options.format}")
    sink = DirSink(output)
    name = image.names[-1] if image.names else ""
    if options.format == "oci-dir":
        write_oci(sink, image, name, temp_dir(rt), progress, compress=not options.uncompressed)
    else:
        write_dir(sink, image, temp_dir(rt), progress, compress=options.compress)
