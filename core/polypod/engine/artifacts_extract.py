"""The blobs of an artifact as files: extracted, or found for a mount."""

from __future__ import annotations

import os

from ..errors import PolypodError, StorageError, UsageError
from .artifacts import TITLE, artifact_store, find_entry, read_artifact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .artifacts import Artifact
    from .runtime import Runtime


def extract_artifact(
    rt: Runtime, wanted: str, target: str, *, title: str = "", digest: str = ""
) -> list[str]:
    """Copy the blobs of an artifact to a file or into a directory; the paths written.

    ``title`` or ``digest`` choose one blob. Each is checked against its digest; a file that was there
    is replaced by a whole one or stays as it is. Raises ``NoSuchArtifact``, ``UsageError`` and
    ``StorageError``.
    """
    from ..oci.layout_blobs import copy_blob

    store = artifact_store(rt)
    artifact = read_artifact(store, find_entry(store.entries(), wanted))
    _check(artifact, title, digest)
    written = []
    for name, blob in _targets(artifact, target, title, digest):
        try:
            copy_blob(store.blob(blob), name, blob)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise PolypodError(f"failed to create target file: open {name}: {reason}") from error
        written.append(name)
    return written


def blob_files(
    rt: Runtime, wanted: str, *, title: str = "", digest: str = ""
) -> list[tuple[str, str]]:
    """``(path in the store, file name)`` of the blobs of an artifact, for mounting them."""
    store = artifact_store(rt)
    artifact = read_artifact(store, find_entry(store.entries(), wanted))
    _check(artifact, title, digest)
    found: dict[str, str] = {}
    for layer in _chosen(artifact, title, digest):
        blob = str(layer["digest"])
        name = file_name(title or ("" if digest else _title(layer)), blob)
        if name in found:
            raise UsageError(
                f'annotation "{TITLE}":"{name}" is used in multiple different layers within artifact'
            )
        if not os.path.isfile(store.blob(blob)):
            raise StorageError(f"artifact {wanted} is damaged: blob {blob} is missing; pull it again")
        found[name] = store.blob(blob)
    return [(path, name) for name, path in found.items()]


def _check(artifact: Artifact, title: str, digest: str) -> None:
    from ..oci.manifest import is_digest

    if title and digest:
        raise UsageError("cannot specify both digest and title")
    if not artifact.layers:
        raise UsageError("the artifact has no blobs, nothing to extract")
    if not all(isinstance(x, dict) and is_digest(x.get("digest")) for x in artifact.layers):
        raise StorageError(f"artifact {artifact.name or artifact.digest} has a blob without digest")


def _targets(artifact: Artifact, target: str, title: str, digest: str) -> list[tuple[str, str]]:
    """``(path, digest)`` of what is to be written."""
    chosen = _chosen(artifact, title, digest)
    if not os.path.isdir(target):
        if len(chosen) > 1:
            raise UsageError(
                f'the artifact consists of several blobs and the target "{target}" is not a directory '
                "and neither digest or title was specified to only copy a single blob"
            )
        return [(os.path.realpath(target), str(chosen[0]["digest"]))]
    found = []
    for layer in chosen:
        blob = str(layer["digest"])
        name = file_name(title or ("" if digest else _title(layer)), blob)
        found.append((os.path.join(target, name), blob))
    return found


def _chosen(artifact: Artifact, title: str, digest: str) -> Sequence[dict[str, Any]]:
    """All blobs, or the one of that title or digest."""
    if not title and not digest:
        return artifact.layers
    if title:
        found = [layer for layer in artifact.layers if _title(layer) == title]
        words = f'the title "{title}"'
    else:
        found = [layer for layer in artifact.layers if layer["digest"] == digest]
        words = f'the digest "{digest}"'
    if len(found) > 1:
        raise UsageError(f"more than one match for {words}")
    if not found:
        raise UsageError(f"no blob with {words}")
    return found


def _title(layer: dict[str, Any]) -> str:
    return str((layer.get("annotations") or {}).get(TITLE) or "")


def file_name(title: str, digest: str) -> str:
    """A blob's file name; ``UsageError`` for a title that would lead out of the directory."""
    name = title or digest.replace(":", "-")
    for bad, word in (("/", "/"), ("\0", "NUL")):
        if bad in name:
            raise UsageError(
                f'invalid name: "{name}" cannot contain {word}: artifact blob title invalid'
            )
    if name in (".", ".."):
        raise UsageError(f'invalid name: "{name}": artifact blob title invalid')
    return name
