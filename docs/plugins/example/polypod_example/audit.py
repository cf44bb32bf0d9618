"""Observer ``audit``: appends every event to a file and marks every container."""

from __future__ import annotations

from polypod.kit.fastjson import dumps
from polypod.model.struct import Struct
from polypod.spec.markers import hookimpl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from polypod.model.container import Container
    from polypod.model.event import Event

ANNOTATION = "org.example.audited"


class AuditConfig(Struct):
    """The table ``[plugin.observer.audit]`` of polypod.conf."""

    path: str = "/var/log/polypod-audit.jsonl"


class Audit:
    """See :mod:`polypod.spec.observer`."""

    Config = AuditConfig

    def __init__(self, *, config: AuditConfig) -> None:
        self._path = config.path

    @hookimpl
    def observe_event(self, event: Event) -> None:
        with open(self._path, "a") as file:
            file.write(dumps(event.to_dict()) + "\n")

    @hookimpl
    def amend_spec(self, container: Container, spec: dict[str, Any]) -> None:
        spec.setdefault("annotations", {})[ANNOTATION] = container.name
