"""``container prune``: remove what does not run."""

from __future__ import annotations

from ..errors import NoSuchContainer, PolypodError
from .filters import prune_matcher
from .listing import list_containers
from .remove import remove
from .sweep import sweep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .runtime import Runtime

#: States, as shown, of containers that a prune takes.
PRUNABLE = ("created", "initialized", "exited", "stopped")


def prune_containers(rt: Runtime, filters: list[str]) -> tuple[list[str], list[Exception]]:
    """Remove all containers that neither run nor are paused; their IDs and the errors."""
    matches = prune_matcher(rt, filters)
    removed: list[str] = []
    errors: list[Exception] = []
    for row in list_containers(rt):
        if row.state not in PRUNABLE or row.id in removed or not matches(row):
            continue
        try:
            removed += remove(rt, row.id)
        except NoSuchContainer:
            continue
        except PolypodError as error:
            errors.append(error)
    sweep(rt)
    return removed, errors
