"""``container cleanup``: give back what a container's run used, once, whoever comes first."""

from __future__ import annotations

import os

from ..errors import NoSuchContainer
from ..kit.background import Background
from ..model.container import ContainerState
from .events import emit_container
from .locking import ContainerLock
from .states import LIVE
from .sync import MONITOR_LOST, refresh
from .tree import remove_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model.container import Container
    from .runtime import Runtime


def cleanup(rt: Runtime, container_id: str) -> int:
    """Clean up after an ended container, restart it or remove it, as its policy says.

    Called by the monitor's exit command and by whoever waited in the foreground;
    the second comer finds nothing to do. Returns the exit code.
    """
    with ContainerLock(rt, container_id):
        container = rt.records.containers.get(container_id)
        state = refresh(rt, container_id, rt.records.containers.state(container_id)[0])
        if state.status in LIVE:
            return state.exit_code
        if not (container.lifecycle.remove and state.status in ("stopped", "exited")):
            state = settle(rt, container, state)
            if should_restart(container, state):
                _restart(rt, container, state)
            return state.exit_code
        from .remove import remove_locked

        remove_locked(rt, container, state, volumes=True)
    if container.lifecycle.remove_image:
        _remove_image(rt, container)
    return state.exit_code


def _remove_image(rt: Runtime, container: Container) -> None:
    """--rmi; that another container uses the image is what its "unless" means, but it is told."""
    from ..kit.log import warning
    from .images_remove import RemoveOptions, remove_images

    name = container.image.name or container.image.id
    _, errors = remove_images(rt, [name], RemoveOptions(ignore=True))
    for error in errors:
        warning(f"Failed to remove image: {error}")


def settle(rt: Runtime, container: Container, state: ContainerState) -> ContainerState:
    """Take down what an ended container still holds and store it as ``exited``; lock held."""
    if state.status in LIVE or (state.cleaned and state.status != "stopped"):
        return state
    if state.status == "stopped":
        # Written before: a crash from here on is finished by the next command.
        rt.records.containers.set_state(container.id, state)
        emit_container(
            rt, "died", container, exit_code=state.exit_code, oom_killed=state.oom_killed or None
        )
    if state.error == MONITOR_LOST:
        end_monitor(container.id, state.conmon_pid)
    take_down(rt, container, state)
    if state.status == "stopped":
        state = state.evolve(status="exited")
    state = state.evolve(
        pid=0, pid_start=0, conmon_pid=0, boot_id="", mountpoint="", netns="", networks=(), cleaned=True
    )
    rt.records.containers.set_state(container.id, state)
    forget_exit(rt, container.id)
    emit_container(rt, "cleanup", container)
    return state


def take_down(rt: Runtime, container: Container, state: ContainerState) -> None:
    """Runtime state, mounts, network, namespace: each step may be repeated.

    The runtime's own clean-up runs beside ours: the container's process is dead, so
    they do not meet. A live one (``rm`` by force of a damaged container) is deleted first.
    """
    deleting = None
    if not state.cleaned:
        if state.status in LIVE:
            runtime_of(rt, container).delete(container.id, True)
        else:
            deleting = delete_in_runtime(rt, container)
    try:
        if state.netns or state.networks:
            from .network import disconnect

            disconnect(rt, container, state)
        unmount(rt, container)
    finally:
        if deleting is not None:
            deleting.result()


def end_monitor(container_id: str, pid: int) -> None:
    """Kill a monitor that hangs: its container has ended and it did not say how."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read().split(b"\0")
        if container_id.encode() in words:  # else the PID is another process' by now
            os.kill(pid, 9)
    except (FileNotFoundError, ProcessLookupError):
        return


def delete_in_runtime(rt: Runtime, container: Container) -> Background[bool]:
    """Let the runtime forget an ended container, beside the caller."""
    return Background(runtime_of(rt, container).delete, container.id, True)


def unmount(rt: Runtime, container: Container) -> None:
    """Unmount the container's root file system and its own small mounts."""
    from .mounts import release_mounts

    release_mounts(rt, container)
    if container.image.id:
        try:
            rt.store.unmount_container(container.id, force=True)
        except NoSuchContainer:
            return  # a create that failed before it had a layer


def forget_exit(rt: Runtime, container_id: str) -> None:
    """Remove the monitor's notes: the state has them now."""
    for path in (os.path.join(rt.exit_dir, container_id), os.path.join(rt.run_dir(container_id), "owner")):
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
    remove_tree(rt.persist_dir(container_id))


def runtime_of(rt: Runtime, container: Container):  # type: ignore[no-untyped-def]
    """The OCI runtime with which the container was made."""
    chosen = container.runtime_path or container.runtime
    if not chosen or chosen in (rt.composition.runtime_name, getattr(rt.composition, "runtime_path", "")):
        return rt.oci
    return rt.composition.runtime(chosen)


def should_restart(container: Container, state: ContainerState) -> bool:
    """Whether the restart policy asks for another run (podman-run(1) --restart)."""
    if state.stopped_by_user or state.status != "exited":
        return False
    policy = container.lifecycle.restart
    if policy in ("always", "unless-stopped"):
        return True
    if policy != "on-failure" or state.exit_code == 0:
        return False
    retries = container.lifecycle.restart_retries
    return retries == 0 or state.restart_count < retries


def _restart(rt: Runtime, container: Container, state: ContainerState) -> None:
    from .start import start_locked

    emit_container(rt, "restart", container)
    state = state.evolve(restart_count=state.restart_count + 1)
    start_locked(rt, container, state, keep_restart_count=True)
