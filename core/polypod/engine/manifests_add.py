"""Adds images to manifest lists, and describes what lists hold."""

from __future__ import annotations

from ..errors import PolypodError, UsageError
from ..kit.fastjson import loads
from ..oci import image_config, manifest
from ..oci import index as indexes
from . import manifests
from .image_sources_open import open_named
from .manifests import ManifestList
from .platforms import choose

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ..registry.access import Access
    from .image_sources import Source
    from .runtime import Runtime


class Marks:
    """What to write on an instance. Empty values leave what is there."""

    __slots__ = (
        "annotations", "arch", "features", "os", "os_features", "os_version", "variant",
    )  # fmt: skip

    def __init__(
        self,
        *,
        annotations: dict[str, str] | None = None,
        arch: str = "",
        os: str = "",
        variant: str = "",
        os_version: str = "",
        os_features: Sequence[str] = (),
        features: Sequence[str] = (),
    ) -> None:
        self.annotations = dict(annotations or {})
        self.arch = arch
        self.os = os
        self.variant = variant
        self.os_version = os_version
        self.os_features = list(os_features)
        self.features = list(features)

    def write(self, entry: indexes.Entry) -> None:
        """Put the marks on an entry; an architecture without variant takes the old variant away."""
        platform = entry.platform
        given: dict[str, Any] = {
            "os": self.os,
            "os.version": self.os_version,
            "os.features": self.os_features,
            "architecture": self.arch,
            "variant": self.variant,
        }
        if self.arch and not self.variant:
            platform.pop("variant", None)
        platform.update({key: value for key, value in given.items() if value})
        if self.features:
            entry.features = list(self.features)
        entry.annotations.update(self.annotations)

    def any(self) -> bool:
        """Whether there is something to write."""
        return any(getattr(self, name) for name in self.__slots__)


def add(
    rt: Runtime,
    name: str,
    images: Sequence[str],
    marks: Marks | None = None,
    *,
    all: bool = False,
    access: Access | None = None,
) -> str:
    """Add images of any transport to a list; of lists the instance for this host, or ``all``.

    Returns the list's ID. The images are only described, not copied.
    """
    found = manifests.load(rt, name)
    for image in images:
        with open_named(rt, image, access, "image to add to manifest list") as source:
            entries = _entries(source, all)
            home = source.name

        def edit(it: ManifestList, entries: list[indexes.Entry] = entries, home: str = home) -> None:
            for entry in entries:
                it.index.put(entry)
                it.instances.setdefault(entry.digest, home)
            if marks is not None:
                marks.write(entries[0])

        if entries:
            manifests.change(rt, found.id, edit)
    return found.id


def _entries(source: Source, all: bool) -> list[indexes.Entry]:
    data = source.manifest()
    try:
        parsed = manifest.parse(data)
        if not parsed.is_index:
            return [_described(source, data)]
        entries = indexes.parse(data).entries
        if not all:
            digest = choose(parsed, "", "", "").digest
            entries = [entry for entry in entries if entry.digest == digest][:1]
    except (ValueError, PolypodError) as error:
        raise PolypodError(f"{source.name}: {error}") from None
    return [_completed(source, entry) for entry in entries]


def _completed(source: Source, entry: indexes.Entry) -> indexes.Entry:
    """An entry of another list, with the platform of its config where the list names none."""
    if entry.platform.get("os") and entry.platform.get("architecture"):
        return entry
    own = describe(source, source.manifest(entry.digest))
    entry.platform = {**own.platform, **entry.platform}
    return entry


def describe(source: Source, data: bytes) -> indexes.Entry:
    """The entry for one image manifest, with its config's platform."""
    try:
        return _described(source, data)
    except ValueError as error:
        raise PolypodError(f"{source.name}: {error}") from None


def _described(source: Source, data: bytes) -> indexes.Entry:
    parsed = manifest.parse(data)
    entry = indexes.Entry(
        manifest.sha256(data),
        len(data),
        parsed.media_type,
        artifact_type=manifest.typed(loads(data), "artifactType", str),
    )
    known = (manifest.OCI_CONFIG, manifest.DOCKER_CONFIG)
    if not entry.artifact_type and parsed.config and parsed.config.media_type in known:
        config = image_config.parse_config(source.config(parsed.config))
        for key in ("architecture", "os", "os.version", "os.features", "variant"):
            if config.get(key):
                entry.platform[key] = config[key]
    return entry


