"""Artifacts as rows of ``artifact ls`` and as the struct that ``artifact inspect`` formats."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..engine.artifacts import Artifact

_NONE = "<none>"


def list_row(artifact: Artifact, no_trunc: bool) -> dict[str, Any]:
    """One row; every value is a text."""
    import time

    from ..oci import reference
    from .render import GoTime
    from .units import human_duration, human_size, parse_time

    digits = artifact.digest.partition(":")[2]
    name = reference.parse(artifact.name) if artifact.name else None
    created = at = ""
    if artifact.created:
        try:
            since = max(0.0, time.time() - parse_time(artifact.created))
            created, at = human_duration(since) + " ago", GoTime(artifact.created).go_text()
        except ValueError:
            created = at = artifact.created  # not a time: shown as it stands
    return {
        "Repository": name.name if name else _NONE,
        "Tag": name.tag if name else _NONE,
        "Digest": digits if no_trunc else digits[:12],
        "Created": created,
        "CreatedAt": at,
        "Size": "<damaged>" if artifact.damage else human_size(artifact.size),
        "VirtualSize": str(artifact.size),
    }


def inspect_record(document: dict[str, Any]) -> dict[str, Any]:
    """The document of ``artifact inspect`` with what a template may ask for besides."""
    absent: dict[str, Any] = {"artifactType": "", "subject": None, "annotations": {}}
    manifest = {**absent, **document["Manifest"]}
    size = sum(int(layer.get("size") or 0) for layer in manifest.get("layers") or [])
    record = {**document, "Manifest": manifest, "TotalSizeBytes": size}
    return {**record, "Artifact": record}
