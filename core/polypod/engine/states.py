"""The words for a container's status."""

from __future__ import annotations

#: Statuses in which a process of the container should exist.
LIVE = ("created", "running", "paused", "stopping")

_SHOWN = {
    "configured": "created",
    "creating": "created",
    "created": "initialized",
    "stopped": "exited",
}


def shown(status: str) -> str:
    """A stored status in the words that users see."""
    return _SHOWN.get(status, status)
