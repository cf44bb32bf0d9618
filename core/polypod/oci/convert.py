"""Manifests from one format to the other: Docker schema 2 and OCI differ in media types only."""

from __future__ import annotations

from . import manifest
from .manifest import Descriptor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

FORMATS = {"oci": manifest.OCI_MANIFEST, "v2s2": manifest.DOCKER_MANIFEST}
LISTS = {"oci": manifest.OCI_INDEX, "v2s2": manifest.DOCKER_LIST}


def layer_type(kind: str, algorithm: str) -> str:
    """The media type of a layer in a manifest of ``kind``; ``algorithm`` "" is a plain tar.

    ``ValueError`` for what Docker's format has no name for.
    """
    if kind == manifest.OCI_MANIFEST:
        return manifest.OCI_LAYER + (f"+{_family(algorithm)}" if algorithm else "")
    if algorithm not in ("", "gzip"):
        raise ValueError(f"docker's image format (v2s2) cannot hold layers compressed with {algorithm}")
    return manifest.DOCKER_LAYER + (".gzip" if algorithm else "")


def _family(algorithm: str) -> str:
    return "zstd" if algorithm.startswith("zstd") else algorithm


def algorithm_of(media_type: str) -> str:
    """The compression that a layer's media type tells, "" for none."""
    for name in ("gzip", "zstd"):
        if media_type.endswith((f"+{name}", f".{name}")):
            return name
    return ""


def config_type(kind: str, found: str = "") -> str:
    """The config's media type in a manifest of ``kind``; that of an artifact stays as it is."""
    if found not in ("", manifest.OCI_CONFIG, manifest.DOCKER_CONFIG):
        return found
    return manifest.OCI_CONFIG if kind == manifest.OCI_MANIFEST else manifest.DOCKER_CONFIG


def build(
    kind: str, config: Descriptor, layers: Sequence[Descriptor], annotations: dict[str, str]
) -> bytes:
    """A manifest of ``kind``; Docker's has no place for annotations, so they are left out there."""
    if kind == manifest.OCI_MANIFEST:
        return manifest.oci_manifest(config, list(layers), annotations)
    return manifest.docker_manifest(config, list(layers))
