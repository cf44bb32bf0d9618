"""Where an image or a list of images can be read from, by transport.

``containers-storage:`` (the local store), ``docker://``, ``dir:``, ``oci:``, ``oci-archive:``,
``docker-archive:``. Used by everything that reads an image without storing it:
``manifest add``, ``push``, ``manifest push``.
"""

from __future__ import annotations

from ..errors import PolypodError, UsageError
from ..oci import image_config
from ..oci import manifest as formats
from ..oci.archive_files import FormatError
from ..oci.outgoing import OutImage, OutLayer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import IO, Self

    from ..oci.archive_image import ArchiveImage
    from ..registry.client import Repository

TRANSPORTS = ("docker", "containers-storage", "dir", "oci", "oci-archive", "docker-archive")
_OTHER = ("docker-daemon", "ostree", "sif", "tarball", "atomic")
_CHUNK = 1 << 20
_MAX_CONFIG = 16 << 20


def transport_of(name: str) -> tuple[str, str]:
    """``(transport, rest)``; transport "" for a plain image name, ``UsageError`` for an unsupported one."""
    transport, colon, rest = name.partition(":")
    if not colon or (transport == "docker" and not rest.startswith("//")):
        return "", name  # docker:latest is an image of that name
    if transport in _OTHER:
        raise UsageError(f"{name}: the {transport} transport is not supported")
    if transport not in TRANSPORTS:
        return "", name
    return transport, rest.removeprefix("//") if transport == "docker" else rest


class Source:
    """An opened image or list; a context manager. ``name`` is its full name with the transport."""

    name = ""

    def manifest(self, digest: str = "") -> bytes:
        """The manifest of that digest, or with "" the one that the name stands for."""
        raise NotImplementedError

    def config(self, descriptor: formats.Descriptor) -> bytes:
        """The config blob of a manifest."""
        raise NotImplementedError

    def image(self, data: bytes) -> OutImage:
        """The image with that manifest, which must be one of this source's."""
        parsed = image_manifest(data, self.name)
        assert parsed.config is not None
        config = self.config(parsed.config)
        diff_ids = _diff_ids(parsed, config)
        layers = [
            OutLayer(listed, self._chunks(listed.digest), diff_id=diff_id)
            for listed, diff_id in zip(parsed.layers, diff_ids, strict=True)
        ]
        return OutImage(data, config, layers, parsed.config)

    def _chunks(self, digest: str) -> Callable[[], Iterable[bytes]]:
        raise NotImplementedError

    def close(self) -> None:
        """Let go of files and connections."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


def image_manifest(data: bytes, name: str) -> formats.Manifest:
    """Decode the manifest of one image; ``PolypodError`` for anything else."""
    try:
        parsed = formats.parse(data)
    except ValueError as error:
        raise PolypodError(f"parsing the manifest of {name}: {error}") from None
    if parsed.is_index or parsed.config is None:
        raise PolypodError(f"{name}: a manifest list stands where an image is expected")
    return parsed


def _diff_ids(parsed: formats.Manifest, config: bytes) -> list[str]:
    """The layers' diffIDs, "" for each where there are none (artifacts)."""
    found: list[str] = []
    if parsed.config is not None and parsed.config.media_type in (
        formats.OCI_CONFIG,
        formats.DOCKER_CONFIG,
    ):
        try:
            found = image_config.diff_ids(image_config.parse_config(config))
        except ValueError:
            found = []
    return found if len(found) == len(parsed.layers) else [""] * len(parsed.layers)


class RegistrySource(Source):
    """An image or list in a registry."""

    def __init__(self, repository: Repository, name: str, tag: str) -> None:
        self._repository = repository
        self._tag = tag
        self.name = f"docker://{name}"

    def manifest(self, digest: str = "") -> bytes:
        return self._repository.manifest(digest or self._tag).data

    def config(self, descriptor: formats.Descriptor) -> bytes:
        return self._repository.blob(descriptor.digest, _MAX_CONFIG)

    def _chunks(self, digest: str) -> Callable[[], Iterable[bytes]]:
        def read() -> Iterator[bytes]:
            with self._repository.open_blob(digest) as reader:
                while chunk := reader.read(_CHUNK):
                    yield chunk

        return read

    def close(self) -> None:
        self._repository.close()


class FilesSource(Source):
    """An image or list in a directory or archive; ``read`` and ``open`` give its blobs by digest."""

    def __init__(
        self,
        name: str,
        data: bytes,
        read_manifest: Callable[[str], bytes],
        read: Callable[[str], bytes],
        open_blob: Callable[[str], IO[bytes]],
        close: Callable[[], None],
    ) -> None:
        self.name = name
        self._data = data
        self._read_manifest = read_manifest
        self._read = read
        self._open = open_blob
        self.close = close  # type: ignore[method-assign]

    def manifest(self, digest: str = "") -> bytes:
        return self._guard(self._read_manifest, digest) if digest else self._data

    def config(self, descriptor: formats.Descriptor) -> bytes:
        data = self._guard(self._read, descriptor.digest)
        if formats.sha256(data) != descriptor.digest:
            raise PolypodError(f"{self.name}: blob {descriptor.digest} does not match its digest")
        return data

    def _guard(self, read: Callable[[str], bytes], digest: str) -> bytes:
        try:
            return read(digest)
        except FormatError as error:
            raise PolypodError(f"reading {self.name}: {error}") from None

    def _chunks(self, digest: str) -> Callable[[], Iterable[bytes]]:
        def read() -> Iterator[bytes]:
            try:
                file = self._open(digest)
            except FormatError as error:
                raise PolypodError(f"reading {self.name}: {error}") from None
            with file:
                while chunk := file.read(_CHUNK):
                    yield chunk

        return read


class ArchiveSource(Source):
    """An image of a docker archive, which has no manifest of its own: podman's is made."""

    def __init__(self, name: str, image: ArchiveImage, close: Callable[[], None]) -> None:
        self.name = name
        self._image = image
        self.close = close  # type: ignore[method-assign]
        layers = [
            formats.Descriptor(
                media_type=formats.DOCKER_LAYER, digest=blob.diff_id, size=blob.size
            )
            for blob in image.layers
        ]
        config = formats.Descriptor(
            media_type=formats.DOCKER_CONFIG,
            digest=formats.sha256(image.config),
            size=len(image.config),
        )
        self._data = formats.docker_manifest(config, layers)

    def manifest(self, digest: str = "") -> bytes:
        return self._data

    def config(self, descriptor: formats.Descriptor) -> bytes:
        return self._image.config

    def _chunks(self, digest: str) -> Callable[[], Iterable[bytes]]:
        blob = next(layer for layer in self._image.layers if layer.diff_id == digest)

        def read() -> Iterator[bytes]:
            with blob.open() as file:
                while chunk := file.read(_CHUNK):
                    yield chunk

        return read
