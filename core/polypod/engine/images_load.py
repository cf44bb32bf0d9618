"""``load``: brings images from an archive or a directory into the store."""

from __future__ import annotations

import os

from ..errors import PolypodError
from ..oci import reference
from ..oci.archive_files import FormatError
from ..oci.archive_open import Opened, open_any, open_file
from .events import emit
from .images_copy import copy_image, quiet
from .images_import import temp_dir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

    from ..oci.archive_image import ArchiveImage
    from .runtime import Runtime


def load_path(
    rt: Runtime,
    path: str,
    progress: Callable[[str], None] = quiet,
    signature_policy: str = "",
) -> list[str]:
    """Load everything at a path or http(s) URL; returns the images' names (or ``sha256:ID``)."""
    if path.startswith(("http://", "https://")):
        from .images_download import download

        return load_stream(rt, download(path, temp_dir(rt)), path, progress, signature_policy)
    try:
        os.stat(path)
        opened = open_any(path, temp_dir(rt))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise PolypodError(f"stat {path}: {reason}") from None
    return load_opened(rt, opened, path, progress, signature_policy)


def load_stream(
    rt: Runtime,
    file: IO[bytes],
    name: str = "-",
    progress: Callable[[str], None] = quiet,
    signature_policy: str = "",
) -> list[str]:
    """Load from an open archive file, pipe or socket file, which this closes."""
    opened = open_file(file, name, temp_dir(rt))
    for image in opened.images:
        image.origin = image.origin.evolve(location="")  # the name is no path
    return load_opened(rt, opened, name, progress, signature_policy)


def load_opened(
    rt: Runtime,
    opened: Opened,
    origin: str,
    progress: Callable[[str], None] = quiet,
    signature_policy: str = "",
) -> list[str]:
    """Store all images of an opened archive and close it; returns what to call them."""
    loaded: list[str] = []
    with opened:
        for image in opened.images:
            stored, names = store_archive_image(rt, image, progress, signature_policy)
            loaded += names or [f"sha256:{stored}"]
            emit(rt, "image", "loadfromarchive", id=stored, name=origin)
    return loaded


def store_archive_image(
    rt: Runtime,
    image: ArchiveImage,
    progress: Callable[[str], None] = quiet,
    signature_policy: str = "",
) -> tuple[str, list[str]]:
    """Store one image under the names that its archive gives; returns its ID and full names."""
    try:
        names = [str(reference.normalize(name)) for name in image.names]
        return copy_image(rt, image, names, progress, signature_policy=signature_policy).id, names
    except FormatError as error:
        raise PolypodError(f"unable to perform copy: {error}") from None
