"""``exec``: one more process in a running container. Nothing of it goes into the state."""

from __future__ import annotations

import os

from ..errors import InvalidState
from ..kit.fastjson import dumps
from ..model.runtime import MonitorExec
from ..model.struct import Struct
from ..oci.runtime_spec import user_database
from ..oci.spec_process import spec_process
from .cleanup import runtime_of
from .events import emit_container
from .resolve import facts
from .sync import refresh
from .tree import remove_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model.container import Container
    from ..model.runtime import AttachStreams
    from .runtime import Runtime


class ExecRequest(Struct):
    """What to run (podman-exec(1))."""

    command: tuple[str, ...]
    env: dict[str, str] = {}
    workdir: str = ""
    user: str = ""
    terminal: bool = False
    stdin: bool = False
    privileged: bool = False
    inherit_fds: tuple[int, ...] = ()  # further file descriptors that the process gets


def exec_in(
    rt: Runtime, container_id: str, request: ExecRequest, streams: AttachStreams | None
) -> tuple[int, str]:
    """Run a process; ``(exit code, session ID)``, code 0 without ``streams`` once it runs.

    Raises ``InvalidState`` when the container does not run, ``CommandNotFound`` (127) and
    ``CommandNotExecutable`` (126).
    """
    container = rt.records.containers.get(container_id)
    state = refresh(rt, container_id, rt.records.containers.state(container_id)[0])
    if state.status != "running":
        raise InvalidState(
            "can only create exec sessions on running containers: container state improper"
        )
    session = os.urandom(32).hex()
    directory = os.path.join(exec_dir(container), session)
    os.makedirs(directory, 0o700)
    try:
        path = os.path.join(directory, "process.json")
        _write(path, exec_process(rt, container, state.mountpoint or container.image.rootfs, request))
        emit_container(rt, "exec", container, execID=session)
        _, code = rt.monitor.exec(_monitor_request(rt, container, request, session, path, streams), streams)
    except BaseException:
        remove_tree(directory)
        raise
    if streams is not None:
        remove_tree(directory)
    if streams is not None:
        emit_container(rt, "exec_died", container, exit_code=max(code, 0), execID=session)
    return max(code, 0), session


def exec_dir(container: Container) -> str:
    """Where a container's exec sessions have their directories, in podman's place."""
    return os.path.join(container.bundle, "exec")


def _monitor_request(
    rt: Runtime,
    container: Container,
    request: ExecRequest,
    session: str,
    path: str,
    streams: AttachStreams | None,
) -> MonitorExec:
    directory = os.path.dirname(path)
    return MonitorExec(
        container_id=container.id,
        exec_id=session,
        bundle=directory,
        container_bundle=container.bundle,
        exit_dir=directory if streams is not None else os.path.join(directory, "exit"),
        persist_dir=directory,
        runtime_argv=runtime_of(rt, container).command(),
        process_path=path,
        terminal=request.terminal,
        stdin=request.stdin,
        attach=streams is not None,
        preserve_fds=max(request.inherit_fds, default=2) - 2,
        inherit_fds=request.inherit_fds,
        # A detached session's directory goes when its process has ended.
        exit_command=() if streams is not None else ("/bin/rm", "-rf", directory),
        systemd_cgroup=rt.settings.engine.cgroup_manager == "systemd",
        log_level=rt.settings.log_level,
    )


def exec_process(
    rt: Runtime, container: Container, rootfs: str, request: ExecRequest
) -> dict[str, Any]:
    """The runtime-spec Process: the container's own, with what the request changes."""
    own = container.process
    environment = {**own.env, **request.env}
    if request.terminal:
        environment.setdefault("TERM", "xterm")
    process = own.evolve(
        entrypoint=(),
        command=request.command,
        env=environment,
        workdir=request.workdir or own.workdir,
        user=request.user or own.user,
        terminal=request.terminal,
        init=False,
    )
    security = container.security
    if request.privileged:
        security = security.evolve(privileged=True)
    changed = container.evolve(process=process, security=security)
    database = user_database(changed, rootfs)
    user = database.resolve(process.user)
    return spec_process(
        changed,
        rt.settings,
        facts(rt),
        database=database,
        user=user,
        hostname=container.hostname,
        console=_console(request),
    )


def _console(request: ExecRequest) -> tuple[int, int] | None:
    if not request.terminal:
        return None
    from ..kit.tty import window_size

    return window_size(0) if os.isatty(0) else None


def _write(path: str, document: dict[str, Any]) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, dumps(document).encode())
    finally:
        os.close(fd)
