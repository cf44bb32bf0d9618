"""Containers in the state: definition, changing state, name and references."""

from __future__ import annotations

from ..errors import AlreadyExists, Conflict, CorruptRecord, NoSuchContainer
from . import references
from .codec import decode, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..model.container import Container, ContainerState
    from ..ports.state import StatePort

CONTAINER = "container"
STATE = "container-state"
NAME = "name"


class ContainerRecords:
    """The container part of :class:`polypod.records.Records`."""

    def __init__(self, state: StatePort) -> None:
        self._state = state

    def add(self, container: Container, state: ContainerState, *, durable: bool) -> int:
        """Store a new container; raises ``AlreadyExists`` when its name is taken. Returns the revision."""
        name_record = {"id": container.id, "kind": "container"}
        operations: list[tuple[Any, ...]] = [
            ("check", NAME, container.name, 0),
            ("check", CONTAINER, container.id, 0),
            ("put", NAME, container.name, encode(name_record)),
            ("put", CONTAINER, container.id, encode(container.to_dict())),
            ("put", STATE, container.id, encode(state.to_dict())),
        ]
        for needed in container.depends:
            operations.append(("check", CONTAINER, needed, -1))
        operations += [("put", references.BUCKET, k, b"{}") for k in references.of_container(container)]
        try:
            return self._state.apply(operations, durable)
        except Conflict as conflict:
            raise self._explain(conflict, container) from None

    def _explain(self, conflict: Conflict, container: Container) -> Exception:
        if conflict.bucket == NAME:
            holder = self.name_holder(container.name)
            return AlreadyExists(
                f'creating container storage: the container name "{container.name}" is already in use by {holder}. You have to '
                "remove that container to be able to reuse that name: that name is already in use, "
                "or use --replace to instruct Podman to do so."
            )
        if conflict.key in container.depends:
            return NoSuchContainer(f"container {conflict.key[:12]} was removed in the meantime")
        return conflict

    def name_holder(self, name: str) -> str:
        """ID of whoever holds the name, or ""."""
        found = self._state.get(NAME, [name])
        return str(decode(NAME, name, found[name][0])["id"]) if name in found else ""

    def get(self, id: str) -> Container:
        """A container by its full ID."""
        found = self._state.get(CONTAINER, [id])
        if id not in found:
            raise NoSuchContainer(f'no container with ID "{id}" found: no such container')
        return _container(decode(CONTAINER, id, found[id][0]))

    def state(self, id: str) -> tuple[ContainerState, int]:
        """The changing part with its revision; raises ``NoSuchContainer``."""
        found = self._state.get(STATE, [id])
        if id not in found:
            raise NoSuchContainer(f'no container with ID "{id}" found: no such container')
        value, revision = found[id]
        from ..model.container import ContainerState

        return ContainerState.from_dict(decode(STATE, id, value)), revision

    def set_state(self, id: str, state: ContainerState, *, durable: bool = False) -> int:
        """Replace the changing part; raises ``NoSuchContainer`` when the container is gone.

        A state is volatile by nature (after a loss of power nothing runs any
        more), so by default it is not synced to disk.
        """
        try:
            return self._state.apply(
                [("check", STATE, id, -1), ("put", STATE, id, encode(state.to_dict()))], durable
            )
        except Conflict:
            raise NoSuchContainer(f'no container with ID "{id}" found: no such container') from None

    def find(self, ref: str) -> str:
        """Full ID for an ID, a name or an unambiguous ID prefix."""
        if len(ref) == 64 and ref in self._state.get(CONTAINER, [ref]):
            return ref
        if _storable(ref):
            holder = self.name_holder(ref.removeprefix("/"))
            if holder and holder in self._state.get(CONTAINER, [holder]):
                return holder
            matches = [key for key, _, _ in self._state.list(STATE, ref)]
            if len(matches) == 1:
                return matches[0]
            if matches:
                raise AlreadyExists(
                    f'more than one result for container name or ID "{ref}": container already exists'
                )
        raise NoSuchContainer(f'no container with name or ID "{ref}" found: no such container')

    def rows(self) -> tuple[list[tuple[dict[str, Any], dict[str, Any]]], list[CorruptRecord]]:
        """All containers as plain documents (definition, state), for listings; damaged ones apart.

        Plain documents, because building a thousand nouns would cost more than
        the whole listing.
        """
        states: dict[str, bytes] = {k: v for k, v, _ in self._state.list(STATE, "")}
        rows: list[tuple[dict[str, Any], dict[str, Any]]] = []
        damaged: list[CorruptRecord] = []
        for id, value, _ in self._state.list(CONTAINER, ""):
            try:
                definition = decode(CONTAINER, id, value)
                rows.append((definition, decode(STATE, id, states[id]) if id in states else {}))
            except CorruptRecord as error:
                damaged.append(error)
        return rows, damaged

    def ids(self) -> list[str]:
        """Full IDs of all containers."""
        return [key for key, _, _ in self._state.list(STATE, "")]

    def users_of(self, id: str) -> list[str]:
        """IDs of containers that depend on this one."""
        return references.users(self._state, "container", id)

    def update(self, id: str, change: Callable[[Container], Container]) -> Container:
        """Change the definition (not its name), retrying lost races."""
        while True:
            found = self._state.get(CONTAINER, [id])
            if id not in found:
                raise NoSuchContainer(f'no container with ID "{id}" found: no such container')
            value, revision = found[id]
            changed = change(_container(decode(CONTAINER, id, value)))
            try:
                self._state.apply(
                    [
                        ("check", CONTAINER, id, revision),
                        ("put", CONTAINER, id, encode(changed.to_dict())),
                    ],
                    True,
                )
            except Conflict:
                continue
            return changed

    def rename(self, id: str, name: str) -> Container:
        """Give the container another name; raises ``AlreadyExists`` when that is taken."""
        container = self.get(id)
        renamed = container.evolve(name=name)
        try:
            self._state.apply(
                [
                    ("check", NAME, name, 0),
                    ("check", CONTAINER, id, -1),
                    ("delete", NAME, container.name),
                    ("put", NAME, name, encode({"id": id, "kind": "container"})),
                    ("put", CONTAINER, id, encode(renamed.to_dict())),
                ],
                True,
            )
        except Conflict as conflict:
            raise self._explain(conflict, renamed) from None
        return renamed

    def remove(self, container: Container, *, durable: bool = True) -> None:
        """Forget a container, its name and its references."""
        operations: list[tuple[Any, ...]] = [
            ("delete", CONTAINER, container.id),
            ("delete", STATE, container.id),
        ]
        if self.name_holder(container.name) == container.id:
            operations.append(("delete", NAME, container.name))
        operations += [("delete", references.BUCKET, k) for k in references.of_container(container)]
        self._state.apply(operations, durable)


def _container(document: dict[str, Any]) -> Container:
    # Imported here: listings show documents and need no nouns.
    from ..model.container import Container

    return Container.from_dict(document)


def _storable(ref: str) -> bool:
    return bool(ref) and len(ref) <= 400 and ref.isascii() and ref.isprintable() and "/" not in ref[1:]
