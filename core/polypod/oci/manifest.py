"""Image manifests: OCI (image-spec manifest.md) and Docker schema 2, read and written.

Digests are ``sha256:<hex>`` strings, sizes are bytes.
"""

from __future__ import annotations

from ..kit.fastjson import dumps, loads
from ..model.struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
DOCKER_SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+json"


class Descriptor(Struct):
    """A reference to a blob: what it is, its digest and size."""

    media_type: str
    digest: str
    size: int
    annotations: dict[str, str] = {}
    platform: dict[str, Any] = {}


class Manifest(Struct):
    """A manifest of one image, or an index of several (then ``manifests`` is set)."""

    media_type: str
    config: Descriptor | None = None
    layers: tuple[Descriptor, ...] = ()
    manifests: tuple[Descriptor, ...] = ()
    annotations: dict[str, str] = {}

    @property
    def is_index(self) -> bool:
        """Whether this lists manifests instead of layers."""
        return self.media_type in (OCI_INDEX, DOCKER_LIST)


def sha256(data: bytes) -> str:
    """The digest of some bytes, as ``sha256:<hex>``."""
    import hashlib

    return "sha256:" + hashlib.sha256(data).hexdigest()


def media_type(document: dict[str, Any]) -> str:
    """The media type of a manifest, guessed from its keys where it does not say."""
    stated = document.get("mediaType")
    if isinstance(stated, str) and stated:
        return stated
    if document.get("schemaVersion") == 1:
        return DOCKER_SCHEMA1
    if "manifests" in document:
        return OCI_INDEX
    config = document.get("config")
    if isinstance(config, dict) and config.get("mediaType") == DOCKER_CONFIG:
        return DOCKER_MANIFEST
    return OCI_MANIFEST


def parse(data: bytes) -> Manifest:
    """Decode a manifest or an index; raise ``ValueError`` for anything else."""
    document = loads(data)
    if not isinstance(document, dict):
        raise ValueError("manifest is not a JSON object")
    kind = media_type(document)
    annotations = typed(document, "annotations", dict)
    if kind in (OCI_INDEX, DOCKER_LIST):
        entries = tuple(_descriptor(entry) for entry in typed(document, "manifests", list))
        return Manifest(media_type=kind, manifests=entries, annotations=annotations)
    if kind not in (OCI_MANIFEST, DOCKER_MANIFEST):
        raise ValueError(f"unsupported manifest type {kind}")
    return Manifest(
        media_type=kind,
        config=_descriptor(document.get("config")),
        layers=tuple(_descriptor(entry) for entry in typed(document, "layers", list)),
        annotations=annotations,
    )


def _descriptor(value: Any) -> Descriptor:
    if not isinstance(value, dict) or not is_digest(value.get("digest")):
        raise ValueError("manifest has a descriptor without a valid digest")
    return Descriptor(
        media_type=typed(value, "mediaType", str),
        digest=value["digest"],
        size=size_of(value),
        annotations=typed(value, "annotations", dict),
        platform=typed(value, "platform", dict),
    )


def size_of(descriptor: dict[str, Any]) -> int:
    """The size that a descriptor states, 0 for none; ``ValueError`` for what can be none."""
    size: int = typed(descriptor, "size", int)
    if size < 0:
        raise ValueError(f"manifest states a negative size for {descriptor['digest']}")
    if size >= 1 << 63:
        raise ValueError('manifest has an invalid "size"')
    return size


def typed(document: dict[str, Any], key: str, kind: type) -> Any:
    """A value that may be left out, in which case it is an empty one of its kind.

    Raises ``ValueError`` for a value of another kind.
    """
    value = document.get(key)
    if value is None:
        return kind()
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f'manifest has an invalid "{key}"')
    return value


def is_digest(value: object) -> bool:
    """Whether the value is a digest that may serve as a file name: ``algorithm:hex``."""
    if not isinstance(value, str):
        return False
    algorithm, colon, digits = value.partition(":")
    return (
        bool(colon)
        and algorithm.isascii()
        and algorithm.isalnum()
        and len(digits) >= 32
        and frozenset("0123456789abcdef").issuperset(digits)
    )


def oci_manifest(
    config: Descriptor, layers: list[Descriptor], annotations: dict[str, str]
) -> bytes:
    """An OCI manifest, with its keys in the order in which podman writes them."""
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "config": _oci_entry(config),
        "layers": [_oci_entry(layer) for layer in layers],
    }
    if annotations:
        document["annotations"] = annotations
    return dumps(document).encode()


def docker_manifest(config: Descriptor, layers: list[Descriptor]) -> bytes:
    """A Docker schema 2 manifest, with its keys in the order in which podman writes them."""
    document = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST,
        "config": _docker_entry(config),
        "layers": [_docker_entry(layer) for layer in layers],
    }
    return dumps(document).encode()


def _oci_entry(descriptor: Descriptor) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "mediaType": descriptor.media_type,
        "digest": descriptor.digest,
        "size": descriptor.size,
    }
    if descriptor.annotations:
        entry["annotations"] = descriptor.annotations
    if descriptor.platform:
        entry["platform"] = descriptor.platform
    return entry


def _docker_entry(descriptor: Descriptor) -> dict[str, Any]:
    return {
        "mediaType": descriptor.media_type,
        "size": descriptor.size,
        "digest": descriptor.digest,
    }


def oci_index(manifests: list[Descriptor]) -> bytes:
    """An index.json of an OCI layout."""
    entries = [_oci_entry(manifest) for manifest in manifests]
    return dumps({"schemaVersion": 2, "manifests": entries}).encode()
