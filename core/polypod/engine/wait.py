"""``wait``: block until a container is as asked for."""

from __future__ import annotations

import time

from ..errors import NoSuchContainer, Timeout
from .exits import noted
from .states import LIVE, shown
from .sync import refresh

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..model.container import ContainerState
    from .runtime import Runtime

#: Conditions that an ended container fulfils.
ENDED = ("exited", "stopped")
#: Seconds between two looks for a container that is not there yet.
_LOOK = 0.1


def wait(
    rt: Runtime, container_id: str, conditions: tuple[str, ...] = ENDED, interval: float = 0.25
) -> int:
    """Wait for one of the conditions and return the exit code, -1 when that is none.

    Conditions are states as shown by ``ps`` (configured, created, exited, initialized,
    paused, removing, running, stopped, stopping, unknown) or ``removed``. The end of a running container
    is awaited without polling; other changes are looked for every ``interval`` seconds.
    """
    while True:
        try:
            state = refresh(rt, container_id, rt.records.containers.state(container_id)[0])
        except NoSuchContainer:
            code = noted(rt, container_id)
            if code is None and "removed" not in conditions:
                raise
            return -1 if code is None else code
        if conditions == ENDED and state.status in ("configured", "creating"):
            return state.exit_code  # it never ran, so there is nothing to wait for
        if _fulfilled(state, conditions):
            return state.exit_code if state.status in ("stopped", "exited", "removing") else -1
        if state.status in LIVE and any(name in ENDED for name in conditions):
            rt.monitor.wait(
                container_id, rt.exit_dir, rt.persist_dir(container_id), state.conmon_pid,
                -1.0 if conditions == ENDED else interval,
            )
        else:
            time.sleep(interval)


def wait_first(
    rt: Runtime, ids: Sequence[str], conditions: tuple[str, ...] = ENDED, interval: float = 0.25
) -> int:
    """:func:`wait` for whichever of several containers is first to fulfil a condition."""
    while True:
        for container_id in ids:
            try:
                state = refresh(rt, container_id, rt.records.containers.state(container_id)[0])
            except NoSuchContainer:
                return wait(rt, container_id, conditions)
            if _fulfilled(state, conditions):
                return wait(rt, container_id, conditions)
        time.sleep(interval)


def until_running(rt: Runtime, name: str, seconds: float) -> str:
    """Wait until a container of this name or ID is there and runs; return its full ID.

    Raises ``Timeout`` when that takes longer than ``seconds``.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            container_id = rt.records.containers.find(name)
            if rt.records.containers.state(container_id)[0].status == "running":
                return container_id
        except NoSuchContainer:
            pass  # it may be made yet
        if time.monotonic() > deadline:
            raise Timeout(f"timed out waiting for container: {name}")
        time.sleep(_LOOK)


def _fulfilled(state: ContainerState, conditions: tuple[str, ...]) -> bool:
    if state.status in ("stopped", "exited"):
        return any(name in ENDED for name in conditions)
    names = {state.status, shown(state.status)}
    return any(name in names for name in conditions)
