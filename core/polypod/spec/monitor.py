"""Plugin group ``polypod.monitor.v1``: the process beside each container.

The monitor keeps the container's stdio, writes its log and its exit code, calls
the OCI runtime's ``create`` and ``exec``, and runs the exit command when the container
ends. It outlives the engine's process.

``Driver(config=..., path=PATH_OR_EMPTY, paths=(candidates from engine.conmon_path...), log_level=..., )``.
"""

from __future__ import annotations

from ..model.runtime import AttachStreams, ExitStatus, MonitorExec, MonitorStart, MonitorStarted
from .markers import hookspec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class Prepared(Protocol):
        """A monitor that holds still; see :func:`monitor_prepare`."""

        def release(self) -> None:
            """Let it go: the bundle is complete."""

        def cancel(self) -> None:
            """End it, and whatever it has made by then."""

        def __call__(self) -> MonitorStarted:
            """Release it and wait for the outcome."""

GROUP = "polypod.monitor.v1"


@hookspec(firstresult=True)
def monitor_start(request: MonitorStart) -> MonitorStarted:
    """Start the monitor, which lets the OCI runtime create the container.

    Returns when the container is created (its process waits for ``start``).
    Raises ``RuntimeFailure`` with the runtime's message when create fails; then
    neither monitor nor container is left.
    """


@hookspec(firstresult=True, optional=True)
def monitor_spawn(request: MonitorStart) -> Callable[[], MonitorStarted]:
    """Like ``monitor_start``, but return at once; calling the result waits for the outcome.

    Lets the engine write its state while the runtime works. The result may have a method
    ``cancel()``, which ends the monitor and whatever it has made by then.
    """


@hookspec(firstresult=True, optional=True)
def monitor_prepare(request: MonitorStart) -> Prepared:
    """Like ``monitor_spawn``, but the monitor holds still until ``release()`` of the result.

    The bundle's ``config.json`` need not exist before the release, so that the monitor
    starts up while the engine mounts and writes. ``cancel()`` ends it at any time; calling the
    result releases and waits for the outcome.
    """


@hookspec(firstresult=True)
def monitor_exec(request: MonitorExec, streams: AttachStreams | None) -> tuple[int, int]:
    """Run one more process in a container through a monitor of its own.

    With ``streams`` the caller's file descriptors are connected until the process
    ends, and ``(pid, exit code)`` is returned; without, ``(pid, -1)`` as soon as it runs. A detach
    by keys returns ``(pid, -2)``. Raises ``CommandNotFound``, ``CommandNotExecutable``, ``RuntimeFailure``.
    """


@hookspec(firstresult=True)
def monitor_attach(run_dir: str, streams: AttachStreams, on_connected: Callable[[], None] | None) -> str:
    """Connect file descriptors to a created or running container until it ends.

    ``on_connected`` is called once the connection stands, before any data flows:
    the engine starts the container there, so that no output is lost. Terminal
    size changes (SIGWINCH) are passed on while attached when ``streams.terminal``.
    Returns ``"ended"`` or, after the detach keys, ``"detached"``.
    """


@hookspec(firstresult=True)
def monitor_resize(run_dir: str, rows: int, columns: int) -> bool:
    """Set the size of a container's terminal."""


@hookspec(firstresult=True)
def monitor_exit_status(id: str, exit_dir: str, persist_dir: str) -> ExitStatus | int:
    """How the container ended, or ``0`` while it is not known to have ended."""


@hookspec(firstresult=True)
def monitor_wait(id: str, exit_dir: str, persist_dir: str, pid: int, timeout: float) -> ExitStatus | int:
    """Wait for the exit status, without polling where the kernel allows it.

    ``pid`` is the container's first process or its monitor. Negative ``timeout`` (seconds)
    waits for ever. Returns ``0`` when time ran out, or when the monitor died without writing
    a status; the container's process is then gone as well.
    """


@hookspec(firstresult=True, optional=True)
def monitor_reopen_log(run_dir: str) -> bool:
    """Let the monitor reopen its log file (after a rotation)."""


@hookspec(firstresult=True)
def monitor_info() -> dict[str, str]:
    """Facts for ``polypod info``: ``path``, ``version``."""
