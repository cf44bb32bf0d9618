"""What is true now: the stored state checked against the kernel and the monitor.

Nothing here changes the world; callers that hold the container's lock store the result.
"""

from __future__ import annotations

import os
import time

from .processes import alive
from .states import LIVE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model.container import ContainerState
    from .runtime import Runtime

#: How long a monitor gets to write the exit code after the container's process has gone.
MONITOR_GRACE = 5.0
#: The same for a listing of any length, which a hung monitor must not hold up.
LISTING_GRACE = 0.3
#: Exit code of a container whose monitor was killed: nobody can know the real one.
UNKNOWN_EXIT = 255
#: And why.
MONITOR_LOST = "the monitor died before it could note the exit code"


def refresh(
    rt: Runtime, id: str, state: ContainerState, grace: float = MONITOR_GRACE
) -> ContainerState:
    """The state as it really is: a live one whose process has ended becomes ``stopped``.

    After a reboot a container that ran is ``exited`` and one that was only
    initialized is ``configured`` again, with nothing left to clean up. ``grace`` is how
    many seconds a monitor gets that has not noted the exit code yet.
    """
    if state.boot_id and state.boot_id != rt.boot_id:
        return _after_reboot(state)
    if state.status not in LIVE:
        return state
    ended = rt.monitor.exit_status(id, rt.exit_dir, rt.persist_dir(id))
    if not ended:
        if alive(state.pid, state.pid_start):
            return state
        ended = rt.monitor.wait(
            id, rt.exit_dir, rt.persist_dir(id), state.conmon_pid, grace
        )
    if isinstance(ended, int):
        return state.evolve(
            status="stopped",
            pid=0,
            pid_start=0,
            exit_code=UNKNOWN_EXIT,
            finished_at=time.time(),
            error=MONITOR_LOST,
            cleaned=False,
        )
    return state.evolve(
        status="stopped",
        pid=0,
        pid_start=0,
        exit_code=ended.exit_code,
        finished_at=ended.finished_at,
        oom_killed=ended.oom_killed,
        cleaned=False,
    )


def _after_reboot(state: ContainerState) -> ContainerState:
    ran = state.status in ("running", "paused", "stopping", "stopped")
    return state.evolve(
        status="exited" if ran else "configured" if state.status == "created" else state.status,
        finished_at=state.finished_at if not ran or state.finished_at else time.time(),
        pid=0,
        pid_start=0,
        conmon_pid=0,
        boot_id="",
        mountpoint="",
        netns="",
        networks=(),
        # The kernel forgot mounts and namespaces; addresses and anonymous leases may remain.
        cleaned=state.cleaned and not state.networks,
    )


def quick_status(rt: Runtime, state: dict[str, object], exits: set[str], id: str) -> str:
    """The status for a listing, from plain data and one look at the process: no lock, no mount.

    ``exits`` are the names in the exit directory, read once for all containers.
    """
    status = str(state.get("status", "configured"))
    boot = state.get("boot_id", "")
    if boot and boot != rt.boot_id:
        if status == "created":
            return "configured"
        return "exited" if status in (*LIVE, "stopped") else status
    if status not in LIVE:
        return "exited" if status == "stopped" else status
    if id in exits or not alive(int(state.get("pid", 0)), int(state.get("pid_start", 0))):  # type: ignore[call-overload]
        return "exited"
    return status


def read_exits(rt: Runtime) -> set[str]:
    """IDs for which the monitor has written an exit code."""
    try:
        return set(os.listdir(rt.exit_dir))
    except FileNotFoundError:
        return set()
