"""What a command gets: the output, the global flags, and the engine when it asks for it."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..engine.runtime import Runtime
    from ..model.settings import Settings

_REMOTE = frozenset(("remote", "url", "host", "connection"))


class Context:
    """One call of the command line.

    ``prog`` is the program's name as called, ``path`` the command as typed
    (``container ls``), ``flags`` the global flags that were given, by flag name
    (``{"root": "/x", "storage-opt": ["a=b"]}``).
    """

    def __init__(self, prog: str) -> None:
        self.prog = prog
        self.path = ""
        self.flags: dict[str, Any] = {}
        self._rt: Runtime | None = None

    @property
    def command_path(self) -> str:
        """The program and the command, as error messages name them."""
        return f"{self.prog} {self.path}" if self.path else self.prog

    @property
    def rt(self) -> Runtime:
        """The engine's runtime, put together when first asked for."""
        if self._rt is None:
            from ..assembly import open_runtime

            self._rt = open_runtime(self.flags)
        return self._rt

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.rt.settings

    def require_local(self) -> None:
        """Refuse to act on this host when another one was meant."""
        from_env = "CONTAINER_HOST" in os.environ or "CONTAINER_CONNECTION" in os.environ
        if from_env or not _REMOTE.isdisjoint(self.flags):
            from ..errors import UsageError

            raise UsageError(
                "remote services are not supported: unset CONTAINER_HOST and "
                "CONTAINER_CONNECTION, and leave out --remote, --url and --connection"
            )

    def out(self, text: str, end: str = "\n") -> None:
        """Write to stdout at once, so that a killed command has said what it did."""
        try:
            write_all(1, (text + end).encode("utf-8", "surrogateescape"))
        except BrokenPipeError:
            raise
        except OSError as error:
            from ..errors import PolypodError

            reason = (error.strerror or str(error)).lower()
            raise PolypodError(f"write /dev/stdout: {reason}") from error

    def err(self, text: str, end: str = "\n") -> None:
        """Write to stderr at once."""
        write_all(2, (text + end).encode("utf-8", "surrogateescape"))


def write_all(fd: int, data: bytes) -> None:
    """Write all bytes to a file descriptor, however it takes them."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            # Someone who shares the terminal made it non-blocking.
            import select

            select.select([], [fd], [])
