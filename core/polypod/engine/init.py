"""``init``: from a stored container to one that its OCI runtime has created.

Order: note what is about to be made, mount, network beside it, spec, monitor;
the container then waits for ``start``.
"""

from __future__ import annotations

import os

from ..errors import InvalidState, PolypodError
from ..kit.background import Background
from ..model.container import ContainerState
from ..model.runtime import MonitorStart
from . import network
from .cleanup import runtime_of, settle
from .events import emit_container
from .locking import ContainerLock
from .processes import start_time
from .states import LIVE
from .sync import refresh
from .tree import remove_tree

TYPE_CHECKING = False
if TYPE_CHECKING:

    from ..model.container import Container, NetworkResult
    from .runtime import Runtime

# Run by the monitor when the container has ended. A foreground `run` that still
# waits cleans up by itself: then nothing more is started. $0 is its PID file.
EXIT_SCRIPT = 'if read -r p <"$0" && kill -0 "$p"; then exit 0; fi 2>/dev/null; exec "$@"'


def init(rt: Runtime, container_id: str) -> None:
    """Create the container in its runtime without starting it (podman-init(1))."""
    with ContainerLock(rt, container_id):
        container = rt.records.containers.get(container_id)
        state = refresh(rt, container_id, rt.records.containers.state(container_id)[0])
        if state.status == "created":
            return
        if state.status in LIVE or state.status not in ("configured", "exited", "stopped"):
            raise InvalidState(
                f"container {container_id} has already been created in runtime: "
                "container state improper"
            )
        state = settle(rt, container, state)
        init_locked(rt, container, state)


def init_locked(rt: Runtime, container: Container, state: ContainerState) -> ContainerState:
    """Create the container in its runtime; the lock is held. Undoes everything when it fails."""
    if container.image.store:
        from .imagestores import require

        require(rt, container)
    state = state.evolve(
        cleaned=False,
        boot_id=rt.boot_id,
        netns=network.planned_netns(rt, container),
        error="",
        stopped_by_user=False,
    )
    # The last exit code stays until there is a new process: somebody may wait for it.
    # Written before anything is made: whatever happens now can be taken down from this record.
    rt.records.containers.set_state(container.id, state)
    try:
        return _create_in_runtime(rt, container, state)
    except BaseException as error:
        _undo(rt, container, state, error)
        raise


def _create_in_runtime(rt: Runtime, container: Container, state: ContainerState) -> ContainerState:
    from .prepare import prepare_rootfs, write_bundle

    # Sessions of an earlier run have ended with it.
    remove_tree(os.path.join(container.bundle, "exec"))
    held = _hold_ports(rt, container)
    connecting = None
    try:
        if state.netns:
            network.make_netns(rt, state.netns)
            if container.network.mode == "bridge":
                connecting = Background(network.connect, rt, container, state.netns)
        monitor = rt.monitor.prepare(monitor_request(rt, container, held))
        try:
            rootfs = prepare_rootfs(rt, container)
            state = state.evolve(mountpoint=rootfs)
            write_bundle(rt, container, state, rootfs)
            monitor.release()
            _import_ahead()
            if connecting is not None:
                state = state.evolve(networks=connecting.result())
                network.finish_etc_files(rt, container, state)
        except BaseException:
            monitor.cancel()
            raise
    finally:
        _settle(connecting)
        for fd in held:
            os.close(fd)  # the monitor has its own
    started = monitor()
    state = state.evolve(
        status="created",
        pid=started.pid,
        pid_start=start_time(started.pid),
        conmon_pid=started.monitor_pid,
        finished_at=0.0,
        exit_code=0,
        oom_killed=False,
    )
    _write_pidfiles(container, state)
    rt.records.containers.set_state(container.id, state)
    emit_container(rt, "init", container)
    return state


def _settle(connecting: Background[tuple[NetworkResult, ...]] | None) -> None:
    """Wait for the network's setup also after an error: what is half made cannot be taken down."""
    if connecting is not None:
        try:
            connecting.result()
        except PolypodError:
            return  # raised where the result was wanted, or less telling than the first error


def _import_ahead() -> None:
    """Import what comes next while the runtime works on another core: it saves some 3 ms of a run."""
    from . import proxy, remove, start, wait

    assert proxy and remove and start and wait  # imported for the sake of sys.modules


def _hold_ports(rt: Runtime, container: Container) -> tuple[int, ...]:
    """Bind the published ports, for the monitor to hold as long as it lives.

    Before the network is set up: its rules would take a port from whoever has it now.
    """
    options = container.network
    if (
        options.ports
        and options.mode == "bridge"
        and rt.settings.engine.enable_port_reservation
    ):
        from .ports import reserve

        return tuple(reserve(options.ports))
    return ()


def _undo(rt: Runtime, container: Container, state: ContainerState, error: BaseException) -> None:
    from .cleanup import take_down

    text = str(error)
    networks = tuple(state.networks)
    take_down(rt, container, state.evolve(networks=networks))
    rt.records.containers.set_state(
        container.id,
        state.evolve(
            status="configured",
            cleaned=True,
            boot_id="",
            netns="",
            mountpoint="",
            networks=(),
            error=text,
            exit_code=getattr(error, "exit_code", 125),
        ),
    )


def monitor_request(
    rt: Runtime, container: Container, held: tuple[int, ...] = ()
) -> MonitorStart:
    """Everything that the monitor is told about a container."""
    engine = rt.settings.engine
    log = container.log
    lifecycle = container.lifecycle
    return MonitorStart(
        id=container.id,
        name=container.name,
        bundle=container.bundle,
        run_dir=container.run_dir,
        exit_dir=rt.exit_dir,
        persist_dir=rt.persist_dir(container.id),
        runtime_argv=runtime_of(rt, container).command(),
        exit_command=exit_command(rt, container.id, container.run_dir),
        exit_delay=0,
        log_driver=log.driver,
        log_path=log.path,
        log_size_max=log.max_size,
        log_tag=log.tag,
        terminal=container.process.terminal,
        stdin=container.process.stdin,
        preserve_fds=max(container.process.inherit_fds, default=2) - 2,
        systemd_cgroup=engine.cgroup_manager == "systemd",
        cgroup_parent=_monitor_cgroup(container),
        no_pivot=engine.no_pivot_root,
        log_level=rt.settings.log_level or "warning",
        timeout=lifecycle.timeout,
        inherit_fds=(*container.process.inherit_fds, *held),
        conmon_pidfile=lifecycle.conmon_pidfile or os.path.join(container.run_dir, "conmon.pid"),
    )


def _monitor_cgroup(container: Container) -> str:
    if container.cgroups in ("disabled", "no-conmon", "split"):
        return ""
    return container.cgroup_parent or "/libpod_parent"


def exit_command(rt: Runtime, container_id: str, run_dir: str) -> tuple[str, ...]:
    """The monitor's exit command: ``container cleanup`` unless somebody in the foreground does it."""
    return (
        "/bin/sh",
        "-c",
        EXIT_SCRIPT,
        os.path.join(run_dir, "owner"),
        *rt.cli_argv,
        "container",
        "cleanup",
        container_id,
    )


def _write_pidfiles(container: Container, state: ContainerState) -> None:
    if container.lifecycle.pidfile:
        with open(container.lifecycle.pidfile, "w", encoding="utf-8") as file:
            file.write(str(state.pid))
