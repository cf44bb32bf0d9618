"""Spawn conmon and learn what became of the container."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import os

from polypod.errors import PolypodError, RuntimeFailure
from polypod.kit.background import Background
from polypod.kit.oci_cli import small_env
from polypod.kit.oci_errors import runtime_error
from polypod.kit.spawn import run, spawn
from polypod.model.runtime import MonitorStarted

from . import arguments
from .cgroup import enter
from .sync import SyncPipe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from polypod.model.runtime import MonitorStart

#: The exit command is polypod again: it must find the same configuration.
_CONFIGURATION = (
    "CONTAINERS_CONF",
    "CONTAINERS_CONF_OVERRIDE",
    "CONTAINERS_STORAGE_CONF",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
)


class Conmon:
    """One conmon process, from its spawn to its first report."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        runtime: str,
        oci_log: str,
        cwd: str,
        env: Mapping[str, str],
        stdio: tuple[int, int, int] = (-1, -1, -1),
        keep: Sequence[int] = (),
        pipes: Mapping[str, int] | None = None,
    ) -> None:
        """Start it. ``pipes`` maps variables such as ``_OCI_STARTPIPE`` to descriptors it gets.

        ``runtime`` and ``oci_log`` tell whose failures to expect, and where they are written.
        """
        self.runtime = runtime
        self.oci_log = oci_log
        given = dict(pipes or {})
        sync_r, given["_OCI_SYNCPIPE"] = os.pipe2(os.O_CLOEXEC)
        err_r, err_w = os.pipe2(os.O_CLOEXEC)
        environment = {**small_env(), **_configuration(), **env}
        for name, fd in given.items():
            environment[name] = str(fd)
        try:
            self.pid = spawn(
                argv,
                env=environment,
                cwd=cwd,
                stdin=stdio[0],
                stdout=stdio[1],
                stderr=err_w if stdio[2] < 0 else stdio[2],
                keep=(*keep, *given.values()),
                new_session=True,
            )
        except OSError as error:
            os.close(sync_r)
            os.close(err_r)
            raise RuntimeFailure(f"cannot start {argv[0]}: {error.strerror}") from error
        finally:
            os.close(err_w)
            os.close(given["_OCI_SYNCPIPE"])
        self.sync = SyncPipe(sync_r)
        self._stderr = err_r

    def report(self, timeout: float) -> dict[str, Any]:
        """The next report; a conmon that ends without one is an error.

        The words are the runtime's where it left any, and else conmon's own.
        """
        report = self.sync.read(timeout)
        if report:
            return report
        if _written(self.oci_log):
            raise self.failure("")
        raise RuntimeFailure(f"conmon failed: {self._said() or 'it ended without a word'}")

    def failure(self, message: str) -> RuntimeFailure:
        """The runtime's error; ``message`` is what conmon read from its stderr."""
        return runtime_error(self.runtime, _written(self.oci_log) or message)

    def _said(self) -> str:
        """What conmon wrote to stderr, its prefixes cut off."""
        os.set_blocking(self._stderr, False)
        try:
            text = os.read(self._stderr, 8192).decode(errors="replace")
        except BlockingIOError:
            text = ""
        lines = [line.strip().removeprefix("[conmon:e]: ") for line in text.splitlines()]
        return "; ".join(line for line in lines if line)

    def close(self) -> None:
        """Close our ends of the pipes; conmon goes on."""
        self.sync.close()
        if self._stderr >= 0:
            os.close(self._stderr)
            self._stderr = -1

    def kill(self) -> None:
        """End conmon (not the container) and wait for its end."""
        self.close()
        try:
            os.kill(self.pid, _signal.SIGKILL)
            os.waitpid(self.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            return  # it has ended and somebody else has reaped it


class Starting:
    """A container on its way: calling it waits until it is created; ``cancel`` gives it up.

    conmon waits at its start pipe until :meth:`release`. Meanwhile it is moved into its
    cgroup, in a thread: the kernel makes the first writer of ``cgroup.procs`` wait for an
    RCU grace period, some 10 ms, in which the engine can mount and write the bundle.
    """

    def __init__(self, path: str, request: MonitorStart, log_level: str, timeout: float) -> None:
        self.request = request
        self.timeout = timeout
        _prepare(request)
        start_r, self._start_w = os.pipe2(os.O_CLOEXEC)
        self._moving: Background[bool] | None = None
        passthrough = request.log_driver.startswith("passthrough")
        try:
            self.conmon = Conmon(
                arguments.create(path, request, log_level),
                runtime=os.path.basename(request.runtime_argv[0]),
                oci_log=arguments.oci_log(request.run_dir),
                cwd=request.bundle,
                env=_listen(request),
                stdio=(0, 1, 2) if passthrough else (-1, -1, -1),
                keep=request.inherit_fds or range(3, 3 + request.preserve_fds + request.listen_fds),
                pipes={"_OCI_STARTPIPE": start_r},
            )
        except BaseException:
            os.close(self._start_w)
            raise
        finally:
            os.close(start_r)
        if request.cgroup_parent:
            self._moving = Background(enter, request.cgroup_parent, self.conmon.pid)
        if request.conmon_pidfile:
            with open(request.conmon_pidfile, "w", encoding="utf-8") as file:
                file.write(str(self.conmon.pid))

    @property
    def monitor_pid(self) -> int:
        """conmon's PID, known at once."""
        return self.conmon.pid

    def release(self) -> None:
        """Let conmon go: the bundle is complete. The end of the start pipe is what it waits for."""
        if self._start_w >= 0:
            os.close(self._start_w)
            self._start_w = -1

    def __call__(self) -> MonitorStarted:
        """Wait for the outcome; see ``monitor_start``."""
        self.release()
        # What a foreground start needs next, loaded while the runtime is at work.
        from polypod.kit import attach, tty  # noqa: F401

        try:
            report = self.conmon.report(self.timeout)
            pid = int(report.get("data", -1))
            if pid <= 0:
                raise self.conmon.failure(str(report.get("message", "")))
        except PolypodError:
            self.cancel()
            raise
        self.conmon.close()
        if self._moving is not None:
            self._moving.result()
        return MonitorStarted(pid=pid, monitor_pid=self.conmon.pid)

    def cancel(self) -> None:
        """End the monitor and whatever the runtime has made of the container by now."""
        self.conmon.kill()
        if self._start_w >= 0:
            # It never went: there is nothing of the runtime's to delete.
            os.close(self._start_w)
            self._start_w = -1
            return
        command = self.request.runtime_argv
        run((*command, "delete", "--force", self.request.id), env=small_env(), timeout=60)


def _written(path: str) -> str:
    """A runtime's log file; empty when it wrote none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(1 << 16)
    except OSError:
        return ""


def _prepare(request: MonitorStart) -> None:
    """Remove what an earlier life of the container has left, make what conmon needs.

    conmon puts its socket and fifos into the bundle; links make them known in
    ``run_dir``, by which attach and resize find them.
    """
    for directory in (request.run_dir, request.exit_dir, request.persist_dir):
        os.makedirs(directory, mode=0o700, exist_ok=True)
    stale = [f"{request.exit_dir}/{request.id}", arguments.oci_log(request.run_dir)]
    stale += [f"{request.persist_dir}/{name}" for name in ("exit", "oom")]
    stale.append(f"{request.bundle}/oom")
    for path in stale:
        unlink(path)
    if request.run_dir != request.bundle:
        for name in ("attach", "ctl"):
            unlink(f"{request.run_dir}/{name}")
            os.symlink(f"{request.bundle}/{name}", f"{request.run_dir}/{name}")


def unlink(path: str) -> None:
    """Remove a file that may be absent."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def _listen(request: MonitorStart) -> dict[str, str]:
    env = dict(request.env)
    if request.listen_fds > 0:
        env["LISTEN_FDS"] = str(request.listen_fds)
        env["LISTEN_PID"] = str(os.getpid())
    return env


def _configuration() -> dict[str, str]:
    return {name: os.environ[name] for name in _CONFIGURATION if name in os.environ}
