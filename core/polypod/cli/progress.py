"""Progress on the command line: bars on a terminal, lines in a pipe, nothing with ``--quiet``."""

from __future__ import annotations

import os
import time

from ..engine.progress import BlobProgress, Lines, Progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .context import Context

_REFRESH = 0.1  # seconds
_SHOWN = 12  # digits of a digest


def progress_for(ctx: Context, quiet: bool = False) -> Progress:
    """Where a command reports to: standard error, in the form that suits it. Close it at the end."""
    if quiet:
        return Progress()
    if not os.isatty(2) or os.environ.get("TERM") == "dumb":
        return Lines(ctx.err)
    return Bars()


class Bars(Progress):
    """A bar for each blob that is under way, with speed and time left; a line for each that is done."""

    def __init__(self) -> None:
        from threading import RLock

        self._lock = RLock()
        self._bars: Any = None
        self._console: Any = None
        self._refreshed = 0.0
        self._active = 0

    def _screen(self) -> Any:
        if self._console is None:
            from rich.console import Console

            self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        return self._console

    def line(self, text: str) -> None:
        """Print it, above the bars if there are any."""
        with self._lock:
            self._screen().print(text, markup=False)

    def blob(self, digest: str, size: int, kind: str = "blob") -> BlobProgress:
        """Add a bar. Its display is refreshed by calls alone: no thread of its own."""
        with self._lock:
            if self._bars is None:
                self._bars = _new_bars(self._screen())
                self._bars.start()
            self._active += 1
            shown = digest.partition(":")[2][:_SHOWN] or digest
            text = f"Copying {kind} {shown}"
            number = self._bars.add_task(text, total=size if size > 0 else None)
            self._show(force=True)
            return _Bar(self, number, text)

    def tick(self) -> None:
        """Show the bars as they are now."""
        self._show()

    def close(self) -> None:
        """Take the bars away; what was printed stays."""
        with self._lock:
            if self._bars is not None:
                for number in self._bars.task_ids:
                    self._bars.remove_task(number)
                self._bars.stop()
                self._bars = None

    def advance(self, number: int, count: int) -> None:
        """Move one bar on."""
        with self._lock:
            if self._bars is not None:
                self._bars.advance(number, count)
                self._show()

    def finish(self, number: int, text: str) -> None:
        """Replace a bar by a line."""
        with self._lock:
            if self._bars is None:
                return
            self._bars.remove_task(number)
            self._active -= 1
            if not self._active:
                self._bars.stop()
                self._bars = None
            self.line(text)

    def _show(self, force: bool = False) -> None:
        with self._lock:
            now = time.monotonic()
            if self._bars is not None and (force or now - self._refreshed >= _REFRESH):
                self._refreshed = now
                self._bars.refresh()


class _Bar(BlobProgress):
    """One bar of several."""

    def __init__(self, bars: Bars, number: int, text: str) -> None:
        self._bars = bars
        self._number = number
        self._text = text

    def advance(self, count: int) -> None:
        """``count`` more bytes."""
        self._bars.advance(self._number, count)

    def done(self, text: str = "") -> None:
        """The blob is there."""
        self._bars.finish(self._number, f"{self._text} {text or 'done'}")


def _new_bars(console: Any) -> Any:
    from rich import progress

    return progress.Progress(
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
        console=console,
        auto_refresh=False,
        redirect_stdout=False,
        redirect_stderr=False,
    )
