"""``save``: writes images to an archive, a directory or standard output."""

from __future__ import annotations

import os

from ..errors import PolypodError, StorageError, UsageError
from ..oci import manifest, reference
from ..oci.destination import Destination, DirDestination, LayoutDestination
from ..oci.destination_tar import DockerArchiveDestination, TarDestination
from ..oci.outgoing import OutImage
from .events import emit
from .image_sources_store import StoreSource
from .images_copy import quiet
from .images_import import temp_dir
from .images_lookup import lookup, lookup_instance
from .progress import progress_of
from .push_copy import Copier
from .push_options import PushOptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .progress import Progress
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
    progress: Callable[[str], None] | Progress = quiet,
) -> None:
    """Write images to a path ("" = standard output). Only docker-archive takes several.

    A file that was begun is deleted when something fails.
    """
    if options.format not in FORMATS:
        raise UsageError(f'unsupported format "{options.format}" for saving images')
    if len(names) > 1:
        _check_several(options)
    images = _collect(rt, names, options.tags)
    report = progress_of(progress)
    try:
        if options.format in ("oci-dir", "docker-dir"):
            _copy(_directory(images[0], output, options), images, report)
        elif output:
            _save_file(rt, images, output, options, report)
        else:
            _copy(_archive(rt, images, 1, options), images, report)
    except ValueError as error:
        raise StorageError(f"saving {names[0]}: {error}") from None
    except OSError as error:
        raise PolypodError(
            f"saving to {output or 'stdout'}: {(error.strerror or '').lower()}"
        ) from None
    for name in names:
        emit(rt, "image", "save", id=lookup(rt, name)[0].id, name=output or "/dev/stdout")


def _check_several(options: SaveOptions) -> None:
    if options.format != "docker-archive":
        raise UsageError(
            f'unsupported format "{options.format}" for saving multiple images '
            "(only docker-archive)"
        )
    if options.tags:
        raise UsageError("cannot save multiple images with multiple tags")


def _collect(rt: Runtime, names: list[str], tags: list[str]) -> list[OutImage]:
    """The images behind the names, each once, with all the names by which it was called."""
    found: dict[str, OutImage] = {}
    further = [str(reference.normalize(tag)) for tag in tags]
    for name in names:
        image, resolved = lookup_instance(rt, name)
        if image.id not in found:
            source = StoreSource(rt, image)
            found[image.id] = source.image(source.manifest())
            found[image.id].names = list(further)
        if ":" in resolved and not resolved.startswith("sha256:"):
            known = found[image.id].names
            if resolved not in known and "@" not in resolved:
                known.append(resolved)
    return list(found.values())


def _copy(destination: Destination, images: list[OutImage], progress: Progress) -> None:
    # As podman: what is saved has no signatures.
    copier = Copier(destination, PushOptions(remove_signatures=True), progress)
    try:
        for image in images:
            if isinstance(destination, DockerArchiveDestination):
                destination.names = image.names
            copier.image(image)
        destination.finish()
    except BaseException:
        destination.abort()
        raise


def _save_file(
    rt: Runtime, images: list[OutImage], output: str, options: SaveOptions, progress: Progress
) -> None:
    special = os.path.exists(output) and not os.path.isfile(output)
    fd = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        _copy(_archive(rt, images, fd, options), images, progress)
    except BaseException:
        if not special:
            os.unlink(output)
        raise
    finally:
        os.close(fd)


def _archive(rt: Runtime, images: list[OutImage], fd: int, options: SaveOptions) -> Destination:
    if options.format == "docker-archive":
        return DockerArchiveDestination(fd, images[0].names, temp_dir(rt))
    name = images[0].names[-1] if images[0].names else ""
    return TarDestination(fd, name, temp_dir(rt), compress=not options.uncompressed)


def _directory(image: OutImage, output: str, options: SaveOptions) -> Destination:
    if not output:
        raise UsageError(f"{options.format} is a directory: name it with --output")
    if options.format == "oci-dir":
        name = image.names[-1] if image.names else ""
        return LayoutDestination(output, name, compress=not options.uncompressed)
    return DirDestination(output, compress=options.compress, kinds=(manifest.DOCKER_MANIFEST,))
