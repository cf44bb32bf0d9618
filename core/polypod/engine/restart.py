"""``restart``: stop, then start."""

from __future__ import annotations

from .start import start
from .stop import stop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .runtime import Runtime


def restart(rt: Runtime, container_id: str, timeout: int | None = None) -> None:
    """Stop a running container and start it again; start one that does not run."""
    stop(rt, container_id, timeout)
    start(rt, container_id)
