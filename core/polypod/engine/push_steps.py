"""What happens to a layer on its way: kept, inflated, compressed, and how it is listed then."""

from __future__ import annotations

from ..oci import compress, convert, manifest
from ..oci.destination import PLAIN
from ..oci.zstd_chunked import PREFIX as CHUNKED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..oci.manifest import Descriptor
    from ..oci.outgoing import OutLayer
    from .push_options import PushOptions


class Steps:
    """What has to be done with layers on their way to a destination that wants ``layers``."""

    def __init__(
        self, layers: str, kind: str, algorithm: str, options: PushOptions, artifact: bool
    ) -> None:
        self._layers = layers
        self._kind = kind
        self._algorithm = algorithm
        self._options = options
        self._artifact = artifact

    def wanted(self, layer: OutLayer) -> str:
        """The compression that the layer gets, "" for a plain tar."""
        if self._layers == PLAIN:
            return ""
        if layer.plain or not layer.algorithm:
            return self._algorithm
        force = self._options.force and not is_form(self._algorithm, layer.listed)
        docker = self._kind == manifest.DOCKER_MANIFEST and layer.algorithm == "zstd"
        if self._algorithm and force:
            return self._algorithm
        return "gzip" if docker else layer.algorithm

    def untouched(self, layer: OutLayer) -> bool:
        """Whether the source's bytes go as they are."""
        if self._artifact:
            return True
        wanted = self.wanted(layer)
        if layer.algorithm and wanted == layer.algorithm:
            return not (self._options.force and not is_form(self._algorithm or wanted, layer.listed))
        return wanted == layer.algorithm

    def will_do(self, candidate: Descriptor) -> bool:
        """Whether a form that the destination may have can stand in the manifest."""
        algorithm = convert.algorithm_of(candidate.media_type)
        if not algorithm or (self._kind == manifest.DOCKER_MANIFEST and algorithm != "gzip"):
            return False
        return not self._options.force or is_form(self._algorithm, candidate)

    def transformed(
        self, layer: OutLayer, chunks: Iterator[bytes], annotations: dict[str, str]
    ) -> Iterator[bytes]:
        """The source's pieces as the destination is to get them."""
        if self.untouched(layer):
            return chunks
        if layer.algorithm:
            from ..oci.tarstream_inflate import GZIP, ZSTD, inflate

            chunks = inflate(chunks, GZIP if layer.algorithm == "gzip" else ZSTD)
        wanted = self.wanted(layer)
        if not wanted:
            return chunks
        return compress.compressed(chunks, wanted, self._options.level, annotations)

    def descriptor(self, layer: OutLayer, found: Descriptor) -> Descriptor:
        """How the manifest lists the form that is at the destination."""
        if self._artifact:
            return layer.listed
        plain = layer.plain and found.digest == layer.diff_id
        algorithm = "" if plain else convert.algorithm_of(found.media_type)
        listed = layer.listed
        if found.digest == listed.digest and listed.media_type:
            # A manifest may call a plain layer gzipped: docker archives have no types.
            if _kind_of(listed.media_type) == self._kind and algorithm == convert.algorithm_of(listed.media_type):
                return listed
            return listed.evolve(media_type=convert.layer_type(self._kind, algorithm))
        kept = {
            key: value
            for key, value in layer.listed.annotations.items()
            if not key.startswith(CHUNKED)
        }
        return manifest.Descriptor(
            media_type=convert.layer_type(self._kind, algorithm),
            digest=found.digest,
            size=found.size,
            annotations={**kept, **found.annotations},
        )


def relisted(layer: Descriptor, kind: str) -> Descriptor:
    """A layer as a manifest of another kind lists it; ``ValueError`` when that cannot be."""
    return layer.evolve(
        media_type=convert.layer_type(kind, convert.algorithm_of(layer.media_type))
    )


def _kind_of(media_type: str) -> str:
    """The kind of manifest that a layer's media type belongs to."""
    docker = media_type.startswith("application/vnd.docker.")
    return manifest.DOCKER_MANIFEST if docker else manifest.OCI_MANIFEST


def is_form(algorithm: str, blob: Descriptor) -> bool:
    """Whether a blob is of exactly that compression; zstd:chunked is known by its annotations."""
    chunked = any(key.startswith(CHUNKED) for key in blob.annotations)
    if algorithm == "zstd:chunked":
        return chunked
    return convert.algorithm_of(blob.media_type) == algorithm
