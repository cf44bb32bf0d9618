"""Opens the destination that a name with a transport means."""

from __future__ import annotations

import os

from ..errors import PolypodError, UsageError
from ..oci import reference
from ..oci.destination import Destination, DirDestination, LayoutDestination
from ..oci.destination_tar import DockerArchiveDestination, TarDestination
from .image_sources import transport_of
from .images_import import temp_dir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .push_cache import BlobCache
    from .push_options import PushOptions
    from .runtime import Runtime


def open_destination(
    rt: Runtime,
    name: str,
    options: PushOptions,
    cache: BlobCache | None = None,
    source_names: list[str] | None = None,
) -> Destination:
    """The destination; a name without transport is a repository in a registry.

    ``source_names`` are the image's own, which a docker archive records as well.
    """
    transport, rest = transport_of(name)
    if transport in ("", "docker"):
        return _registry(rt, rest, options, cache)
    if transport == "dir":
        return DirDestination(rest, compress=options.compress)
    if transport == "containers-storage":
        raise UsageError(f"{name}: cannot be pushed to directly")
    path, _, chosen = rest.partition(":")
    if transport == "oci":
        return LayoutDestination(path, chosen)
    if not path:
        raise UsageError(f"{name}: {transport} needs the path of a file")
    if transport == "oci-archive":
        return FileDestination(path, lambda fd: TarDestination(fd, chosen, temp_dir(rt)))
    if chosen.startswith("@"):
        raise UsageError(f"destination reference must not contain a source index {chosen}")
    if os.path.exists(path) and os.path.isfile(path) and os.path.getsize(path):
        raise UsageError(
            f"{path}: docker-archive doesn't support modifying existing images; "
            "remove the file first"
        )
    names = [str(reference.normalize_docker(chosen))] if chosen else []
    names += [one for one in source_names or () if one not in names]
    return FileDestination(path, lambda fd: DockerArchiveDestination(fd, names, temp_dir(rt)))


def registry_reference(name: str) -> reference.Reference:
    """The full reference that a destination names; ``UsageError`` in podman's words."""
    if reference.is_id(name.removeprefix("sha256:")):
        raise UsageError(f'invalid destination "{name}": an image ID names no repository')
    try:
        return reference.with_tag(reference.with_docker_defaults(reference.parse(name)))
    except UsageError as error:
        raise UsageError(f'invalid destination "{name}": {error}') from None


def _registry(
    rt: Runtime, name: str, options: PushOptions, cache: BlobCache | None
) -> Destination:
    from ..registry.client import open_destination as open_repository
    from ..registry.conf import load
    from .push_registry import RegistryDestination, homes_of

    ref = registry_reference(name)
    access = options.access
    repository = open_repository(ref, access, load(access.registries_conf))
    return RegistryDestination(repository, ref.digest or ref.tag, cache, homes_of(rt), ref)


class FileDestination(Destination):
    """An archive file around the destination that writes it; one that was begun is deleted again.

    Pipes and devices are written to as they are.
    """

    def __init__(self, path: str, make: Callable[[int], Destination]) -> None:
        self._path = path
        self._special = os.path.exists(path) and not os.path.isfile(path)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        try:
            self._fd = os.open(path, flags, 0o644)
        except OSError as error:
            reason = (error.strerror or "").lower()
            raise PolypodError(f"opening {path} for writing: {reason}") from None
        self.inner = make(self._fd)
        self.layers, self.kinds = self.inner.layers, self.inner.kinds
        self.lists, self.parallel = self.inner.lists, self.inner.parallel
        self.reuse = self.inner.reuse  # type: ignore[method-assign]
        self.put = self.inner.put  # type: ignore[method-assign]
        self.put_config = self.inner.put_config  # type: ignore[method-assign]
        self.put_manifest = self.inner.put_manifest  # type: ignore[method-assign]

    def finish(self) -> None:
        self.inner.finish()
        os.close(self._fd)

    def abort(self) -> None:
        os.close(self._fd)
        if not self._special:
            os.unlink(self._path)


