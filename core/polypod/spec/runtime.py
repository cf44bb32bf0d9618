"""Plugin group ``polypod.runtime.v1``: an OCI runtime, called by command line.

``Driver(config=..., path=PATH_OR_EMPTY, flags=("--debug", ...), root=RUNTIME_STATE_DIR,
cgroup_manager="cgroupfs"|"systemd")``. ``path`` comes from ``engine.runtimes`` in
containers.conf or from ``--runtime /path``; empty means that the driver looks for
its binary itself (a missing one: ``DriverUnavailable``, naming where it looked).
``flags`` are those of ``--runtime-flag``. Creating the driver starts no process.

``create`` and ``exec`` are not called by the engine but by the monitor, which is
given :func:`runtime_command`. All functions raise ``RuntimeFailure`` (or its
``CommandNotFound`` and ``CommandNotExecutable``) with the runtime's own message.
``polypod.kit.oci_cli`` does all of this for a runtime with the usual command line.
"""

from __future__ import annotations

from ..model.runtime import RuntimeFeatures, RuntimeState
from .markers import hookspec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

GROUP = "polypod.runtime.v1"


@hookspec(firstresult=True)
def runtime_command() -> tuple[str, ...]:
    """The binary's absolute path followed by its global flags, to which ``create`` etc. is appended."""


@hookspec(firstresult=True)
def runtime_features() -> RuntimeFeatures:
    """Ask the runtime what it can do; the answer may be cached by the binary's path, mtime and size."""


@hookspec(firstresult=True)
def runtime_start(id: str) -> bool:
    """Start a created container; True when its process runs. Idempotent it is not."""


@hookspec(firstresult=True)
def runtime_state(id: str) -> RuntimeState:
    """The runtime's own view; status ``"absent"`` when it does not know the ID."""


@hookspec(firstresult=True)
def runtime_kill(id: str, signal: int, all: bool) -> bool:
    """Send a signal to the first process (or to all); False when there is none to signal any more."""


@hookspec(firstresult=True)
def runtime_delete(id: str, force: bool) -> bool:
    """Remove what the runtime keeps of a container; True also when nothing was there."""


@hookspec(firstresult=True, optional=True)
def runtime_adapt(spec: dict[str, Any], cache_dir: str) -> bool:
    """Make an OCI runtime spec suit this runtime: change the document in place; True when changed.

    Called before the bundle is written, before observers' ``amend_spec``. For what only this
    runtime knows, such as annotations that save it work; what all runtimes need is not to be
    added here. ``cache_dir`` is a directory of the user's own for what is costly to make again;
    it need not exist yet.
    """


@hookspec(firstresult=True, optional=True)
def runtime_pause(id: str) -> bool:
    """Freeze all processes."""


@hookspec(firstresult=True, optional=True)
def runtime_resume(id: str) -> bool:
    """Thaw them."""


@hookspec(firstresult=True, optional=True)
def runtime_update(id: str, resources: dict[str, Any]) -> bool:
    """Apply new limits: a runtime-spec LinuxResources document."""


@hookspec(firstresult=True, optional=True)
def runtime_ps(id: str) -> Sequence[int]:
    """Host PIDs of the container's processes."""
