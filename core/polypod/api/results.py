"""What calls give back."""

from __future__ import annotations

from ..errors import PolypodError
from ..model.struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self


class _Ended(Struct):
    """A process that has ended, with what it wrote."""

    exit_code: int
    stdout: bytes = b""
    stderr: bytes = b""

    def check(self) -> Self:
        """Return self, or raise ``PolypodError`` when the exit code is not 0."""
        if self.exit_code != 0:
            last = self.stderr.decode(errors="replace").strip().rpartition("\n")[2]
            raise PolypodError(f"the command exited with {self.exit_code}: {last}".rstrip(": "))
        return self


class RunResult(_Ended):
    """The outcome of :meth:`Containers.run`; ``container_id`` may be gone by now."""

    container_id: str = ""


class ExecResult(_Ended):
    """The outcome of :meth:`Container.exec`."""
