"""Remembers what compressed blobs a layer became, so that a second push sends nothing.

A small file of the state directory: diffID -> descriptors, with the repositories that took
them, newest last. It only saves work: without it, or with wrong entries, a push is slower.
"""

from __future__ import annotations

import os

from ..kit.atomic import write_atomic
from ..kit.fastjson import dumps, loads
from ..kit.lockfile import lock_write
from ..oci import manifest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..oci.manifest import Descriptor
    from .runtime import Runtime

_NAME = "pushed-blobs.json"
_MOST = 4000  # layers
_FORMS = 6  # of one layer
_PLACES = 8  # of one form


class BlobCache:
    """The file as it was when opened, and what this push learned; ``save`` merges both."""

    def __init__(self, rt: Runtime, place: str = "") -> None:
        self._path = os.path.join(rt.static_dir, _NAME)
        self._known = _read(self._path)
        self._place = place
        self._new: list[tuple[str, Descriptor]] = []

    def known(self, diff_id: str) -> list[Descriptor]:
        """Compressed forms of the layer, the newest first."""
        found = [one for known, one in self._new if known == diff_id]
        rows = self._known.get(diff_id) or ()
        return [*reversed(found), *(_descriptor(row) for row in reversed(rows))]

    def places(self, diff_id: str, digest: str) -> list[str]:
        """Repositories (``host/path``) that have taken the blob, the newest first."""
        for row in self._known.get(diff_id) or ():
            if row["digest"] == digest:
                return list(reversed(row.get("in") or ()))
        return []

    def learn(self, diff_id: str, blob: Descriptor) -> None:
        """A form that the layer has just got, or that was found at the destination."""
        self._new.append((diff_id, blob))

    def save(self) -> None:
        """Write what was learned."""
        if not self._new:
            return
        with lock_write(self._path + ".lock"):
            rows = _read(self._path)
            for diff_id, blob in self._new:
                rows[diff_id] = _merged(rows.pop(diff_id, []), blob, self._place)
            while len(rows) > _MOST:
                del rows[next(iter(rows))]
            write_atomic(self._path, dumps(rows).encode())
        self._new.clear()


def _read(path: str) -> dict[str, list[dict[str, Any]]]:
    try:
        with open(path, "rb") as file:
            rows = loads(file.read())
    except (OSError, ValueError):
        return {}  # absent or damaged: start anew
    if not isinstance(rows, dict):
        return {}
    return {
        diff_id: [row for row in forms if isinstance(row, dict) and manifest.is_digest(row.get("digest"))]
        for diff_id, forms in rows.items()
        if isinstance(forms, list)
    }


def _descriptor(row: dict[str, Any]) -> Descriptor:
    return manifest.Descriptor(
        media_type=str(row.get("type") or ""),
        digest=row["digest"],
        size=int(row.get("size") or 0),
        annotations=row.get("annotations") or {},
    )


def _merged(rows: list[dict[str, Any]], blob: Descriptor, place: str) -> list[dict[str, Any]]:
    old = next((row for row in rows if row["digest"] == blob.digest), {})
    places = [one for one in old.get("in") or () if one != place]
    row = {"digest": blob.digest, "size": blob.size, "type": blob.media_type}
    if blob.annotations:
        row["annotations"] = blob.annotations
    row["in"] = [*places, *([place] if place else [])][-_PLACES:]
    return [*(one for one in rows if one["digest"] != blob.digest), row][-_FORMS:]
