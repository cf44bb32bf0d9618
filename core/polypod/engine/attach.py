"""``attach`` and ``start --attach``."""

from __future__ import annotations

from ..errors import InvalidState, NoSuchContainer
from .cleanup import cleanup
from .locking import ContainerLock
from .owner import Owner
from .proxy import SignalProxy
from .run import DETACHED, attend, wait_for_exit
from .start import ready
from .sync import refresh

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model.container import Container
    from ..model.runtime import AttachStreams
    from .runtime import Runtime


def attach(
    rt: Runtime, container_id: str, streams: AttachStreams, *, proxy_signals: bool
) -> int:
    """Connect to a running container until it ends; its exit code or ``DETACHED``."""
    container = rt.records.containers.get(container_id)
    state = refresh(rt, container_id, rt.records.containers.state(container_id)[0])
    if state.status not in ("running", "created"):
        raise InvalidState("you can only attach to running containers")
    with SignalProxy(rt, container, proxy_signals):
        if rt.monitor.attach(container.run_dir, streams) == "detached":
            return DETACHED
        return wait_for_exit(rt, container_id)


def start_attached(
    rt: Runtime, container: Container, streams: AttachStreams, *, proxy_signals: bool
) -> int:
    """Start a container with its output connected, or attach when it runs already."""
    with ContainerLock(rt, container.id):
        state = refresh(rt, container.id, rt.records.containers.state(container.id)[0])
        running = state.status == "running"
        if not running:
            owner = Owner(rt, container.id)
            owner.take()
            try:
                state = ready(rt, container, state.evolve(restart_count=0))
            except BaseException:
                owner.release()
                raise
    if running:
        return attach(rt, container.id, streams, proxy_signals=proxy_signals)
    return attend(rt, container, state, streams, proxy_signals=proxy_signals)


def settle_after(rt: Runtime, container_id: str) -> None:
    """Clean up when the container has ended and nobody else did."""
    try:
        cleanup(rt, container_id)
    except NoSuchContainer:
        return
