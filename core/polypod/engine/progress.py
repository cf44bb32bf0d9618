"""What a copy tells while it runs: lines for everybody, and how far each blob is."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class BlobProgress:
    """How far one blob is. This one keeps it to itself."""

    def advance(self, count: int) -> None:
        """``count`` more bytes were copied."""

    def done(self, text: str = "") -> None:
        """The blob is complete; ``text`` says how when it was not simply copied."""


class Progress:
    """Where a copy reports to. This one is quiet; subclasses show things.

    Methods may be called from several threads. An instance may be called as a function too,
    which is :meth:`line`.
    """

    def line(self, text: str) -> None:
        """One line of text."""

    def blob(self, digest: str, size: int, kind: str = "blob") -> BlobProgress:
        """A blob is about to be copied: ``size`` bytes, -1 or 0 when that is not known.

        ``kind`` is ``blob`` or ``config``.
        """
        return BlobProgress()

    def tick(self) -> None:
        """Called now and then while nothing happens, so that what is shown stays true."""

    def close(self) -> None:
        """Nothing more comes, perhaps because of an error; what is shown stays."""

    def __call__(self, text: str) -> None:
        self.line(text)


class Lines(Progress):
    """Plain lines, as podman writes them when its output is no terminal."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write

    def line(self, text: str) -> None:
        """Write it."""
        self._write(text)

    def blob(self, digest: str, size: int, kind: str = "blob") -> BlobProgress:
        """Say that it starts."""
        self._write(f"Copying {kind} {digest}")
        return BlobProgress()


def progress_of(report: Callable[[str], None] | Progress) -> Progress:
    """A function that takes lines, as a :class:`Progress`."""
    return report if isinstance(report, Progress) else Lines(report)
