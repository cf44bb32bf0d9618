"""conmon as polypod's monitor: one small C process beside each container."""

from __future__ import annotations

import os

from polypod.errors import DriverUnavailable
from polypod.model.struct import Struct
from polypod.spec.markers import hookimpl

from . import control

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import ClassVar

    from polypod.model.runtime import (
        AttachStreams,
        ExitStatus,
        MonitorExec,
        MonitorStart,
        MonitorStarted,
    )

    from .starting import Starting

_PLACES = (
    "/usr/libexec/podman/conmon",
    "/usr/local/libexec/podman/conmon",
    "/usr/local/lib/podman/conmon",
    "/usr/bin/conmon",
    "/usr/sbin/conmon",
    "/usr/local/bin/conmon",
    "/usr/local/sbin/conmon",
)
_LEVELS = {"warning": "warn", "warn": "warn", "panic": "fatal", "fatal": "fatal"}


class Conmon:
    """Monitor driver ``conmon``."""

    class Config(Struct):
        """The plugin's table in polypod.conf."""

        path: str = ""  # absolute path of conmon; empty: engine.conmon_path, then the usual places
        create_timeout: float = 240.0  # seconds for the runtime's create or exec

    def __init__(
        self,
        *,
        config: Conmon.Config | None = None,
        path: str = "",
        paths: Sequence[str] = (),
        log_level: str = "warning",
    ) -> None:
        self.config = config if config is not None else self.Config()
        self.path = _find(path or self.config.path, paths)
        self.log_level = _LEVELS.get(log_level, log_level)
        self._children: list[int] = []

    __slots__: ClassVar[tuple[str, ...]] = ("_children", "config", "log_level", "path")

    @hookimpl
    def monitor_start(self, request: MonitorStart) -> MonitorStarted:
        """See ``polypod.spec.monitor``."""
        return self.monitor_spawn(request)()

    @hookimpl
    def monitor_spawn(self, request: MonitorStart) -> Starting:
        """See ``polypod.spec.monitor``."""
        starting = self.monitor_prepare(request)
        starting.release()
        return starting

    @hookimpl
    def monitor_prepare(self, request: MonitorStart) -> Starting:
        """See ``polypod.spec.monitor``."""
        from .starting import Starting

        self._reap()
        starting = Starting(self.path, request, self.log_level, self.config.create_timeout)
        self._children.append(starting.monitor_pid)
        return starting

    @hookimpl
    def monitor_exec(self, request: MonitorExec, streams: AttachStreams | None) -> tuple[int, int]:
        """See ``polypod.spec.monitor``."""
        from .executing import execute

        self._reap()
        pid, code, monitor = execute(
            self.path, request, streams, self.log_level, self.config.create_timeout
        )
        self._children.append(monitor)
        self._reap()
        return pid, code

    @hookimpl
    def monitor_attach(
        self,
        run_dir: str,
        streams: AttachStreams,
        on_connected: Callable[[], None] | None,
    ) -> str:
        """See ``polypod.spec.monitor``."""
        from polypod.kit import attach
        from polypod.kit.tty import on_resize

        sock = attach.connect(run_dir)
        terminal = streams.stdin if streams.stdin >= 0 else streams.stdout
        with on_resize(terminal if streams.terminal else -1, control.resizer(run_dir)):
            try:
                if on_connected is not None:
                    on_connected()
            except BaseException:
                sock.close()
                raise
            return attach.pump(sock, streams)

    @hookimpl
    def monitor_resize(self, run_dir: str, rows: int, columns: int) -> bool:
        """See ``polypod.spec.monitor``."""
        return control.resize(run_dir, rows, columns)

    @hookimpl
    def monitor_reopen_log(self, run_dir: str) -> bool:
        """See ``polypod.spec.monitor``."""
        return control.reopen_log(run_dir)

    @hookimpl
    def monitor_exit_status(self, id: str, exit_dir: str, persist_dir: str) -> ExitStatus | int:
        """See ``polypod.spec.monitor``."""
        from .status import read

        return read(id, exit_dir, persist_dir)

    @hookimpl
    def monitor_wait(
        self, id: str, exit_dir: str, persist_dir: str, pid: int, timeout: float
    ) -> ExitStatus | int:
        """See ``polypod.spec.monitor``."""
        from .status import wait

        return wait(id, exit_dir, persist_dir, pid, timeout)

    @hookimpl
    def monitor_info(self) -> dict[str, str]:
        """See ``polypod.spec.monitor``."""
        from polypod.kit.spawn import run

        said = run((self.path, "--version")).stdout.decode(errors="replace")
        return {"path": self.path, "version": " ".join(said.split("\n")).strip()}

    def _reap(self) -> None:
        """Collect monitors that have ended: with ``--sync`` they are our own children."""
        for pid in [*self._children]:
            try:
                if os.waitpid(pid, os.WNOHANG)[0] == 0:
                    continue
            except ChildProcessError:
                pass  # waited for elsewhere, or we are a fork of its parent
            self._children.remove(pid)


def _find(path: str, paths: Sequence[str]) -> str:
    candidates = (path,) if path else (*paths, *_PLACES)
    for candidate in candidates:
        if os.access(candidate, os.X_OK) and not os.path.isdir(candidate):
            return candidate
    raise DriverUnavailable(
        f"conmon was not found at {', '.join(candidates)}: install the package conmon,"
        " or set engine.conmon_path in containers.conf"
    )


__all__ = ["Conmon"]
