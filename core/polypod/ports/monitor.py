"""Face of ``polypod.monitor.v1``; what each method promises stands in :mod:`polypod.spec.monitor`."""

from __future__ import annotations

from ._base import Port

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..model.runtime import AttachStreams, ExitStatus, MonitorExec, MonitorStart, MonitorStarted


class Prepared:
    """A start that is put off until ``release``, for monitors without ``monitor_prepare``."""

    def __init__(self, spawn: Callable[[], Callable[[], MonitorStarted]]) -> None:
        self._spawn = spawn
        self._waiter: Callable[[], MonitorStarted] | None = None

    def release(self) -> None:
        """Start the monitor now."""
        if self._waiter is None:
            self._waiter = self._spawn()

    def cancel(self) -> None:
        """End what runs already; before the release that is nothing."""
        cancel = getattr(self._waiter, "cancel", None)
        if cancel is not None:
            cancel()

    def __call__(self) -> MonitorStarted:
        """Wait until the container is created."""
        self.release()
        assert self._waiter is not None
        return self._waiter()


class MonitorPort(Port):
    """The monitor."""

    GROUP = "monitor"

    def start(self, request: MonitorStart) -> MonitorStarted:
        """Start the monitor, which lets the OCI runtime create the container."""
        answer: MonitorStarted | None = self.driver.monitor_start(request)
        if answer is None:
            self._silent("monitor_start")
        return answer

    def spawn(self, request: MonitorStart) -> Callable[[], MonitorStarted]:
        """Like ``monitor_start``, but return at once; calling the result waits for the outcome."""
        if not self.supports("spawn"):
            started = self.start(request)
            return lambda: started
        answer: Callable[[], MonitorStarted] | None = self.driver.monitor_spawn(request)
        if answer is None:
            self._silent("monitor_spawn")
        return answer

    def prepare(self, request: MonitorStart) -> Prepared:
        """Start the monitor, which holds still until ``release()``; one that cannot starts then."""
        prepare = getattr(self.driver, "monitor_prepare", None)
        if prepare is None:
            return Prepared(lambda: self.spawn(request))
        answer: Prepared | None = prepare(request)
        if answer is None:
            self._silent("monitor_prepare")
        return answer

    def exec(self, request: MonitorExec, streams: AttachStreams | None) -> tuple[int, int]:
        """Run one more process in a container through a monitor of its own."""
        answer: tuple[int, int] | None = self.driver.monitor_exec(request, streams)
        if answer is None:
            self._silent("monitor_exec")
        return answer

    def attach(
        self, run_dir: str, streams: AttachStreams, on_connected: Callable[[], None] | None = None
    ) -> str:
        """Connect file descriptors to a created or running container until it ends."""
        answer: str | None = self.driver.monitor_attach(run_dir, streams, on_connected)
        if answer is None:
            self._silent("monitor_attach")
        return answer

    def resize(self, run_dir: str, rows: int, columns: int) -> bool:
        """Set the size of a container's terminal."""
        answer: bool | None = self.driver.monitor_resize(run_dir, rows, columns)
        if answer is None:
            self._silent("monitor_resize")
        return answer

    def exit_status(self, id: str, exit_dir: str, persist_dir: str) -> ExitStatus | int:
        """How the container ended, or ``0`` while it is not known to have ended."""
        answer: ExitStatus | int | None = self.driver.monitor_exit_status(id, exit_dir, persist_dir)
        if answer is None:
            self._silent("monitor_exit_status")
        return answer

    def wait(
        self, id: str, exit_dir: str, persist_dir: str, pid: int, timeout: float = -1.0
    ) -> ExitStatus | int:
        """Wait for the exit status, without polling where the kernel allows it."""
        answer: ExitStatus | int | None = self.driver.monitor_wait(id, exit_dir, persist_dir, pid, timeout)
        if answer is None:
            self._silent("monitor_wait")
        return answer

    def reopen_log(self, run_dir: str) -> bool:
        """Let the monitor reopen its log file (after a rotation)."""
        answer: bool | None = self._optional("monitor_reopen_log")(run_dir)
        if answer is None:
            self._silent("monitor_reopen_log")
        return answer

    def info(self) -> dict[str, str]:
        """Facts for ``polypod info``: ``path``, ``version``."""
        answer: dict[str, str] | None = self.driver.monitor_info()
        if answer is None:
            self._silent("monitor_info")
        return answer
