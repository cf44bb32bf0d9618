"""Opens the sources of :mod:`image_sources` by name."""

from __future__ import annotations

from ..errors import NoSuchImage, PolypodError
from ..oci import archive_docker, manifest, reference
from ..oci.archive_files import Folder, FormatError, Tar
from ..oci.archive_oci import Layout
from ..oci.archive_open import open_tar
from ..registry.access import Access
from .image_sources import (
    ArchiveSource,
    FilesSource,
    RegistrySource,
    Source,
    transport_of,
)
from .image_sources_store import StoreSource
from .images_import import temp_dir
from .images_lookup import lookup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .runtime import Runtime


def open_named(rt: Runtime, name: str, access: Access | None = None, what: str = "image") -> Source:
    """Open what a name with any transport means.

    A name without transport is asked for in its registry first and then locally, as podman does
    it; one of ``localhost/`` only locally.
    """
    transport, rest = transport_of(name)
    if transport:
        return _open_transport(rt, transport, rest, name, access)
    if name.startswith(("localhost/", "sha256:")) or reference.is_id(name):
        return StoreSource(rt, lookup(rt, name)[0])
    try:
        # Once: where no registry has it, the local image is not to be waited for.
        return _registry(name, (access or Access()).evolve(retry=0))
    except PolypodError as remote:
        try:
            return StoreSource(rt, lookup(rt, name)[0])
        except NoSuchImage as local:
            raise NoSuchImage(
                f'locating {what}: "docker://{name}": {remote}; "{name}": {local}'
            ) from None


def _open_transport(
    rt: Runtime, transport: str, rest: str, name: str, access: Access | None
) -> Source:
    if transport == "docker":
        return _registry(rest, access)
    if transport == "containers-storage":
        return StoreSource(rt, lookup(rt, stored_name(rest))[0])
    try:
        if transport == "dir":
            return _dir(rest)
        if transport == "oci":
            path, _, tag = rest.partition(":")
            return _layout(Folder(path), tag, name)
        path, _, chosen = rest.partition(":")
        tar = open_tar(path, temp_dir(rt))
        try:
            if transport == "oci-archive":
                return _layout(tar, chosen, name)
            wanted = str(reference.normalize_docker(chosen)) if chosen else ""
            return ArchiveSource(name, archive_docker.find(tar, wanted), tar.close)
        except BaseException:
            tar.close()
            raise
    except FormatError as error:
        raise PolypodError(f'reading manifest from "{name}": {error}') from None


def stored_name(rest: str) -> str:
    """The name or ID in ``[driver@root+run]name@id``: the ID when there is one."""
    plain = rest.rpartition("]")[2]
    name, at, id = plain.rpartition("@")
    return id if at and reference.is_id(id) else (plain if not at or name else id)


def _registry(name: str, access: Access | None) -> Source:
    from ..registry.client import open_source
    from ..registry.conf import load

    ref = reference.with_tag(reference.with_docker_defaults(reference.parse(name)))
    access = access or Access()
    repository = open_source(ref, access, load(access.registries_conf))
    return RegistrySource(repository, str(ref), ref.digest or ref.tag)


def _dir(path: str) -> Source:
    files = Folder(path)

    def read_manifest(digest: str) -> bytes:
        data = files.read(f"{_digits(digest)}.manifest.json")
        if manifest.sha256(data) != digest:
            raise FormatError(f"manifest {digest} does not match its digest")
        return data

    return FilesSource(
        f"dir:{path}",
        files.read("manifest.json"),
        read_manifest,
        lambda digest: files.read(_digits(digest)),
        lambda digest: files.open(_digits(digest)),
        files.close,
    )


def _digits(digest: str) -> str:
    return digest.partition(":")[2]


def _layout(files: Folder | Tar, tag: str, name: str) -> Source:
    layout = Layout(files)
    data = layout.read(layout.choose(tag).digest)
    return FilesSource(name, data, layout.read, layout.read, layout.open_blob, files.close)
