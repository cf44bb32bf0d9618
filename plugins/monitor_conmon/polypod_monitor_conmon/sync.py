"""What conmon reports to the process that started it, over its sync pipe.

One JSON document a line: ``{"data": N, "message": "…"}``. From ``create`` N is the container's
PID, or negative when the runtime failed; from ``exec`` first the PID, later the exit code.
"""

from __future__ import annotations

import os
import select

from polypod.errors import RuntimeFailure, Timeout
from polypod.kit.fastjson import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class SyncPipe:
    """The reading end, with what was read beyond the last line."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._rest = b""

    def read(self, timeout: float) -> dict[str, Any]:
        """The next report; ``{}`` when conmon has closed the pipe. Raises ``Timeout``."""
        while b"\n" not in self._rest:
            if timeout >= 0:
                poller = select.poll()
                poller.register(self.fd, select.POLLIN)
                if not poller.poll(timeout * 1000):
                    raise Timeout(f"the monitor reported nothing within {timeout:g} seconds")
            chunk = os.read(self.fd, 16384)
            if not chunk:
                break
            self._rest += chunk
        line, _, self._rest = self._rest.partition(b"\n")
        return _parse(line) if line else {}

    def close(self) -> None:
        """Close the descriptor; harmless when done before."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def _parse(line: bytes) -> dict[str, Any]:
    try:
        report = loads(line.decode(errors="replace"))
    except ValueError as error:
        raise RuntimeFailure(f"conmon reported something unreadable: {line[:200]!r}") from error
    return report if isinstance(report, dict) else {}
