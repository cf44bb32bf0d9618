"""``stop``: ask a container to end, then make it."""

from __future__ import annotations

from ..errors import InvalidState, RuntimeFailure
from ..kit.log import warning
from ..model.container import ContainerState
from .cleanup import runtime_of, settle
from .events import emit_container
from .locking import ContainerLock
from .owner import Owner
from .processes import alive
from .sync import refresh

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model.container import Container
    from .runtime import Runtime

SIGKILL = 9


def stop(
    rt: Runtime, container_id: str, timeout: int | None = None, *, keep: bool = False
) -> bool:
    """Stop a container; False when it was not running.

    ``timeout``: seconds between the stop signal and SIGKILL, -1 waits for ever,
    None takes the container's own. ``keep`` leaves the cleaning up, and the note that
    this process will do it, to the caller. Raises ``InvalidState`` for a state that
    cannot be stopped.
    """
    with ContainerLock(rt, container_id):
        container = rt.records.containers.get(container_id)
        state = refresh(rt, container_id, rt.records.containers.state(container_id)[0])
        if state.status in ("configured", "stopped", "exited", "creating"):
            settle(rt, container, state)
            return False
        if state.status not in ("running", "stopping", "created", "paused"):
            raise InvalidState(
                f"can only stop created or running containers. {container_id} is in state "
                f"{state.status}: container state improper"
            )
        if state.status == "paused":
            runtime_of(rt, container).resume(container_id)
        state = state.evolve(status="stopping", stopped_by_user=True)
        rt.records.containers.set_state(container_id, state)
        owner = Owner(rt, container_id)
        owner.take()
    # Without its monitor nobody learns how the process ends.
    unwatched = state.conmon_pid > 0 and not alive(state.conmon_pid, 0)
    try:
        terminate(rt, container, state, container.lifecycle.stop_timeout if timeout is None else timeout)
    finally:
        if not keep:
            finish(rt, container_id)
            owner.release()
    if unwatched and not keep:
        raise RuntimeFailure(
            f"container {container_id} conmon exited prematurely, exit code could not be "
            "retrieved: conmon process killed"
        )
    return True


def terminate(rt: Runtime, container: Container, state: ContainerState, timeout: int) -> None:
    """Signal, wait, kill; returns when the process has ended."""
    runtime = runtime_of(rt, container)
    if timeout != 0:
        signal_process(runtime, container.id, container.lifecycle.stop_signal)
        if _ended(rt, container.id, state, float(timeout)):
            return
        warning(
            f"StopSignal {_signal_name(container.lifecycle.stop_signal)} failed to stop "
            f"container {container.name} in {timeout} seconds, resorting to SIGKILL"
        )
    signal_process(runtime, container.id, SIGKILL, all_processes=_shares_pids(container))
    if not _ended(rt, container.id, state, 30.0):
        raise RuntimeFailure(
            f"container {container.name} did not end within 30 s of SIGKILL; "
            "its process may hang in the kernel"
        )


def signal_process(runtime, container_id: str, number: int, *, all_processes: bool = False) -> bool:  # type: ignore[no-untyped-def]
    """Send a signal; False when there is no process any more."""
    return bool(runtime.kill(container_id, number, all_processes))


def finish(rt: Runtime, container_id: str) -> None:
    """Clean up after the end, or remove, unless somebody else did."""
    from ..errors import NoSuchContainer
    from .cleanup import cleanup

    try:
        cleanup(rt, container_id)
    except NoSuchContainer:
        return


def emit_stop(rt: Runtime, container: Container) -> None:
    """Note the stop."""
    emit_container(rt, "stop", container)


def _ended(rt: Runtime, container_id: str, state: ContainerState, timeout: float) -> bool:
    if rt.monitor.wait(container_id, rt.exit_dir, rt.persist_dir(container_id), state.conmon_pid, timeout):
        return True
    return not alive(state.pid, state.pid_start)


def _shares_pids(container: Container) -> bool:
    # Without a PID namespace of its own the first process' death does not end the others.
    return container.namespaces.pid not in ("", "private")


def _signal_name(number: int) -> str:
    from .signals import signal_name

    return signal_name(number)
