"""The local store as a source of images (:mod:`image_sources`)."""

from __future__ import annotations

from ..errors import NoSuchImage, StorageError
from ..oci import manifest as formats
from ..oci.outgoing import OutImage, OutLayer
from .image_sources import Source, image_manifest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..model.image import Image, Layer
    from .runtime import Runtime


class StoreSource(Source):
    """An image of the local store. Its layers come out as plain tars."""

    def __init__(self, rt: Runtime, image: Image) -> None:
        self._rt = rt
        self.record = image
        self.name = f"containers-storage:[{rt.driver_name}@{rt.graphroot}+{rt.runroot}]@{image.id}"

    def manifest(self, digest: str = "") -> bytes:
        own = self._rt.store.manifest(self.record)
        if not digest or formats.sha256(own) == digest:
            return own
        owner = instance_image(self._rt, digest)
        if owner is None:
            raise NoSuchImage(
                f"could not find image instance {digest} of manifest list "
                f"{self.record.id} in local containers storage: image not known"
            )
        return manifest_by_digest(self._rt, owner, digest)

    def config(self, descriptor: formats.Descriptor) -> bytes:
        owner = self._owner(descriptor.digest)
        return self._rt.store.image_records.big_data(owner.id, descriptor.digest)

    def _owner(self, config_digest: str) -> Image:
        """The image with that config: this one, or an instance of this list."""
        for image in (self.record, *self._rt.store.images()):
            if "sha256:" + image.id == config_digest:
                return image
        return self.record

    def image(self, data: bytes) -> OutImage:
        parsed = image_manifest(data, self.name)
        assert parsed.config is not None
        owner = self._owner(parsed.config.digest)
        config = self.config(parsed.config)
        layers = list(reversed(self._rt.store.image_layers(owner)))
        if len(layers) != len(parsed.layers):
            raise StorageError(
                f"image {owner.id} is damaged: its manifest lists {len(parsed.layers)} layers, "
                f"but the store has {len(layers)}; remove the image and load it again"
            )
        found = [
            self._layer(layer, listed) for layer, listed in zip(layers, parsed.layers, strict=True)
        ]
        names = [name for name in owner.names if "@" not in name]
        image = OutImage(data, config, found, parsed.config, names)
        image.signatures = lambda: self._signatures(owner, data)
        return image

    def _signatures(self, owner: Image, data: bytes) -> list[bytes]:
        from ..store.signatures import read

        # They are kept for the image's own manifest.
        return read(self._rt.store, owner) if self._rt.store.manifest(owner) == data else []

    def _layer(self, layer: Layer, listed: formats.Descriptor) -> OutLayer:
        if not layer.diff_digest:
            raise StorageError(
                f"layer {layer.id} has no recorded digest, so that it cannot be copied"
            )
        known = [listed] if listed.digest != layer.diff_digest else []
        if layer.compressed_digest not in ("", layer.diff_digest, listed.digest):
            kind = {2: "gzip", 4: "zstd"}.get(layer.compression, "")
            if kind:
                known.append(
                    formats.Descriptor(
                        media_type=f"{formats.OCI_LAYER}+{kind}",
                        digest=layer.compressed_digest,
                        size=layer.compressed_size,
                    )
                )
        return OutLayer(
            listed,
            lambda: self._diff(layer),
            plain=True,
            diff_id=layer.diff_digest,
            plain_size=layer.diff_size or -1,
            known=known,
        )

    def _diff(self, layer: Layer) -> Iterator[bytes]:
        try:
            yield from self._rt.store.diff(layer)
        except StorageError as error:
            raise StorageError(f"layer {layer.diff_digest}: {error}") from error


def instance_image(rt: Runtime, digest: str) -> Image | None:
    """The local image that has a manifest of that digest."""
    for image in rt.store.images():
        if digest in image.digests or digest == image.digest:
            return image
    return None


def manifest_by_digest(rt: Runtime, image: Image, digest: str) -> bytes:
    """One of an image's manifests, by its digest."""
    own = rt.store.manifest(image)
    if formats.sha256(own) == digest:
        return own
    return rt.store.image_records.big_data(image.id, f"manifest-{digest}")
