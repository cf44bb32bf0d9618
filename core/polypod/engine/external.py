"""Containers of other tools in the same store, such as buildah's working containers."""

from __future__ import annotations

from ..errors import InvalidState, NoSuchContainer
from .listing import Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .runtime import Runtime

#: The word that ``ps --external`` shows as their state.
STORAGE = "storage"


def external_rows(rt: Runtime, known: set[str]) -> list[Row]:
    """Rows for containers of the store that are not ours; ``known`` are the IDs that are."""
    ours = set(rt.records.containers.ids()) | known
    return [_row(rt, record) for record in rt.store.containers() if record["id"] not in ours]


def _row(rt: Runtime, record: dict[str, Any]) -> Row:
    from datetime import datetime

    try:
        created = datetime.fromisoformat(record.get("created", "")).timestamp()
    except ValueError:
        created = 0.0
    names = record.get("names") or [record["id"]]
    config = {
        "id": record["id"],
        "name": names[0],
        "created": created,
        "image": {"id": record.get("image", ""), "name": _image_name(rt, record.get("image", ""))},
        # podman names the tool here; buildah is the one that leaves such containers.
        "process": {"command": ["buildah" if "working-container" in names[0] else STORAGE]},
    }
    return Row(config, {}, STORAGE)


def _image_name(rt: Runtime, image_id: str) -> str:
    for image in rt.store.images():
        if image.id == image_id:
            return image.names[0] if image.names else image_id
    return image_id


def find_external(rt: Runtime, ref: str) -> str:
    """Full ID of another tool's container by name, ID or prefix; raises ``NoSuchContainer``."""
    for record in rt.store.containers():
        if ref in (record.get("names") or ()) or (ref and record["id"].startswith(ref)):
            return str(record["id"])
    raise NoSuchContainer(f'no container with name or ID "{ref}" found: no such container')


def remove_external(rt: Runtime, container_id: str, *, force: bool) -> None:
    """Remove it from the store; a mounted one only with ``force``."""
    if not force and rt.store.container_mount(container_id):
        raise InvalidState(
            f"container {container_id} is mounted and cannot be removed without using force: "
            "container state improper"
        )
    rt.store.delete_container(container_id)
