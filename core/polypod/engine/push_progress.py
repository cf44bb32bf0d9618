"""What a push says while it works: any object with these methods will do."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class BlobProgress(Protocol):
        """One blob on its way."""

        def advance(self, count: int) -> None:
            """That many bytes more."""

        def done(self, text: str = "") -> None:
            """It is there."""

    class Progress(Protocol):
        """Lines, and blobs whose bytes are counted."""

        def line(self, text: str) -> None:
            """A line of text."""

        def blob(self, digest: str, size: int, kind: str = "blob") -> BlobProgress:
            """A blob begins; ``size`` -1 when unknown."""


class Lines:
    """Progress as plain lines, through a function; its own :class:`BlobProgress` as well."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write

    def line(self, text: str) -> None:
        """A line of text."""
        self._write(text)

    def blob(self, digest: str, size: int, kind: str = "blob") -> Lines:
        """A blob begins: one line."""
        self._write(f"Copying {kind} {digest}")
        return self

    def advance(self, count: int) -> None:
        """Bytes are not shown."""

    def done(self, text: str = "") -> None:
        """Neither is the end."""
