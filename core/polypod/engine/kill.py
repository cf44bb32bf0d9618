"""``kill``, ``pause`` and ``unpause``: act on a running container's processes."""

from __future__ import annotations

from ..errors import InvalidState, NoSuchContainer
from .cleanup import runtime_of
from .events import emit_container
from .locking import ContainerLock
from .states import shown
from .sync import refresh

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .runtime import Runtime


def kill(rt: Runtime, container_id: str, number: int) -> None:
    """Send a signal to the first process; raises ``InvalidState`` when it does not run."""
    container = rt.records.containers.get(container_id)
    state = refresh(rt, container_id, rt.records.containers.state(container_id)[0])
    if state.status not in ("running", "paused", "stopping"):
        raise InvalidState(
            f"can only kill running containers. {container_id} is in state "
            f"{shown(state.status)}: container state improper"
        )
    # Before the signal: whoever kills a container does not want its restart policy to bring it back.
    _note_user(rt, container_id)
    if not runtime_of(rt, container).kill(container_id, number, False):
        raise InvalidState(
            f"can only kill running containers. {container_id} is in state exited: "
            "container state improper"
        )
    emit_container(rt, "kill", container)


def _note_user(rt: Runtime, container_id: str) -> None:
    try:
        with ContainerLock(rt, container_id):
            state, _ = rt.records.containers.state(container_id)
            rt.records.containers.set_state(container_id, state.evolve(stopped_by_user=True))
    except NoSuchContainer:
        return  # a --rm container, and it went at once


def pause(rt: Runtime, container_id: str) -> None:
    """Freeze a running container."""
    _switch(rt, container_id, "pause", "running", "paused")


def unpause(rt: Runtime, container_id: str) -> None:
    """Thaw a paused container."""
    _switch(rt, container_id, "unpause", "paused", "running")


def _switch(rt: Runtime, container_id: str, verb: str, before: str, after: str) -> None:
    with ContainerLock(rt, container_id):
        container = rt.records.containers.get(container_id)
        state = refresh(rt, container_id, rt.records.containers.state(container_id)[0])
        if state.status != before:
            raise InvalidState(
                f'"{shown(state.status)}" is not {before}, can\'t {verb}: container state improper'
            )
        runtime = runtime_of(rt, container)
        (runtime.pause if verb == "pause" else runtime.resume)(container_id)
        rt.records.containers.set_state(container_id, state.evolve(status=after))
        emit_container(rt, verb, container)
