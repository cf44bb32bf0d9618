"""Run one more process in a container: ``conmon --exec``.

Attached, the order is: conmon opens its attach socket and says so on the attach
pipe; we connect; we end the start pipe; only then the runtime runs, so that no output is lost.
"""

from __future__ import annotations

import os

from polypod.errors import PolypodError
from polypod.kit import attach
from polypod.kit.tty import on_resize

from . import arguments, control
from .starting import Conmon, unlink
from .sync import SyncPipe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket as Socket

    from polypod.model.runtime import AttachStreams, MonitorExec


def execute(
    path: str,
    request: MonitorExec,
    streams: AttachStreams | None,
    log_level: str,
    timeout: float,
) -> tuple[int, int, int]:
    """See ``monitor_exec``; the third number is conmon's PID."""
    os.makedirs(request.exit_dir, mode=0o700, exist_ok=True)
    os.makedirs(request.persist_dir, mode=0o700, exist_ok=True)
    unlink(arguments.oci_log(request.bundle))
    if streams is None:
        return _detached(path, request.evolve(attach=False), log_level, timeout)
    return _attached(path, request.evolve(attach=True), streams, log_level, timeout)


def _detached(
    path: str, request: MonitorExec, log_level: str, timeout: float
) -> tuple[int, int, int]:
    conmon = _start(path, request, log_level, {})
    try:
        return _pid(conmon, timeout), -1, conmon.pid
    finally:
        conmon.close()


def _start(path: str, request: MonitorExec, log_level: str, pipes: dict[str, int]) -> Conmon:
    return Conmon(
        arguments.execute(path, request, log_level),
        runtime=os.path.basename(request.runtime_argv[0]),
        oci_log=arguments.oci_log(request.bundle),
        cwd=request.bundle,
        env=request.env,
        keep=request.inherit_fds or range(3, 3 + request.preserve_fds),
        pipes=pipes,
    )


def _attached(
    path: str, request: MonitorExec, streams: AttachStreams, log_level: str, timeout: float
) -> tuple[int, int, int]:
    start_r, start_w = os.pipe2(os.O_CLOEXEC)
    attach_r, attach_w = os.pipe2(os.O_CLOEXEC)
    # conmon reads the start pipe twice: before anything else, and before the runtime.
    os.write(start_w, b"\0")
    ready = SyncPipe(attach_r)
    try:
        try:
            pipes = {"_OCI_STARTPIPE": start_r, "_OCI_ATTACHPIPE": attach_w}
            conmon = _start(path, request, log_level, pipes)
        finally:
            os.close(start_r)
            os.close(attach_w)
        try:
            return _session(conmon, request, streams, ready, start_w, timeout)
        finally:
            start_w = -1
            conmon.close()
    finally:
        ready.close()
        if start_w >= 0:
            os.close(start_w)


def _session(
    conmon: Conmon,
    request: MonitorExec,
    streams: AttachStreams,
    ready: SyncPipe,
    start_w: int,
    timeout: float,
) -> tuple[int, int, int]:
    """From conmon's readiness to the end; closes ``start_w``, which lets the runtime go."""
    sock = None
    try:
        if not ready.read(timeout):
            conmon.report(timeout)  # raises with conmon's own words
        sock = attach.connect(request.bundle)
    except PolypodError:
        conmon.kill()
        raise
    finally:
        if sock is None:
            os.close(start_w)
    terminal = streams.stdin if streams.stdin >= 0 else streams.stdout
    with on_resize(terminal if streams.terminal else -1, control.resizer(request.bundle)):
        os.close(start_w)
        pid = _pid(conmon, timeout, sock)
        if attach.pump(sock, streams) == "detached":
            return pid, -2, conmon.pid
    # The socket ends a moment before the exit code is reported.
    report = conmon.report(-1)
    return pid, int(report.get("data", -1)), conmon.pid


def _pid(conmon: Conmon, timeout: float, sock: Socket | None = None) -> int:
    """The new process's PID; the runtime's error when there is none."""
    try:
        report = conmon.report(timeout)
        pid = int(report.get("data", -1))
        if pid > 0:
            return pid
        raise conmon.failure(str(report.get("message", "")))
    except PolypodError:
        if sock is not None:
            sock.close()
        conmon.kill()
        raise
