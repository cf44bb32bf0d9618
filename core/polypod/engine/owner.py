"""Who cleans up: a note that a process in the foreground will.

The monitor's exit command looks at the file ``owner`` in the run directory. While
the process named in it lives, no second one is started; when it dies in
between, the next command that meets the container finishes the work.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .runtime import Runtime


class Owner:
    """This process' claim to clean up after one container."""

    def __init__(self, rt: Runtime, container_id: str) -> None:
        self._path = os.path.join(rt.run_dir(container_id), "owner")

    def take(self) -> None:
        """Claim; call before the container can end."""
        fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, f"{os.getpid()}\n".encode())
        finally:
            os.close(fd)

    def release(self) -> None:
        """Give the claim back; whoever does so looks once more whether the container has ended."""
        try:
            os.unlink(self._path)
        except FileNotFoundError:
            pass
