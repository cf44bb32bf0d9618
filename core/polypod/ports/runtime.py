"""Face of ``polypod.runtime.v1``; what each method promises stands in :mod:`polypod.spec.runtime`."""

from __future__ import annotations

from ._base import Port

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ..model.runtime import RuntimeFeatures, RuntimeState


class RuntimePort(Port):
    """An OCI runtime."""

    GROUP = "runtime"

    def command(self) -> tuple[str, ...]:
        """The binary's absolute path followed by its global flags, to which ``create`` etc. is appended."""
        answer: tuple[str, ...] | None = self.driver.runtime_command()
        if answer is None:
            self._silent("runtime_command")
        return answer

    def features(self) -> RuntimeFeatures:
        """Ask the runtime what it can do; the answer may be cached by the binary's path, mtime and size."""
        answer: RuntimeFeatures | None = self.driver.runtime_features()
        if answer is None:
            self._silent("runtime_features")
        return answer

    def start(self, id: str) -> bool:
        """Start a created container; True when its process runs. Idempotent it is not."""
        answer: bool | None = self.driver.runtime_start(id)
        if answer is None:
            self._silent("runtime_start")
        return answer

    def state(self, id: str) -> RuntimeState:
        """The runtime's own view; status ``"absent"`` when it does not know the ID."""
        answer: RuntimeState | None = self.driver.runtime_state(id)
        if answer is None:
            self._silent("runtime_state")
        return answer

    def kill(self, id: str, signal: int, all: bool = False) -> bool:
        """Send a signal to the first process (or to all); False when there is none to signal any more."""
        answer: bool | None = self.driver.runtime_kill(id, signal, all)
        if answer is None:
            self._silent("runtime_kill")
        return answer

    def delete(self, id: str, force: bool = False) -> bool:
        """Remove what the runtime keeps of a container; True also when nothing was there."""
        answer: bool | None = self.driver.runtime_delete(id, force)
        if answer is None:
            self._silent("runtime_delete")
        return answer

    def adapt(self, spec: dict[str, Any], cache_dir: str) -> bool:
        """Make an OCI runtime spec suit this runtime, in place; False where there is nothing to do."""
        adapt = getattr(self.driver, "runtime_adapt", None)
        return bool(adapt(spec, cache_dir)) if adapt is not None else False

    def pause(self, id: str) -> bool:
        """Freeze all processes."""
        answer: bool | None = self._optional("runtime_pause")(id)
        if answer is None:
            self._silent("runtime_pause")
        return answer

    def resume(self, id: str) -> bool:
        """Thaw them."""
        answer: bool | None = self._optional("runtime_resume")(id)
        if answer is None:
            self._silent("runtime_resume")
        return answer

    def update(self, id: str, resources: dict[str, Any]) -> bool:
        """Apply new limits: a runtime-spec LinuxResources document."""
        answer: bool | None = self._optional("runtime_update")(id, resources)
        if answer is None:
            self._silent("runtime_update")
        return answer

    def ps(self, id: str) -> Sequence[int]:
        """Host PIDs of the container's processes."""
        answer: Sequence[int] | None = self._optional("runtime_ps")(id)
        if answer is None:
            self._silent("runtime_ps")
        return answer
