"""``pull``: brings an image into the store from where a transport points.

Local transports only: ``docker-archive:``, ``oci-archive:``, ``oci:``, ``dir:``,
``containers-storage:``. Registries come with the registry client.
"""

from __future__ import annotations

import os

from ..errors import NoSuchImage, PolypodError, UsageError
from ..oci import archive_dir, archive_docker, reference
from ..oci.archive_files import Folder, FormatError, Tar
from ..oci.archive_image import ArchiveImage
from ..oci.archive_oci import Layout, annotated_name
from ..oci.archive_open import seekable
from .events import emit
from .images_copy import quiet
from .images_import import temp_dir
from .images_load import store_archive_image
from .images_lookup import lookup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..model.image import Image
    from .runtime import Runtime

POLICIES = ("always", "missing", "never", "newer", "ifmissing", "ifnewer")
_OTHER = ("docker-daemon", "ostree", "sif", "tarball", "atomic")


def check_policy(policy: str) -> str:
    """The pull policy in its canonical word; raises ``UsageError`` for one that does not exist."""
    if policy.lower() not in POLICIES:
        raise UsageError(f'unsupported pull policy "{policy}"')
    return policy.lower().removeprefix("if")


def ensure_image(
    rt: Runtime, name: str, policy: str = "missing", progress: Callable[[str], None] = quiet
) -> Image:
    """The image for ``run`` and ``create``: the local one if the policy allows, else a pulled one.

    Raises ``NoSuchImage`` in podman's words when it is absent and must not be pulled.
    """
    policy = check_policy(policy)
    if not _transport(name) and policy != "always":
        try:
            return lookup(rt, name)[0]
        except NoSuchImage:
            if policy == "never":
                raise
    return lookup(rt, pull(rt, name, policy, progress)[0])[0]


def pull(
    rt: Runtime, source: str, policy: str = "always", progress: Callable[[str], None] = quiet
) -> list[str]:
    """Pull one source; returns the image IDs. ``policy`` counts for registries alone."""
    policy = check_policy(policy)
    transport = _transport(source)
    rest = source.partition(":")[2]
    if transport == "containers-storage":
        return [lookup(rt, rest.rpartition("]")[2])[0].id]
    if transport in ("", "docker"):
        return [_registry(rt, rest.removeprefix("//") if transport else source, policy, progress)]
    if transport in _OTHER:
        raise UsageError(f"{source}: the {transport} transport is not supported")
    try:
        ids = _READERS[transport](rt, rest, progress)
    except FormatError as error:
        raise PolypodError(f"initializing source {source}: {error}") from None
    for image_id in ids:
        emit(rt, "image", "pull", id=image_id, name=source)
    return ids


def _transport(source: str) -> str:
    name, colon, rest = source.partition(":")
    if not colon:
        return ""
    if name == "docker":
        # docker:latest is an image of that name.
        return name if rest.startswith("//") else ""
    return name if name in _READERS or name == "containers-storage" or name in _OTHER else ""


def _registry(rt: Runtime, name: str, policy: str, progress: Callable[[str], None]) -> str:
    local = _local(rt, name)
    if local is not None and policy != "always":
        return local[0].id
    if policy == "never":
        raise NoSuchImage(f"{name}: image not known")
    if reference.is_id(name.removeprefix("sha256:")):
        raise NoSuchImage(f"{name}: image not known")
    full = local[1] if local else str(reference.with_tag(_completed(name)))
    progress(f"Trying to pull {full}...")
    raise PolypodError(
        f"initializing source docker://{full}: registries are not supported yet; "
        "bring the image with load or import, or pull docker-archive:, oci-archive:, oci: or dir:"
    )


def _completed(name: str) -> reference.Reference:
    """The full name to ask a registry for; short names need an alias or search registries."""
    wanted = reference.parse(name)
    if not reference.is_short(wanted):
        return reference.with_docker_defaults(wanted)
    from ..oci import image_shortnames

    alias = image_shortnames.alias(wanted.name)
    search = image_shortnames.search_registries()
    if not alias and not search:
        files = image_shortnames.config_files()
        raise NoSuchImage(
            f'short-name "{name}" did not resolve to an alias and no unqualified-search '
            f'registries are defined in "{files[0]}"'
        )
    # The first candidate is localhost/ unless an alias stands before it.
    return reference.candidates(wanted, alias, search)[0 if alias else 1]


def _local(rt: Runtime, name: str) -> tuple[Image, str] | None:
    try:
        return lookup(rt, name)
    except NoSuchImage:
        return None


def _docker_archive(rt: Runtime, rest: str, progress: Callable[[str], None]) -> list[str]:
    path, name, index = _split_docker(rest)
    tar = _open_tar(rt, path)
    try:
        if name or index >= 0:
            found = [archive_docker.find(tar, name, index)]
        else:
            found = archive_docker.images(tar)
        return [store_archive_image(rt, image, progress)[0] for image in found]
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


def _oci_archive(rt: Runtime, rest: str, progress: Callable[[str], None]) -> list[str]:
    path, _, name = rest.partition(":")
    tar = _open_tar(rt, path)
    try:
        layout = Layout(tar)
        entry = layout.choose(name)
        named = annotated_name(entry.annotations)
        image = layout.image(entry, [named] if named else [])
        return [store_archive_image(rt, image, progress)[0]]
    finally:
        tar.close()


def _oci(rt: Runtime, rest: str, progress: Callable[[str], None]) -> list[str]:
    path, _, name = rest.partition(":")
    layout = Layout(Folder(path))
    image: ArchiveImage = layout.image(layout.choose(name), [name] if name else [])
    return [store_archive_image(rt, image, progress)[0]]


def _dir(rt: Runtime, rest: str, progress: Callable[[str], None]) -> list[str]:
    return [store_archive_image(rt, archive_dir.image(Folder(rest)), progress)[0]]


def _open_tar(rt: Runtime, path: str) -> Tar:
    try:
        file = open(path, "rb", buffering=0)
        if os.path.isdir(path):
            raise IsADirectoryError(21, "is a directory", path)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise PolypodError(f'opening file "{path}": open {path}: {reason}') from None
    return Tar(seekable(file, temp_dir(rt)), path)


_READERS = {
    "docker-archive": _docker_archive,
    "oci-archive": _oci_archive,
    "oci": _oci,
    "dir": _dir,
}
