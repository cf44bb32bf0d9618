"""OCI artifacts in the local store: found, listed, inspected, removed.

They lie where podman has them, in one OCI layout at ``<graphroot>/artifacts``.
"""

from __future__ import annotations

import os

from ..errors import NoSuchArtifact, StorageError, UsageError
from ..model.struct import Struct
from ..oci import reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ..oci.layout_store import Entry, LayoutStore
    from ..registry.access import Access
    from .runtime import Runtime

TITLE = "org.opencontainers.image.title"
CREATED = "org.opencontainers.image.created"


class Artifact(Struct):
    """One artifact: its full name ("" when it has none), its manifest's digest and the manifest.

    ``damage`` says why the manifest cannot be read; ``manifest`` is empty then.
    """

    name: str
    digest: str
    manifest: dict[str, Any] = {}
    damage: str = ""

    @property
    def layers(self) -> list[dict[str, Any]]:
        """The descriptors of its blobs."""
        return list(self.manifest.get("layers") or [])

    @property
    def size(self) -> int:
        """Bytes of its blobs."""
        return sum(int(layer.get("size") or 0) for layer in self.layers)

    @property
    def created(self) -> str:
        """When it was made, in RFC 3339, or ""."""
        return str((self.manifest.get("annotations") or {}).get(CREATED) or "")


def artifact_store(rt: Runtime) -> LayoutStore:
    """The layout of this engine's artifacts."""
    from ..oci.layout_store import LayoutStore

    return LayoutStore(os.path.join(rt.graphroot, "artifacts"))


def full_name(text: str) -> str:
    """The name under which an artifact is stored: fully qualified, with ``:latest`` by default.

    ``UsageError`` for a short name, and for one with a tag and a digest.
    """
    parsed = reference.parse(text)
    if parsed.tag and parsed.digest:
        raise UsageError("reference cannot be tagged and digested")
    if reference.is_short(parsed) or str(reference.with_docker_defaults(parsed)) != text:
        raise UsageError(f"{text}: repository name must be canonical: give it with its registry")
    return str(reference.with_tag(parsed))


def find_entry(entries: Sequence[Entry], wanted: str) -> Entry:
    """The entry that a name, ``name@digest``, a digest or a part of one means; ``NoSuchArtifact``."""
    if not wanted:
        raise UsageError("artifact name or digest cannot be empty")
    try:
        name = full_name(wanted)
    except UsageError as error:
        if "tagged and digested" in str(error):
            raise
        return _by_digest(entries, wanted)
    repository, _, digest = name.partition("@")
    for entry in entries:
        if entry.name == name:
            return entry
        if digest and entry.digest == digest and _repository(entry.name) == repository:
            return entry
    raise NoSuchArtifact(f"{name}: artifact does not exist")


def _repository(name: str) -> str:
    try:
        return reference.parse(name).name
    except UsageError:
        return ""


def _by_digest(entries: Sequence[Entry], wanted: str) -> Entry:
    digits = wanted.removeprefix("sha256:")
    found = [e for e in entries if digits and e.digest.partition(":")[2].startswith(digits)]
    if not found:
        raise NoSuchArtifact(f"{wanted}: artifact does not exist")
    if len(found) > 1:
        names = ",".join(entry.name for entry in found)
        raise UsageError(f'multiple artifacts found with matching digest: "{names}"')
    return found[0]


def read_artifact(store: LayoutStore, entry: Entry) -> Artifact:
    """The artifact behind an entry; ``StorageError`` when its manifest is not sound."""
    from ..kit.fastjson import loads

    try:
        document = loads(store.read(entry.digest))
    except ValueError as error:
        raise StorageError(f"artifact {entry.name or entry.digest}: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("layers") or [], list):
        raise StorageError(f"artifact {entry.name or entry.digest}: its manifest is none")
    if "manifests" in document:
        raise StorageError(f'manifest "{entry.name or entry.digest}" is index list')
    return Artifact(name=entry.name, digest=entry.digest, manifest=document)


def list_artifacts(rt: Runtime) -> list[Artifact]:
    """All artifacts, in the order in which they came. Damaged ones are among them."""
    store = artifact_store(rt)
    found = []
    for entry in store.entries():
        try:
            found.append(read_artifact(store, entry))
        except StorageError as error:
            found.append(Artifact(name=entry.name, digest=entry.digest, damage=str(error)))
    return found


def get_artifact(rt: Runtime, wanted: str) -> Artifact:
    """One artifact by name or digest; raises ``NoSuchArtifact`` or ``StorageError``."""
    store = artifact_store(rt)
    return read_artifact(store, find_entry(store.entries(), wanted))


def inspect_artifact(rt: Runtime, wanted: str) -> dict[str, Any]:
    """What ``artifact inspect`` prints."""
    return document(get_artifact(rt, wanted))


def inspect_remote(name: str, access: Access) -> dict[str, Any]:
    """The same of an artifact in a registry, of which only the manifest is fetched."""
    from ..kit.fastjson import loads
    from ..registry import client, conf
    from .artifacts_copy import read_manifest

    name = full_name(name)
    wanted = reference.parse(name)
    with client.open_source(wanted, access, conf.load(access.registries_conf)) as repository:
        fetched = read_manifest(repository, wanted)
    artifact = Artifact(name=name, digest=fetched.digest, manifest=loads(fetched.data))
    return document(artifact)


def document(artifact: Artifact) -> dict[str, Any]:
    """An artifact in podman's words."""
    return {"Name": artifact.name, "Manifest": artifact.manifest, "Digest": artifact.digest}


def remove_artifacts(
    rt: Runtime, wanted: Sequence[str], *, all: bool = False, ignore: bool = False
) -> list[str]:
    """Remove artifacts; the digests of their manifests.

    None is removed when one of the names is unknown (``NoSuchArtifact``), unless ``ignore``.
    """
    from .events import emit

    store = artifact_store(rt)
    if not os.path.exists(store.index_path) and (all or ignore):
        return []
    gone: list[Entry] = []
    with store.write() as change:
        if all:
            gone = list(change.entries)
        for name in wanted:
            try:
                gone.append(find_entry([e for e in change.entries if e not in gone], name))
            except NoSuchArtifact:
                if not ignore:
                    raise
        for entry in gone:
            change.drop(entry)
    for entry in gone:
        emit(rt, "artifact", "remove", id=entry.digest[7:], name=entry.name)
    return [entry.digest for entry in gone]
