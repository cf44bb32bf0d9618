"""A registry as a destination."""

from __future__ import annotations

from ..errors import PolypodError, RegistryError
from ..oci import manifest, reference
from ..oci.destination import COMPRESS, Destination

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ..oci.outgoing import OutLayer
    from ..oci.reference import Reference
    from ..registry.client import Repository
    from .push_cache import BlobCache
    from .runtime import Runtime


class RegistryDestination(Destination):
    """One tag (or digest) of a repository.

    ``homes`` are the local store's layers by diffID, with the repositories of the same registry
    that images with them are named after: a blob may be mounted from there.
    """

    layers = COMPRESS
    signatures = True

    def __init__(
        self,
        repository: Repository,
        tag: str,
        cache: BlobCache | None = None,
        homes: Callable[[str], list[str]] | None = None,
        reference: Reference | None = None,
    ) -> None:
        self._repository = repository
        self._tag = tag
        self._cache = cache
        self._homes = homes
        self.reference = reference

    def reuse(self, digest: str, size: int) -> bool:
        try:
            return self._repository.has_blob(digest) is not None
        except PolypodError as error:
            text = f"trying to reuse blob {digest} at destination: {error}"
            raise type(error)(text) from error

    def take_over(self, layer: OutLayer, digest: str) -> bool:
        if not layer.diff_id or digest == layer.diff_id:
            return False
        return any(self._mount(digest, path) for path in self._paths(layer, digest))

    def _mount(self, digest: str, path: str) -> bool:
        try:
            return self._repository.mount_blob(digest, path)
        except RegistryError:
            # Nobody asked for the mount, and the other repository may be none of the user's:
            # the blob is uploaded, and an upload that fails says why.
            return False

    def _paths(self, layer: OutLayer, digest: str) -> list[str]:
        """Repositories of this registry that are likely to have the blob, three at most."""
        names = self._cache.places(layer.diff_id, digest) if self._cache else []
        names += self._homes(layer.diff_id) if self._homes else []
        own, host = self._repository.name, self._repository.name.partition("/")[0]
        found = [name for name in dict.fromkeys(names) if name != own]
        return [name.partition("/")[2] for name in found if name.partition("/")[0] == host][:3]

    def put(
        self, chunks: Callable[[], Iterable[bytes]], digest: str = "", size: int = -1
    ) -> tuple[str, int]:
        def since(offset: int) -> Iterable[bytes]:
            return _skip(iter(chunks()), offset) if offset else chunks()

        if digest and size >= 0:
            self._repository.upload(digest, size, since)
            return digest, size
        return self._repository.upload_unknown(since)

    def put_manifest(self, data: bytes, media_type: str, instance: bool = False) -> None:
        name = manifest.sha256(data) if instance else self._tag
        self._repository.put_manifest(name, data, media_type)

    def put_signatures(self, blobs: list[bytes], digest: str, instance: bool = False) -> None:
        from .sign import store

        store(self._repository, digest, blobs)

    def finish(self) -> None:
        self._repository.close()

    def abort(self) -> None:
        self._repository.close()


def _skip(chunks: Iterator[bytes], offset: int) -> Iterator[bytes]:
    """What follows after ``offset`` bytes."""
    for chunk in chunks:
        if offset >= len(chunk):
            offset -= len(chunk)
        else:
            yield chunk[offset:] if offset else chunk
            offset = 0


def homes_of(rt: Runtime) -> Callable[[str], list[str]]:
    """Tells the repositories of local images that hold a layer, by its diffID."""
    found: dict[str, list[str]] = {}

    def look(diff_id: str) -> list[str]:
        if not found:
            found[""] = []
            layers = {layer.id: layer for layer in rt.store.layers()}
            for image in rt.store.images():
                names = [reference.parse(name).name for name in image.names]
                layer = layers.get(image.top_layer)
                while layer is not None and names:
                    found.setdefault(layer.diff_digest, []).extend(names)
                    layer = layers.get(layer.parent)
        return found.get(diff_id, [])

    return look
