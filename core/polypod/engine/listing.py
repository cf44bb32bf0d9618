"""The list of containers: one pass over plain records, no lock, no mount, no process a container."""

from __future__ import annotations

import os
import time

from ..kit.log import warning
from .states import shown
from .sync import LISTING_GRACE, quick_status, read_exits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .runtime import Runtime


class Row:
    """One container of a listing: its stored documents, and its state as it is now.

    ``config`` and ``changing`` are the records as plain documents (:class:`~polypod.model.container.Container`
    and ``ContainerState`` without defaults); ``state`` is the word that ``ps`` shows.
    """

    __slots__ = ("changing", "config", "created", "id", "lost", "name", "size", "size_unknown", "state")

    def __init__(self, config: dict[str, Any], changing: dict[str, Any], state: str) -> None:
        self.config = config
        self.changing = changing
        self.id: str = config["id"]
        self.name: str = config["name"]
        self.created: float = config["created"]
        self.state = state
        self.size: tuple[int, int] | None = None  # (root, written) bytes, only when asked for
        self.size_unknown = False  # asked for, but its store or its layer is not there
        self.lost = ""  # name of the image store that it needs and that is not there

    @property
    def image_name(self) -> str:
        """The image's name, its ID when it has none, "" with --rootfs."""
        image = self.config.get("image", {})
        return str(image.get("name") or image.get("id", ""))

    @property
    def command(self) -> list[str]:
        """Entrypoint and command."""
        process = self.config.get("process", {})
        return [*(process.get("entrypoint") or ()), *process.get("command", ())]

    @property
    def labels(self) -> dict[str, str]:
        """The labels."""
        return self.config.get("labels", {})  # type: ignore[no-any-return]

    @property
    def exit_code(self) -> int:
        """The exit code; that of a container which ended just now is not in its record yet."""
        return int(self.changing.get("exit_code", 0))


def list_containers(
    rt: Runtime, *, filters: list[str] | None = None, all: bool = True, repair: bool = True
) -> list[Row]:
    """Containers, newest first; without ``all`` and without a status filter the running ones.

    What a killed process left half made or half removed is finished first.
    """
    rows = _rows(rt, repair)
    if filters:
        from .filters import matcher

        matches = matcher(rt, filters, rows)
        all = all or any(text.startswith("status=") for text in filters)
        rows = [row for row in rows if matches(row)]
    if not all:
        rows = [row for row in rows if row.state == "running"]
    rows.sort(key=lambda row: row.created, reverse=True)
    _mark_lost(rt, rows)
    return rows


def _mark_lost(rt: Runtime, rows: list[Row]) -> None:
    """Note which containers need an image store that is not there; looks at those stores alone."""
    users = [row for row in rows if row.config.get("image", {}).get("store")]
    if users:
        from .imagestores import lost_stores

        lost = lost_stores(rt, [row.config for row in users])
        for row in users:
            row.lost = lost.get(row.id, "")


def _rows(rt: Runtime, repair: bool) -> list[Row]:
    pairs, damaged = rt.records.containers.rows()
    for error in damaged:
        warning(str(error))
    exits = read_exits(rt) if pairs else set()
    deadline = time.monotonic() + LISTING_GRACE
    rows: list[Row] = []
    for config, changing in pairs:
        stored = changing.get("status", "configured")
        if repair and stored in ("creating", "removing") and _repaired(rt, config["id"]):
            continue
        state = quick_status(rt, changing, exits, config["id"])
        if state == "exited" and stored not in ("exited", "stopped"):
            changing = _fresh(rt, config["id"], changing, max(0.0, deadline - time.monotonic()))
        rows.append(Row(config, changing, shown(state)))
    return rows


def _fresh(
    rt: Runtime, container_id: str, changing: dict[str, Any], grace: float
) -> dict[str, Any]:
    """The record of a container that has ended since it was written: with its exit code."""
    from ..model.container import ContainerState
    from .sync import refresh

    return refresh(rt, container_id, ContainerState.from_dict(changing), grace).to_dict()


def _repaired(rt: Runtime, container_id: str) -> bool:
    """Finish an interrupted create or rm; False while its process is still at work."""
    from ..errors import NotFound, PolypodError, Timeout
    from .remove import finish_interrupted

    try:
        finish_interrupted(rt, container_id)
    except Timeout:
        return False
    except NotFound:
        return True
    except PolypodError as error:
        warning(f"container {container_id[:12]}: {error}")
        return False
    return True


def add_sizes(rt: Runtime, rows: list[Row]) -> None:
    """Fill in ``size`` for each row."""
    from ..errors import PolypodError

    for row in rows:
        image = row.config.get("image", {})
        try:
            written = rt.store.container_size(row.id) if image.get("id") else 0
            root = rt.store.image_size(rt.store.image(image["id"])) if image.get("id") else 0
        except PolypodError as error:
            row.size_unknown = True
            if not row.lost:  # a store that is not there was warned of already
                warning(f"size of container {row.id[:12]}: {error}")
            continue
        row.size = (root + written, written)


def namespace_ids(pid: int) -> dict[str, str]:
    """Inode numbers of a process' namespaces, by their names in /proc/PID/ns; {} when it has gone."""
    found: dict[str, str] = {}
    for name in ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts"):
        try:
            found[name] = os.readlink(f"/proc/{pid}/ns/{name}").partition("[")[2].rstrip("]")
        except OSError:
            return {}
    return found
