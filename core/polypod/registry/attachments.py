"""Sigstore signatures in a registry, beside the image: cosign's tag ``sha256-HEX.sig``.

The tag names an OCI manifest whose layers are the signatures' payloads, with the
signatures themselves in the layers' annotations.
"""

from __future__ import annotations

from ..errors import RegistryError, RegistryNotFound
from ..oci import manifest as manifests
from .signature_blob import COSIGN_TYPE, MAX_SIZE, MAX_TOTAL, SIGSTORE, Signature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .repository import Repository

#: The most attachments that one image may have.
_MOST = 128


def tag(digest: str) -> str:
    """The tag under which the attachments of a manifest lie."""
    if not manifests.is_digest(digest):
        raise RegistryError(f'invalid digest "{digest}"')
    return f"{digest.replace(':', '-')}.sig"


def read(repository: Repository, digest: str) -> list[Signature]:
    """The signatures of a manifest, [] when there are none; attachments of other kinds are left.

    Raises ``RegistryError``, also when the attachments are malformed.
    """
    document = _fetch(repository, digest)
    layers = document["layers"] if document else []
    found = []
    total = 0
    for layer in layers:
        if layer["mediaType"] != COSIGN_TYPE:
            continue
        found.append(
            Signature(
                kind=SIGSTORE,
                data=repository.blob(layer["digest"], MAX_SIZE),
                media_type=layer["mediaType"],
                annotations=layer.get("annotations") or {},
            )
        )
        total += len(found[-1].data)
        if total > MAX_TOTAL:
            raise RegistryError(
                f"the signatures {tag(digest)} in {repository.name} have more than {MAX_TOTAL} bytes"
            )
    return found


def write(repository: Repository, digest: str, signatures: list[Signature]) -> None:
    """Add signatures to the attachments of a manifest; one that is there is not added again."""
    from ..kit.fastjson import dumps, loads

    document = _fetch(repository, digest)
    config: dict[str, Any] = {"architecture": "", "os": "", "config": {}}
    if document is not None:
        config = loads(repository.blob(document["config"]["digest"], MAX_SIZE))
    layers: list[dict[str, Any]] = document["layers"] if document else []
    for signature in signatures:
        layer = _descriptor(signature.media_type, signature.data)
        layer["annotations"] = signature.annotations
        if not any(_same(layer, other) for other in layers):
            _upload(repository, signature.data)
            layers.append(layer)
    config["rootfs"] = {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]}
    data = dumps(config).encode()
    _upload(repository, data)
    manifest = {
        "schemaVersion": 2,
        "mediaType": manifests.OCI_MANIFEST,
        "config": _descriptor(manifests.OCI_CONFIG, data),
        "layers": layers,
    }
    repository.put_manifest(tag(digest), dumps(manifest).encode(), manifests.OCI_MANIFEST)


def _fetch(repository: Repository, digest: str) -> dict[str, Any] | None:
    """The manifest of the attachments as a document whose descriptors are well-formed."""
    from ..kit.fastjson import loads

    try:
        fetched = repository.manifest(tag(digest))
    except RegistryNotFound:
        return None
    problem = f"sigstore attachment manifest {tag(digest)} in {repository.name}"
    if fetched.media_type != manifests.OCI_MANIFEST:
        raise RegistryError(f"{problem} has the unexpected type {fetched.media_type}")
    try:
        document = loads(fetched.data)
        descriptors = [document["config"], *document["layers"]]
        good = len(descriptors) <= _MOST and all(map(_is_descriptor, descriptors))
    except (ValueError, KeyError, TypeError):
        good = False
    if not good:
        raise RegistryError(f"{problem} is malformed or has more than {_MOST} layers")
    found: dict[str, Any] = document
    return found


def _is_descriptor(value: Any) -> bool:
    notes = value.get("annotations") or {}
    return (
        manifests.is_digest(value["digest"])
        and isinstance(value["mediaType"], str)
        and isinstance(notes, dict)
        and all(isinstance(note, str) for note in notes.values())
    )


def _descriptor(media_type: str, data: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": manifests.sha256(data), "size": len(data)}


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    keys = ("mediaType", "digest", "annotations")
    return all(one.get(key) == other.get(key) for key in keys)


def _upload(repository: Repository, data: bytes) -> None:
    digest = manifests.sha256(data)
    if repository.has_blob(digest) is None:
        repository.upload(digest, len(data), [data])
