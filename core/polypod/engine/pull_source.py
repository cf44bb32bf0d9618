"""An image in a registry as something that can be copied into the store."""

from __future__ import annotations

from ..errors import PolypodError
from ..oci import archive_image, manifest
from ..oci.archive_files import FormatError
from ..registry import client
from . import platforms
from .trust import registry_origin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import IO, Any, Self

    from ..model.image import Image
    from ..oci.archive_image import ArchiveImage
    from ..oci.reference import Reference
    from ..registry.client import Repository
    from ..registry.conf import Registries
    from .progress import Progress
    from .pull_options import PullOptions
    from .runtime import Runtime

_DEPTH = 4  # an index may list indexes
_CONFIG_LIMIT = 16 << 20
_SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+"
_CONFIGS = (manifest.OCI_CONFIG, manifest.DOCKER_CONFIG, "application/octet-stream", "")
#: Layers that registries do not keep, with the places where they are to be had.
_FOREIGN = ("nondistributable", "foreign")


def open_image(reference: Reference, registries: Registries, options: PullOptions) -> RegistryImage:
    """Read the manifest of an image, by way of an index when the name stands for one."""
    repository = client.open_source(reference, options.access, registries)
    try:
        return RegistryImage(repository, reference, options)
    except BaseException:
        repository.close()
        raise


class RegistryImage:
    """One image of a registry; a context manager that ends the connections.

    ``digest`` is its own manifest's; ``listed`` the index by which it was found, ``None`` for none.
    """

    def __init__(self, repository: Repository, reference: Reference, options: PullOptions) -> None:
        self._repository = repository
        self._reference = reference
        self._options = options
        self.listed: client.Fetched | None = None
        first = found = repository.manifest()
        parsed = self._parse(found)
        for _ in range(_DEPTH):
            if not parsed.is_index:
                break
            self.listed = first
            try:
                entry = platforms.choose(parsed, options.os, options.arch, options.variant)
            except PolypodError as error:
                kind = "manifest list" if "docker" in parsed.media_type else "image index"
                raise PolypodError(
                    f"choosing an image from {kind} docker://{reference}: {error}"
                ) from None
            found = repository.manifest(entry.digest)
            parsed = self._parse(found)
        self.digest = found.digest
        self._data = found.data
        self._parsed = parsed

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._repository.close()

    def _parse(self, found: client.Fetched) -> manifest.Manifest:
        name = f"docker://{self._reference}"
        if found.media_type.startswith(_SCHEMA1) or _is_schema1(found.data):
            raise PolypodError(
                f"{name}: its manifest is of Docker's schema 1, which is not supported; convert it "
                f"with: skopeo copy --format v2s2 {name} {name}"
            )
        try:
            return manifest.parse(found.data)
        except ValueError as error:
            raise PolypodError(f"parsing manifest of {name}: {error}") from None

    def store(self, rt: Runtime, progress: Progress) -> Image:
        """Copy the image into the store under its name; see :func:`images_copy.copy_image`."""
        from .images_copy import copy_image

        name = str(self._reference)
        documents: dict[str, bytes] = {}
        digest = ""
        if self.listed is not None:
            digest = self.listed.digest
            documents[f"manifest-{digest}"] = self.listed.data
        image = self.image()
        options = self._options
        stored = copy_image(
            rt,
            image,
            [name],
            progress,
            label=name,
            documents=documents,
            digest=digest,
            signature_policy=options.signature_policy,
        )
        warning = platforms.mismatch(image.document, options.os, options.arch, options.variant)
        if warning:
            progress.line(f"WARNING: {warning}")
        return stored

    def image(self) -> ArchiveImage:
        """The image in the form that all sources have; fetches its config."""
        self._check_kind()
        sizes = {layer.digest: layer.size for layer in self._parsed.layers}
        urls = _urls(self._data)

        def read(digest: str) -> bytes:
            return self._repository.blob(digest, _CONFIG_LIMIT)

        def open_blob(digest: str) -> IO[bytes]:
            if digest in urls:
                from .pull_foreign import open_foreign

                return open_foreign(self._repository, digest, sizes[digest], urls[digest])
            return self._repository.open_blob(digest, sizes[digest])  # type: ignore[return-value]

        try:
            found = archive_image.from_manifest(self._data, read, open_blob, [])
        except FormatError as error:
            raise PolypodError(f"docker://{self._reference}: {error}") from None
        found.on_fork = self._repository.close
        found.origin = registry_origin(self._repository, self._reference, self.digest)
        return found

    def _check_kind(self) -> None:
        name = f"docker://{self._reference}"
        config = self._parsed.config
        if config is not None and config.media_type not in _CONFIGS:
            raise PolypodError(
                f'{name} is an artifact of type "{config.media_type}" and no image; '
                f"use: polypod artifact pull {self._reference}"
            )
        for layer in self._parsed.layers:
            if layer.media_type.endswith("+encrypted"):
                raise PolypodError(
                    f"{name}: layer {layer.digest} is encrypted, which is not supported;"
                    " decrypt the image with skopeo copy --decryption-key first"
                )


def _is_schema1(data: bytes) -> bool:
    return _document(data).get("schemaVersion") == 1


def _document(data: bytes) -> dict[str, Any]:
    from ..kit.fastjson import loads

    try:
        document = loads(data)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _urls(data: bytes) -> dict[str, list[str]]:
    """Where the layers are to be had that the registry need not keep, by digest."""
    found = {}
    for layer in _document(data).get("layers") or ():
        kind = str(layer.get("mediaType", ""))
        stated = layer.get("urls")
        urls = [url for url in stated if isinstance(url, str)] if isinstance(stated, list) else []
        if urls and any(word in kind for word in _FOREIGN):
            found[str(layer.get("digest"))] = urls
    return found
