"""``restart``: stop, then start."""

from __future__ import annotations

from .cleanup import settle
from .locking import ContainerLock
from .owner import Owner
from .start import start_locked
from .stop import stop
from .sync import refresh

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .runtime import Runtime


def restart(rt: Runtime, container_id: str, timeout: int | None = None) -> None:
    """Stop a running container and start it again; start one that does not run.

    A ``--rm`` container stays: it is taken down and started under one lock, so
    that no cleanup finds it stopped.
    """
    owner = Owner(rt, container_id)
    try:
        stop(rt, container_id, timeout, keep=True)
        with ContainerLock(rt, container_id):
            container = rt.records.containers.get(container_id)
            state = refresh(rt, container_id, rt.records.containers.state(container_id)[0])
            if state.status == "running":
                return
            state = settle(rt, container, state)
            # The new life is not ours: when it ends, the exit command is to clean up.
            owner.release()
            start_locked(rt, container, state)
    finally:
        owner.release()
