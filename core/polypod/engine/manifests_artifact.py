"""Artifact manifests that are made for an index: ``manifest add --artifact``.

The files stay where they are; the list's ``artifacts.json`` names them until it is pushed.
"""

from __future__ import annotations

import binascii
import os

from ..errors import PolypodError, UsageError
from ..kit.fastjson import dumps
from ..oci import index as indexes
from ..oci import manifest
from . import manifests
from .manifests_add import Marks, describe_subject

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ..registry.access import Access
    from .manifests import ManifestList
    from .runtime import Runtime

EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
UNKNOWN_TYPE = "application/vnd.unknown.artifact.v1"
_TITLE = "org.opencontainers.image.title"


class ArtifactOptions:
    """How the artifact manifest is made; ``type`` None is the default type, "" none at all."""

    __slots__ = (
        "config", "config_type", "exclude_titles", "layer_type", "subject", "type",
    )  # fmt: skip

    def __init__(
        self,
        *,
        type: str | None = None,
        config: bytes = b"",
        config_type: str = "",
        layer_type: str = "",
        exclude_titles: bool = False,
        subject: str = "",
    ) -> None:
        self.type = type
        self.config = config
        self.config_type = config_type
        self.layer_type = layer_type
        self.exclude_titles = exclude_titles
        self.subject = subject


def add_artifact(
    rt: Runtime,
    name: str,
    files: Sequence[str],
    options: ArtifactOptions,
    marks: Marks | None = None,
    access: Access | None = None,
) -> str:
    """Make an artifact manifest of the files and put it into the list; returns the list's ID."""
    if not files:
        raise UsageError("manifest add artifact requires at least one file")
    found = manifests.load(rt, name)
    kind = UNKNOWN_TYPE if options.type is None else options.type
    config, content = _config(options)
    layers = [_layer(path, options) for path in files]
    document: dict[str, Any] = {"schemaVersion": 2, "mediaType": manifest.OCI_MANIFEST}
    if kind:
        document["artifactType"] = kind
    document["config"] = config
    document["layers"] = layers
    if options.subject:
        document["subject"] = describe_subject(rt, options.subject, access).oci()
    data = dumps(document).encode()
    entry = indexes.Entry(
        manifest.sha256(data), len(data), manifest.OCI_MANIFEST, artifact_type=kind
    )
    if marks is not None:
        marks.write(entry)

    def edit(it: ManifestList) -> None:
        it.index.put(entry)
        _record(it.artifacts, entry.digest, data, config["digest"], content, layers, files)

    return manifests.change(rt, found.id, edit).id


def _config(options: ArtifactOptions) -> tuple[dict[str, Any], str]:
    """The config's descriptor, and its content in base64."""
    content = options.config or b"{}"
    if options.config_type:
        kind = options.config_type
    else:
        kind = manifest.OCI_CONFIG if options.config else EMPTY_TYPE
    text = binascii.b2a_base64(content, newline=False).decode()
    descriptor = {
        "mediaType": kind,
        "digest": manifest.sha256(content),
        "size": len(content),
        "data": text,
    }
    return descriptor, text


def _layer(path: str, options: ArtifactOptions) -> dict[str, Any]:
    import hashlib

    try:
        with open(path, "rb") as file:
            head = file.read(512)
            file.seek(0)
            digest = "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
            size = file.tell()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise PolypodError(f'reading "{path}" to determine its digest: open {path}: {reason}') from None
    title = os.path.basename(path)
    descriptor: dict[str, Any] = {
        "mediaType": options.layer_type or _guess(title, head),
        "digest": digest,
        "size": size,
    }
    if not options.exclude_titles:
        descriptor["annotations"] = {_TITLE: title}
    return descriptor


def _guess(title: str, head: bytes) -> str:
    """The media type by the name's ending, else by the content; without parameters."""
    import mimetypes

    from ..oci.mimesniff import detect

    found = mimetypes.guess_type(title)[0] if "." in title else None
    return (found or detect(head)).partition(";")[0]


def _record(
    artifacts: dict[str, dict[str, Any]],
    digest: str,
    data: bytes,
    config: str,
    content: str,
    layers: list[dict[str, Any]],
    files: Sequence[str],
) -> None:
    """Write down where everything of the artifact is, as libimage does."""
    paths = [os.path.abspath(path) for path in files]
    artifacts["manifests"][digest] = data.decode()
    artifacts["config"][digest] = config
    artifacts["blobs"][config] = content
    artifacts["layers"][digest] = [layer["digest"] for layer in layers]
    artifacts["files"][digest] = paths
    for layer, path in zip(layers, paths, strict=True):
        artifacts["detached"][layer["digest"]] = path
