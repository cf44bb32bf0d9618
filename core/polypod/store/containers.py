"""containers.json and volatile-containers.json: which writable layer belongs to which container."""

from __future__ import annotations

import os

from ..errors import AlreadyExists, NoSuchContainer
from ..kit import fastjson
from ..kit.atomic import remove_tree
from ..kit.lockfile import lock_write
from .places import Places, now
from .table import Text, load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


class Containers:
    """The container records of a store.

    A volatile container (``run --rm``) is recorded without waiting for the disk,
    in a file of its own, so that a loss of power cannot damage the others' records.
    """

    def __init__(self, places: Places) -> None:
        self._places = places
        self._stable = places.containers + "/containers.json"
        self._volatile = places.containers + "/volatile-containers.json"
        self._lock = places.containers + "/containers.lock"

    def all(self) -> list[dict[str, Any]]:
        """All records, as decoded JSON; read-only."""
        return load(self._stable) + load(self._volatile)

    def find(self, id: str) -> dict[str, Any] | None:
        """The record of a container by its full ID, whoever made it."""
        for path in (self._volatile, self._stable):
            record = Text(path).get(id)
            if record is not None:
                return record
        return None

    def get(self, id: str) -> dict[str, Any]:
        """Like :meth:`find`; ``NoSuchContainer`` when absent."""
        record = self.find(id)
        if record is None:
            raise NoSuchContainer(f"no container with ID {id} in the store at {self._places.root}")
        return record

    def add(
        self,
        id: str,
        names: Sequence[str],
        image: str,
        layer: str,
        metadata: dict[str, Any] | str,
        volatile: bool,
        label: str = "",
    ) -> None:
        """Record a container before its layer is made, so that a kill in between can be mended."""
        record: dict[str, Any] = {"id": id}
        if names:
            record["names"] = list(names)
        record["image"] = image
        record["layer"] = layer
        if metadata:
            record["metadata"] = metadata if isinstance(metadata, str) else fastjson.dumps(metadata)
        record["created"] = now()
        flags: dict[str, object] = {}
        if label:
            flags["MountLabel"] = label
        if volatile:
            flags["Volatile"] = True
        if flags:
            record["flags"] = flags
        with lock_write(self._lock) as held:
            tables = {path: Text(path) for path in (self._stable, self._volatile)}
            for table in tables.values():
                _refuse_duplicates(table, id, names)
            table = tables[self._volatile if volatile else self._stable]
            table.put(record)
            held.record_write()
            table.save(durable=not volatile)

    def rename(self, id: str, names: Sequence[str]) -> None:
        """Give a container other names."""
        with lock_write(self._lock) as held:
            tables = [Text(path) for path in (self._volatile, self._stable)]
            for table in tables:
                _refuse_duplicates(table, "", names, but=id)
            for table in tables:
                record = table.get(id)
                if record is not None:
                    rest = {k: v for k, v in record.items() if k not in ("id", "names")}
                    table.put({"id": id, "names": list(names), **rest})
                    held.record_write()
                    table.save(durable=False)
                    return
        raise NoSuchContainer(f"no container with ID {id} in the store at {self._places.root}")

    def remove(self, id: str, *, run_dir: bool = True) -> bool:
        """Forget a container and delete its directories; False when there was no record.

        With ``run_dir=False`` the directory below runroot stays, for a caller who has a lock in it.
        """
        found = False
        with lock_write(self._lock) as held:
            for path in (self._volatile, self._stable):
                table = Text(path)
                if table.remove(id):
                    held.record_write()
                    table.save(durable=False)
                    found = True
                    break
        remove_tree(f"{self._places.containers}/{id}")
        if run_dir:
            remove_tree(f"{self._places.run_containers}/{id}")
        return found

    def directory(self, id: str) -> str:
        """The container's own directory, kept over reboots (the OCI bundle); made when missing."""
        return _directory(f"{self._places.containers}/{id}/userdata")

    def run_directory(self, id: str) -> str:
        """The container's own directory until the next reboot; made when missing."""
        return _directory(f"{self._places.run_containers}/{id}/userdata")


def _directory(path: str) -> str:
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass
    except FileNotFoundError:
        os.makedirs(path, 0o700, exist_ok=True)
    return path


def _refuse_duplicates(table: Text, id: str, names: Sequence[str], but: str = "") -> None:
    if id and table.find(id) is not None:
        raise AlreadyExists(f"container {id} exists in the store already")
    for name in names:
        # The text is searched first: decoding a thousand records costs milliseconds.
        if fastjson.dumps(name) not in table.text:
            continue
        for record in table.records():
            if name in (record.get("names") or ()) and record["id"] != but:
                raise AlreadyExists(
                    f'the container name "{name}" is already in use by {record["id"]}. You have to'
                    " remove that container to be able to reuse that name: that name is already in use"
                )
