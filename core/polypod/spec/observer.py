"""Plugin group ``polypod.observer.v1``: any number at once, called in turn.

``Observer(config=...)``. An observer's error is logged as a warning and stops nothing,
except in ``amend_spec``, where it refuses the container.
"""

from __future__ import annotations

from ..model.container import Container
from ..model.event import Event
from .markers import hookspec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

GROUP = "polypod.observer.v1"


@hookspec()
def observe_assembled(drivers: dict[str, str]) -> None:
    """The engine is put together; ``drivers`` maps each group to the chosen name."""


@hookspec()
def observe_event(event: Event) -> None:
    """Something happened; called after the fact, in the process that did it."""


@hookspec()
def amend_spec(container: Container, spec: dict[str, Any]) -> None:
    """A last word on a container's OCI runtime spec: change the document in place."""
