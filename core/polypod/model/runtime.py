"""What passes between the engine, the monitor and the OCI runtime."""

from __future__ import annotations

from .struct import Struct


class RuntimeFeatures(Struct):
    """What an OCI runtime can do, as it says itself (``RUNTIME features``, ``--version``)."""

    name: str
    path: str
    version: str = ""  # first line of --version
    commands: tuple[str, ...] = ()  # optional ones: pause, resume, update, ps, checkpoint, restore
    annotations: dict[str, str] = {}
    raw: dict = {}  # type: ignore[type-arg]  # the features document, {} when the runtime has none


class RuntimeState(Struct):
    """``RUNTIME state ID`` (runtime-spec, State)."""

    status: str  # creating, created, running, stopped, paused
    pid: int = 0
    bundle: str = ""


class MonitorStart(Struct):
    """Everything a monitor needs to create a container in its OCI runtime."""

    id: str
    name: str
    bundle: str  # holds config.json
    run_dir: str  # volatile files: pidfile, attach socket, ctl fifo
    exit_dir: str  # the exit code is written to exit_dir/ID
    persist_dir: str
    runtime_argv: tuple[str, ...]  # OCI runtime and its global flags
    exit_command: tuple[str, ...] = ()  # run when the container has ended
    exit_delay: int = 0
    log_driver: str = "k8s-file"
    log_path: str = ""
    log_size_max: int = -1
    log_tag: str = ""
    terminal: bool = False
    stdin: bool = False
    leave_stdin_open: bool = False
    systemd_cgroup: bool = False
    cgroup_parent: str = ""  # where the monitor itself goes, "" = stay
    no_pivot: bool = False
    log_level: str = "warning"
    timeout: int = 0
    listen_fds: int = 0
    sdnotify_socket: str = ""
    conmon_pidfile: str = ""
    inherit_fds: tuple[int, ...] = ()  # kept open in the monitor under the same numbers
    preserve_fds: int = 0  # so many of them, from 3 on, go on to the container's process
    json_log: bool = True  # the runtime has --log and --log-format json
    env: dict[str, str] = {}


class MonitorExec(Struct):
    """An additional process in a running container (``exec``)."""

    container_id: str
    exec_id: str
    bundle: str  # the exec session's own directory
    container_bundle: str
    exit_dir: str
    persist_dir: str
    runtime_argv: tuple[str, ...]
    process_path: str  # process.json, a runtime-spec Process
    terminal: bool = False
    stdin: bool = False
    attach: bool = True
    exit_command: tuple[str, ...] = ()
    exit_delay: int = 0
    preserve_fds: int = 0  # so many descriptors, from 3 on, go on to the process
    inherit_fds: tuple[int, ...] = ()  # those of them that are open
    json_log: bool = True
    log_level: str = "warning"
    systemd_cgroup: bool = False
    env: dict[str, str] = {}


class MonitorStarted(Struct):
    """The monitor runs and the runtime has created the container (or the exec process runs)."""

    pid: int  # container's first process, or the exec process
    monitor_pid: int


class ExitStatus(Struct):
    """How a container's process ended."""

    exit_code: int
    finished_at: float
    oom_killed: bool = False


class AttachStreams(Struct):
    """File descriptors of the caller to connect to a container; -1 = not connected."""

    stdin: int = -1
    stdout: int = -1
    stderr: int = -1
    terminal: bool = False
    detach_keys: bytes = b""
