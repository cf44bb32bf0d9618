"""Copies an image from an archive or a registry into the store: each layer once, all or nothing."""

from __future__ import annotations

from ..errors import PolypodError, StorageError
from ..oci import manifest
from .progress import progress_of
from .trust import check_image

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..model.image import Image
    from ..oci.archive_image import ArchiveImage
    from .progress import Progress
    from .runtime import Runtime

_TRIES = 3


def quiet(_line: str) -> None:
    """A progress function that says nothing."""


def copy_image(
    rt: Runtime,
    image: ArchiveImage,
    names: list[str],
    progress: Callable[[str], None] | Progress = quiet,
    *,
    label: str = "",
    documents: dict[str, bytes] | None = None,
    digest: str = "",
    signature_policy: str = "",
) -> Image:
    """Store an image under its config's digest and give it ``names`` (full references).

    Layers that the store has already are not read again. Names that another image has
    move to this one. When something fails, the layers that this call made are deleted, and
    the error names the image as ``label``. ``documents`` are further big data of the image, ``digest``
    that of the index by which it was found.
    Raises ``PolicyRejected`` when policy.json (or ``signature_policy``) does not let it in.
    """
    told = progress_of(progress)
    told.line("Getting image source signatures")
    signatures = check_image(rt, image, signature_policy)
    for attempt in range(1, _TRIES + 1):
        try:
            return _copy(rt, image, names, told, documents or {}, digest, signatures)
        except _gone():
            if attempt == _TRIES:
                raise
        except PolypodError as error:
            if not label:
                raise
            raise type(error)(f"copying image {label}: {error}") from error
    raise AssertionError("unreachable")


def _gone() -> type[PolypodError]:
    from ..store.putlayer import LayerGone

    return LayerGone


def _copy(
    rt: Runtime,
    image: ArchiveImage,
    names: list[str],
    progress: Progress,
    documents: dict[str, bytes],
    digest: str,
    signatures: tuple[bytes, ...],
) -> Image:
    from .images_layers import LayerCopy

    copy = LayerCopy(rt, image, progress)
    try:
        layers = copy.run()
        config_digest = manifest.sha256(image.config)
        progress.blob(config_digest, len(image.config), "config").done()
        progress.line("Writing manifest to image destination")
        stored = rt.store.create_image(
            image.id,
            names=names,
            top_layer=layers[-1].id if layers else "",
            config=image.config,
            manifest=image.manifest or _docker_manifest(image, [x.diff_size for x in layers]),
            created=image.created,
            big_data=documents,
            digest=digest,
            signatures=signatures,
        )
    except OSError as error:
        _take_back(rt, copy.made)
        raise StorageError(io_reason(rt, error)) from error
    except BaseException:
        _take_back(rt, copy.made)
        raise
    progress.line("Storing signatures")
    return stored


def io_reason(rt: Runtime, error: OSError) -> str:
    """What to say when the store could not be written: a full disk, most of all."""
    place = error.filename or rt.graphroot
    return f"writing the image to {place}: {(error.strerror or str(error)).lower()}"


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
