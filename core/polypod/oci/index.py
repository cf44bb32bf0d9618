"""Lists of manifests that can be edited: OCI image indexes and Docker manifest lists.

One list is both at once, as in libimage: what only one of the formats can say
(annotations, artifact types; CPU features) is kept, and decides in which one it is
written when nobody says.
"""

from __future__ import annotations

from ..kit.fastjson import dumps, loads
from . import manifest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PLATFORM = ("architecture", "os", "os.version", "os.features", "variant")


class Entry:
    """One manifest of a list. ``platform`` has image-spec's keys, ``data`` is base64 text."""

    __slots__ = (
        "annotations", "artifact_type", "data", "digest", "features", "media_type", "platform",
        "size", "urls",
    )  # fmt: skip

    def __init__(
        self,
        digest: str,
        size: int,
        media_type: str,
        platform: dict[str, Any] | None = None,
        *,
        annotations: dict[str, str] | None = None,
        artifact_type: str = "",
        features: list[str] | None = None,
        urls: list[str] | None = None,
        data: str = "",
    ) -> None:
        self.digest = digest
        self.size = size
        self.media_type = media_type
        self.platform = dict(platform or {})
        self.annotations = dict(annotations or {})
        self.artifact_type = artifact_type
        self.features = list(features or ())
        self.urls = list(urls or ())
        self.data = data

    def oci(self) -> dict[str, Any]:
        """The entry as a descriptor of an OCI index."""
        document: dict[str, Any] = {
            "mediaType": self.media_type,
            "digest": self.digest,
            "size": self.size,
            "urls": self.urls,
            "annotations": self.annotations,
            "data": self.data,
            "platform": self._platform(()),
            "artifactType": self.artifact_type,
        }
        # Media type, digest and size are never empty; the rest is left out when it is.
        kept = {key: value for key, value in document.items() if value or key == "size"}
        if "platform" in kept:
            kept["platform"] = self._platform(("architecture", "os"))
        return kept

    def docker(self) -> dict[str, Any]:
        """The entry as a descriptor of a Docker manifest list."""
        platform = self._platform(("architecture", "os"))
        if self.features:
            platform["features"] = self.features
        urls = {"urls": self.urls} if self.urls else {}
        return {
            "mediaType": self.media_type,
            "size": self.size,
            "digest": self.digest,
            **urls,
            "platform": platform,
        }

    def _platform(self, always: tuple[str, ...]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key in _PLATFORM:
            if self.platform.get(key) or key in always:
                found[key] = self.platform.get(key) or ""
        return found


def entry(value: Any) -> Entry:
    """Decode a descriptor of either format; raise ``ValueError`` for anything else."""
    if not isinstance(value, dict) or not manifest.is_digest(value.get("digest")):
        raise ValueError("manifest list has a descriptor without a valid digest")
    platform = manifest.typed(value, "platform", dict)
    return Entry(
        value["digest"],
        manifest.size_of(value),
        manifest.typed(value, "mediaType", str),
        {key: found for key in _PLATFORM if (found := _platform_value(platform, key))},
        annotations=_annotations(value),
        artifact_type=manifest.typed(value, "artifactType", str),
        features=_texts(platform, "features"),
        urls=_texts(value, "urls"),
        data=manifest.typed(value, "data", str),
    )


def _platform_value(platform: dict[str, Any], key: str) -> Any:
    return _texts(platform, key) if key == "os.features" else manifest.typed(platform, key, str)


def _texts(document: dict[str, Any], key: str) -> list[str]:
    found: list[str] = manifest.typed(document, key, list)
    if not all(isinstance(text, str) for text in found):
        raise ValueError(f'manifest has an invalid "{key}"')
    return found


def _annotations(document: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = manifest.typed(document, "annotations", dict)
    if not all(isinstance(text, str) for text in found.values()):
        raise ValueError('manifest has an invalid "annotations"')
    return found


class Index:
    """An editable list. ``media_type`` is what it was read as, or "" for a new one."""

    def __init__(self) -> None:
        self.media_type = ""
        self.entries: list[Entry] = []
        self.annotations: dict[str, str] = {}
        self.artifact_type = ""
        self.subject: Entry | None = None

    def find(self, digest: str) -> Entry | None:
        """The entry of that digest."""
        for candidate in self.entries:
            if candidate.digest == digest:
                return candidate
        return None

    def put(self, new: Entry) -> None:
        """Add at the end; an entry of the same digest is replaced."""
        self.remove(new.digest)
        self.entries.append(new)

    def remove(self, digest: str) -> bool:
        """Take out what has the digest; false when nothing has."""
        before = len(self.entries)
        self.entries = [entry for entry in self.entries if entry.digest != digest]
        return len(self.entries) != before

    def natural_type(self) -> str:
        """The format that loses nothing, OCI where both do; an empty list is Docker's."""
        if self.artifact_type or self.subject or self.annotations:
            return manifest.OCI_INDEX
        if any(e.artifact_type or e.annotations or e.data for e in self.entries):
            return manifest.OCI_INDEX
        if any(e.features for e in self.entries) or not self.entries:
            return manifest.DOCKER_LIST
        return manifest.OCI_INDEX

    def serialize(self, media_type: str = "") -> bytes:
        """The bytes in one of the two formats, keys in Go's order."""
        kind = media_type or self.natural_type()
        if kind == manifest.DOCKER_LIST:
            entries = [e.docker() for e in self.entries] or None
            return dumps({"schemaVersion": 2, "mediaType": kind, "manifests": entries}).encode()
        document: dict[str, Any] = {"schemaVersion": 2, "mediaType": manifest.OCI_INDEX}
        if self.artifact_type:
            document["artifactType"] = self.artifact_type
        document["manifests"] = [e.oci() for e in self.entries] or None
        if self.subject is not None:
            document["subject"] = self.subject.oci()
        if self.annotations:
            document["annotations"] = self.annotations
        return dumps(document).encode()


def parse(data: bytes) -> Index:
    """Decode a list of either format; raise ``ValueError`` for anything else."""
    document = loads(data)
    if not isinstance(document, dict):
        raise ValueError("manifest list is not a JSON object")
    kind = manifest.media_type(document)
    if kind not in (manifest.OCI_INDEX, manifest.DOCKER_LIST):
        raise ValueError(f'unsupported format "{kind}": manifest type not supported')
    found = Index()
    found.media_type = kind
    found.entries = [entry(value) for value in manifest.typed(document, "manifests", list)]
    found.annotations = _annotations(document)
    found.artifact_type = manifest.typed(document, "artifactType", str)
    if document.get("subject"):
        found.subject = entry(document["subject"])
    return found
