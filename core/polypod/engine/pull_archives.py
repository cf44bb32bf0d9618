"""Pulls from files and directories: ``docker-archive:``, ``oci-archive:``, ``oci:``, ``dir:``."""

from __future__ import annotations

from ..errors import PolypodError, UsageError
from ..oci import archive_dir, archive_docker, reference
from ..oci.archive_files import Folder, FormatError
from ..oci.archive_oci import Layout, annotated_name
from ..oci.archive_open import open_tar
from .images_import import temp_dir
from .images_load import store_archive_image
from .platforms import mismatch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..oci.archive_image import ArchiveImage
    from .pull_options import PullOptions
    from .runtime import Runtime

    Report = Callable[[str], None]


class _Pull:
    """What all formats need: where to, and what was asked for."""

    def __init__(self, rt: Runtime, options: PullOptions, progress: Report) -> None:
        self.rt = rt
        self.options = options
        self.platform = (options.os, options.arch, options.variant)
        self._progress = progress

    def store(self, image: ArchiveImage) -> str:
        """Copy one image into the store; returns its ID."""
        policy = self.options.signature_policy
        stored = store_archive_image(self.rt, image, self._progress, policy)[0]
        warning = mismatch(image.document, *self.platform)
        if warning:
            self._progress(f"WARNING: {warning}")
        return stored


def pull_archive(
    rt: Runtime, transport: str, rest: str, options: PullOptions, progress: Report
) -> list[str]:
    """Copy the images that ``transport:rest`` names into the store; returns their IDs."""
    try:
        return _READERS[transport](_Pull(rt, options, progress), rest)
    except FormatError as error:
        raise PolypodError(f"initializing source {transport}:{rest}: {error}") from None


def _docker_archive(pull: _Pull, rest: str) -> list[str]:
    path, name, index = _split_docker(rest)
    tar = open_tar(path, temp_dir(pull.rt))
    try:
        if name or index >= 0:
            found = [archive_docker.find(tar, name, index)]
        else:
            found = archive_docker.images(tar)
        return [pull.store(image) for image in found]
    finally:
        tar.close()


def _split_docker(rest: str) -> tuple[str, str, int]:
    """``path[:name|:@index]``."""
    path, _, chosen = rest.partition(":")
    if chosen.startswith("@"):
        if not chosen[1:].isdigit():
            raise UsageError(f"invalid source index {chosen}")
        return path, "", int(chosen[1:])
    return path, str(reference.normalize_docker(chosen)) if chosen else "", -1


def _oci_archive(pull: _Pull, rest: str) -> list[str]:
    path, _, name = rest.partition(":")
    tar = open_tar(path, temp_dir(pull.rt))
    try:
        layout = Layout(tar)
        entry = layout.choose(name)
        named = annotated_name(entry.annotations)
        image = layout.image(entry, [named] if named else [], pull.platform)
        return [pull.store(image)]
    finally:
        tar.close()


def _oci(pull: _Pull, rest: str) -> list[str]:
    path, _, name = rest.partition(":")
    layout = Layout(Folder(path))
    image = layout.image(layout.choose(name), [name] if name else [], pull.platform)
    return [pull.store(image)]


def _dir(pull: _Pull, rest: str) -> list[str]:
    return [pull.store(archive_dir.image(Folder(rest), pull.platform))]


#: What can be pulled from without a registry.
_READERS: dict[str, Callable[[_Pull, str], list[str]]] = {
    "docker-archive": _docker_archive,
    "oci-archive": _oci_archive,
    "oci": _oci,
    "dir": _dir,
}

TRANSPORTS = frozenset(_READERS)
