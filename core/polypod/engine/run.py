"""``run``: create, start, attach, wait and clean up, with as little waiting as possible."""

from __future__ import annotations

from ..errors import NoSuchContainer
from ..model.runtime import AttachStreams
from .cleanup import cleanup
from .create import create_locked
from .ids import new_id
from .locking import ContainerLock
from .owner import Owner
from .start import begin, ready

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..model.container import Container, ContainerCreate, ContainerState
    from .runtime import Runtime

DETACHED = -2


def run(
    rt: Runtime,
    request: ContainerCreate,
    streams: AttachStreams | None,
    *,
    on_created: Callable[[Container], None] | None = None,
    proxy_signals: bool = False,
) -> tuple[Container, int]:
    """Run a new container; ``(container, exit code)``, ``DETACHED`` when nobody waits.

    Without ``streams`` it is left running in the background. ``on_created`` is told
    the container before it starts (for --cidfile). A container that could not
    be started stays behind unless it was made with ``remove``.
    """
    container_id = new_id()
    owner = Owner(rt, container_id)
    with ContainerLock(rt, container_id):
        container = create_locked(rt, request, container_id)
        try:
            if on_created is not None:
                on_created(container)
            foreground = streams is not None and container.lifecycle.restart == "no"
            if foreground:
                owner.take()
            state = ready(rt, container, rt.records.containers.state(container_id)[0])
            if streams is None:
                begin(rt, container, state)
                return container, DETACHED
        except BaseException:
            _give_up(rt, container)
            raise
        if container.log.driver == "passthrough":
            begin(rt, container, state)
    code = attend(rt, container, state, streams, proxy_signals=proxy_signals, locked=False)
    return container, code


def _give_up(rt: Runtime, container: Container) -> None:
    if container.lifecycle.remove:
        from .remove import remove_locked

        state, _ = rt.records.containers.state(container.id)
        remove_locked(rt, container, state, volumes=True, force=True)


def attend(
    rt: Runtime,
    container: Container,
    state: ContainerState,
    streams: AttachStreams,
    *,
    proxy_signals: bool,
    locked: bool = False,
) -> int:
    """Attach to an initialized container, start it, wait for its end and clean up.

    Returns its exit code or ``DETACHED``.
    """
    from .proxy import SignalProxy

    owner = Owner(rt, container.id)
    with SignalProxy(rt, container, proxy_signals):
        if container.log.driver != "passthrough":
            outcome = rt.monitor.attach(
                container.run_dir, streams, lambda: _start_attached(rt, container)
            )
            if outcome == "detached":
                owner.release()
                _clean_if_ended(rt, container.id)
                return DETACHED
        code = wait_for_exit(rt, container.id)
    if container.lifecycle.restart != "no":
        return code
    try:
        return cleanup(rt, container.id)
    except NoSuchContainer:
        return code


def _start_attached(rt: Runtime, container: Container) -> None:
    with ContainerLock(rt, container.id):
        state, _ = rt.records.containers.state(container.id)
        try:
            begin(rt, container, state)
        except BaseException:
            if container.lifecycle.remove:
                _give_up(rt, container)
            raise


def wait_for_exit(rt: Runtime, container_id: str) -> int:
    """The exit code once the container has ended, also when somebody else removed it meanwhile."""
    from .wait import wait

    return wait(rt, container_id)


def _clean_if_ended(rt: Runtime, container_id: str) -> None:
    """The container may have ended while we were its owner: then the exit command did nothing."""
    from .states import LIVE
    from .sync import refresh

    try:
        state = refresh(rt, container_id, rt.records.containers.state(container_id)[0])
        if state.status not in LIVE:
            cleanup(rt, container_id)
    except NoSuchContainer:
        return
