"""``start``: run a container that exists."""

from __future__ import annotations

import time

from ..errors import InvalidState, RuntimeFailure
from ..model.container import ContainerState
from .cleanup import runtime_of, settle
from .events import emit_container
from .init import init_locked
from .locking import ContainerLock
from .sync import refresh

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model.container import Container
    from .runtime import Runtime


def start(rt: Runtime, container_id: str) -> bool:
    """Start a container and, before it, those that it depends on; False when it runs already.

    Raises ``InvalidState`` for a paused one or one that is being removed, and
    ``RuntimeFailure`` when the runtime cannot start it.
    """
    with ContainerLock(rt, container_id):
        container = rt.records.containers.get(container_id)
        state = refresh(rt, container_id, rt.records.containers.state(container_id)[0])
        if state.status == "running":
            return False
        start_locked(rt, container, state)
        return True


def ready(rt: Runtime, container: Container, state: ContainerState) -> ContainerState:
    """Bring a container to ``created`` from whatever it is; lock held."""
    if state.status in ("paused", "stopping", "removing", "creating"):
        raise InvalidState(
            f'container {container.id} is {state.status}: '
            "must be in Created or Stopped state to be started: container state improper"
        )
    if state.status == "created":
        return state
    start_dependencies(rt, container)
    state = settle(rt, container, state)
    return init_locked(rt, container, state)


def start_dependencies(rt: Runtime, container: Container) -> None:
    """Start what the container's namespaces or ``--requires`` need."""
    for needed in container.depends:
        start(rt, needed)


def start_locked(
    rt: Runtime, container: Container, state: ContainerState, *, keep_restart_count: bool = False
) -> ContainerState:
    """Initialize and start; the lock is held."""
    if not keep_restart_count:
        state = state.evolve(restart_count=0)
    return begin(rt, container, ready(rt, container, state))


def begin(rt: Runtime, container: Container, state: ContainerState) -> ContainerState:
    """Let an initialized container's process run; lock held."""
    runtime = runtime_of(rt, container)
    try:
        runtime.start(container.id)
    except RuntimeFailure:
        # An earlier start may have been killed between the runtime and the record.
        if runtime.state(container.id).status != "running":
            _abandon(rt, container, state)
            raise
    state = state.evolve(status="running", started_at=time.time())
    rt.records.containers.set_state(container.id, state)
    emit_container(rt, "start", container)
    return state


def _abandon(rt: Runtime, container: Container, state: ContainerState) -> None:
    settle(rt, container, state.evolve(status="stopped", exit_code=125, finished_at=time.time()))
