"""Copies an image from an archive into the store: layer by layer, each once, all or nothing."""

from __future__ import annotations

from ..errors import StorageError
from ..oci import image_config, manifest
from ..oci.archive_image import ArchiveImage, LayerBlob

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..model.image import Image, Layer
    from .runtime import Runtime

    Progress = Callable[[str], None]


def quiet(_line: str) -> None:
    """A progress function that says nothing."""


def copy_image(
    rt: Runtime, image: ArchiveImage, names: list[str], progress: Progress = quiet
) -> Image:
    """Store an image under its config's digest and give it ``names`` (full references).

    Layers that the store has already are not read again. Names that another image has
    move to this one. When something fails, the layers that this call made are deleted.
    """
    progress("Getting image source signatures")
    made: list[str] = []
    parent = ""
    sizes: list[int] = []
    try:
        for blob in image.layers:
            layer, is_new = _ensure_layer(rt, parent, blob, progress)
            if is_new:
                made.append(layer.id)
            parent = layer.id
            sizes.append(layer.diff_size)
        config_digest = manifest.sha256(image.config)
        progress(f"Copying config {config_digest}")
        progress("Writing manifest to image destination")
        stored = rt.store.create_image(
            image.id,
            names=names,
            top_layer=parent,
            config=image.config,
            manifest=image.manifest or _docker_manifest(image, sizes),
            created=image.created,
        )
    except OSError as error:
        _take_back(rt, made)
        raise StorageError(io_reason(rt, error)) from error
    except BaseException:
        _take_back(rt, made)
        raise
    progress("Storing signatures")
    return stored


def io_reason(rt: Runtime, error: OSError) -> str:
    """What to say when the store could not be written: a full disk, most of all."""
    place = error.filename or rt.graphroot
    return f"writing the image to {place}: {(error.strerror or str(error)).lower()}"


def _ensure_layer(
    rt: Runtime, parent: str, blob: LayerBlob, progress: Progress
) -> tuple[Layer, bool]:
    shown = blob.digest or blob.diff_id
    known = rt.store.find_layer(parent, blob.diff_id)
    if known is not None:
        progress(f"Copying blob {shown} skipped: already exists")
        return known, False
    progress(f"Copying blob {shown}")
    layer_id = image_config.layer_id(parent, blob.diff_id)
    with blob.open() as stream:
        layer = rt.store.put_layer(
            parent,
            stream,  # type: ignore[arg-type]
            id=layer_id,
            diff_digest=blob.diff_id,
            compressed_digest=blob.digest,
        )
    return layer, True


def _docker_manifest(image: ArchiveImage, sizes: list[int]) -> bytes:
    """The manifest that podman makes for a docker archive: layers are named by their diffIDs."""
    config = manifest.Descriptor(
        media_type=manifest.DOCKER_CONFIG,
        digest=manifest.sha256(image.config),
        size=len(image.config),
    )
    layers = [
        manifest.Descriptor(media_type=blob.media_type, digest=blob.diff_id, size=size)
        for blob, size in zip(image.layers, sizes, strict=True)
    ]
    return manifest.docker_manifest(config, layers)


def _take_back(rt: Runtime, made: list[str]) -> None:
    for layer_id in reversed(made):
        try:
            rt.store.delete_layer(layer_id)
        except StorageError:
            # Another process has put an image or a layer on it in the meantime: it is theirs now.
            return