def annotate(rt: Runtime, name: str, member: str, marks: Marks) -> str:
    """Change what a list says about an instance: a digest, a name, or an artifact's file."""
    digest = _member(rt, manifests.load(rt, name), member)

    def edit(found: ManifestList) -> None:
        entry = found.index.find(digest)
        if entry is None:
            raise PolypodError(
                f'no Docker manifest matching digest "{digest}" was found in list: no such digest'
            )
        marks.write(entry)

    return manifests.change(rt, name, edit).id


def annotate_index(
    rt: Runtime,
    name: str,
    annotations: dict[str, str],
    subject: str = "",
    access: Access | None = None,
) -> str:
    """Change what a list says about itself; ``subject`` names an image that it refers to."""
    target = describe_subject(rt, subject, access) if subject else None

    def edit(found: ManifestList) -> None:
        found.index.annotations.update(annotations)
        if target is not None:
            found.index.subject = target

    return manifests.change(rt, name, edit).id


def describe_subject(rt: Runtime, name: str, access: Access | None) -> indexes.Entry:
    """A bare descriptor of an image or list that something refers to."""
    with open_named(rt, name, access, "subject for image index") as source:
        data = source.manifest()
        home = source.name
    try:
        document = _document_of(data)
        kind = manifest.typed(document, "artifactType", str)
    except ValueError as error:
        raise PolypodError(f"{home}: {error}") from None
    return indexes.Entry(
        manifest.sha256(data), len(data), manifest.media_type(document), artifact_type=kind
    )


def _document_of(data: bytes) -> dict[str, Any]:
    document = loads(data)
    if not isinstance(document, dict):
        raise ValueError("manifest is not a JSON object")
    return document


def _member(rt: Runtime, found: ManifestList, member: str) -> str:
    if manifest.is_digest(member):
        return member
    import os

    for digest, files in found.artifacts["files"].items():
        if os.path.abspath(member) in files or member in map(os.path.basename, files):
            return str(digest)
    try:
        with open_named(rt, member) as source:
            return manifest.sha256(source.manifest())
    except PolypodError as error:
        raise UsageError(f'finding instance for "{member}": {error}') from None


def inspect(rt: Runtime, name: str, access: Access | None = None) -> dict[str, Any]:
    """The document that ``manifest inspect`` prints: of a local list, else of one in a registry."""
    from ..errors import NoSuchImage

    try:
        found = manifests.load(rt, name)
    except (NoSuchImage, manifests.NotAList):
        return _inspect_remote(name, access)
    return _document(found.index, found.index.natural_type(), found.artifacts["files"])


def _inspect_remote(name: str, access: Access | None) -> dict[str, Any]:
    from ..registry.access import Access
    from ..registry.client import open_source
    from ..registry.conf import load

    access = access or Access()
    registries = load(access.registries_conf)
    failed: list[PolypodError] = []
    for candidate in registries.candidates(name.removeprefix("docker://")):
        ref = candidate.reference
        try:
            repository = open_source(ref, access, registries)
            try:
                data = repository.manifest(ref.digest or ref.tag).data
            finally:
                repository.close()
        except PolypodError as error:
            reason = str(error).removeprefix(f"initializing source docker://{ref}: ")
            failed.append(
                PolypodError(
                    f'reading image "docker://{ref}": fetching manifest {ref.digest or ref.tag} '
                    f"in {ref.name}: {reason}"
                )
            )
            continue
        return _remote_document(data, str(ref))
    raise failed[0]


def _remote_document(data: bytes, name: str) -> dict[str, Any]:
    try:
        kind = manifest.media_type(_document_of(data))
    except ValueError as error:
        raise PolypodError(f'parsing manifest of "docker://{name}": {error}') from None
    if kind == manifest.DOCKER_MANIFEST:
        return {"schemaVersion": 2, "mediaType": kind, "manifests": None}
    try:
        return _document(indexes.parse(data), kind, {})
    except ValueError as error:
        raise PolypodError(f'parsing manifest of "docker://{name}" as a "{kind}": {error}') from None


def _document(index: indexes.Index, kind: str, files: dict[str, list[str]]) -> dict[str, Any]:
    result: dict[str, Any] = {"schemaVersion": 2, "mediaType": kind}
    if index.artifact_type:
        result["artifactType"] = index.artifact_type
    result["manifests"] = [_row(entry, files) for entry in index.entries] or None
    if index.subject is not None:
        result["subject"] = _row(index.subject, {})
    if index.annotations:
        result["annotations"] = index.annotations
    return result


def _row(entry: indexes.Entry, files: dict[str, list[str]]) -> dict[str, Any]:
    further = {
        "annotations": entry.annotations,
        "artifactType": entry.artifact_type,
        "data": entry.data,
        "files": files.get(entry.digest),
    }
    return {**entry.docker(), **{key: value for key, value in further.items() if value}}
