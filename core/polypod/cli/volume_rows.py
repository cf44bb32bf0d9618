"""Volumes as templates see them: all of podman's fields, also those that JSON leaves out."""

from __future__ import annotations

from .render import GoTime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model.volume import Volume


def template_row(volume: Volume) -> dict[str, Any]:
    """The fields of podman's volume report."""
    from ..engine.volumes_admin import volume_document

    document = volume_document(volume)
    return {
        **document,
        "CreatedAt": GoTime(document["CreatedAt"]),
        "Status": None,
        "UID": volume.uid,
        "GID": volume.gid,
        "Anonymous": volume.anonymous,
        "NeedsCopyUp": volume.needs_copy_up,
        "NeedsChown": volume.needs_chown,
        "Timeout": 0,
        "StorageID": "",
    }
