"""Pulls from files and directories: ``docker-archive:``, ``oci-archive:``, ``oci:``, ``dir:``."""

from __future__ import annotations

from ..errors import PolypodError, UsageError
from ..oci import archive_dir, archive_docker, reference
from ..oci.archive_files import Folder, FormatError
from ..oci.archive_oci import Layout, annotated_name
from ..oci.archive_open import open_tar
from .images_import import temp_dir
from .images_load import store_archive_image

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..oci.archive_image import ArchiveImage
    from .runtime import Runtime

    Report = Callable[[str], None]


def pull_archive(
    rt: Runtime, transport: str, rest: str, progress: Report, signature_policy: str = ""
) -> list[str]:
    """Copy the images that ``transport:rest`` names into the store; returns their IDs."""
    try:
        return _READERS[transport](rt, rest, progress, signature_policy)
    except FormatError as error:
        raise PolypodError(f"initializing source {transport}:{rest}: {error}") from None


def _docker_archive(rt: Runtime, rest: str, progress: Report, policy: str) -> list[str]:
    path, name, index = _split_docker(rest)
    tar = open_tar(path, temp_dir(rt))
    try:
        if name or index >= 0:
            found = [archive_docker.find(tar, name, index)]
        else:
            found = archive_docker.images(tar)
        return [store_archive_image(rt, image, progress, policy)[0] for image in found]
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


def _oci_archive(rt: Runtime, rest: str, progress: Report, policy: str) -> list[str]:
    path, _, name = rest.partition(":")
    tar = open_tar(path, temp_dir(rt))
    try:
        layout = Layout(tar)
        entry = layout.choose(name)
        named = annotated_name(entry.annotations)
        image = layout.image(entry, [named] if named else [])
        return [store_archive_image(rt, image, progress, policy)[0]]
    finally:
        tar.close()


def _oci(rt: Runtime, rest: str, progress: Report, policy: str) -> list[str]:
    path, _, name = rest.partition(":")
    layout = Layout(Folder(path))
    image: ArchiveImage = layout.image(layout.choose(name), [name] if name else [])
    return [store_archive_image(rt, image, progress, policy)[0]]


def _dir(rt: Runtime, rest: str, progress: Report, policy: str) -> list[str]:
    return [store_archive_image(rt, archive_dir.image(Folder(rest)), progress, policy)[0]]


#: What can be pulled from without a registry.
_READERS: dict[str, Callable[[Runtime, str, Report, str], list[str]]] = {
    "docker-archive": _docker_archive,
    "oci-archive": _oci_archive,
    "oci": _oci,
    "dir": _dir,
}

TRANSPORTS = frozenset(_READERS)
