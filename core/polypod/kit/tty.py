"""Terminals: raw mode that is always undone, window sizes, detach keys."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import fcntl
import os
from sys import byteorder

from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any

_TIOCGWINSZ = 0x5413
_TIOCSWINSZ = 0x5414
#: Signals whose default action ends the process, and with it every chance to restore.
_FATAL = (_signal.SIGTERM, _signal.SIGHUP, _signal.SIGQUIT)


def window_size(fd: int) -> tuple[int, int] | None:
    """``(rows, columns)`` of the terminal ``fd``; None when it is none, or has no size."""
    try:
        packed = fcntl.ioctl(fd, _TIOCGWINSZ, b"\0" * 8)
    except OSError:
        return None
    rows = int.from_bytes(packed[0:2], byteorder)
    columns = int.from_bytes(packed[2:4], byteorder)
    return (rows, columns) if rows and columns else None


def set_window_size(fd: int, rows: int, columns: int) -> None:
    """Set the size of the terminal ``fd``; raises ``OSError`` when it is none."""
    size = rows.to_bytes(2, byteorder) + columns.to_bytes(2, byteorder)
    fcntl.ioctl(fd, _TIOCSWINSZ, size + b"\0" * 4)


class raw:
    """Raw mode for the terminal ``fd`` inside a ``with`` block; nothing happens when it is none.

    The old mode comes back on every way out: the end of the block, an exception,
    and signals that would end the process (those still at their default action).
    """

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._saved: list[Any] | None = None
        self._taken: list[int] = []

    def __enter__(self) -> raw:
        if self.fd < 0 or not os.isatty(self.fd):
            return self
        import termios

        self._saved = termios.tcgetattr(self.fd)
        mode = [*self._saved]
        mode[0] &= ~(
            termios.IGNBRK | termios.BRKINT | termios.PARMRK | termios.ISTRIP
            | termios.INLCR | termios.IGNCR | termios.ICRNL | termios.IXON
        )  # fmt: skip
        mode[1] &= ~termios.OPOST
        mode[2] = (mode[2] & ~(termios.CSIZE | termios.PARENB)) | termios.CS8
        mode[3] &= ~(
            termios.ECHO | termios.ECHONL | termios.ICANON | termios.ISIG | termios.IEXTEN
        )
        mode[6] = [*mode[6]]
        mode[6][termios.VMIN] = 1
        mode[6][termios.VTIME] = 0
        self._catch()
        termios.tcsetattr(self.fd, termios.TCSANOW, mode)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.restore()

    def restore(self) -> None:
        """Give the terminal its old mode back; harmless when done before."""
        if self._saved is None:
            return
        import termios

        saved, self._saved = self._saved, None
        try:
            termios.tcsetattr(self.fd, termios.TCSANOW, saved)
        except termios.error:
            pass  # the terminal is gone: nothing is left to restore
        for number in self._taken:
            if _signal.getsignal(number) == self._die:
                _signal.signal(number, _signal.SIG_DFL)
        self._taken.clear()

    def _catch(self) -> None:
        for number in _FATAL:
            try:
                if _signal.getsignal(number) == _signal.SIG_DFL:
                    _signal.signal(number, self._die)
                    self._taken.append(number)
            except ValueError:  # not the main thread: signals are not ours to take
                return

    def _die(self, number: int, frame: object) -> None:
        self.restore()
        _signal.signal(number, _signal.SIG_DFL)
        os.kill(os.getpid(), number)


class on_resize:
    """Call ``apply(rows, columns)`` at once and whenever the terminal ``fd`` changes its size.

    Outside the main thread, where signals cannot be received, only the first call is made.
    """

    def __init__(self, fd: int, apply: Callable[[int, int], object]) -> None:
        self.fd = fd
        self.apply = apply
        self._before: Any = None
        self._installed = False

    def __enter__(self) -> on_resize:
        if self.fd < 0 or not os.isatty(self.fd):
            return self
        try:
            self._before = _signal.signal(_signal.SIGWINCH, self._changed)
            self._installed = True
        except ValueError:
            self._installed = False
        self._changed(0, None)
        return self

    def __exit__(self, *_: object) -> None:
        if self._installed:
            _signal.signal(_signal.SIGWINCH, self._before or _signal.SIG_DFL)

    def _changed(self, number: int, frame: object) -> None:
        size = window_size(self.fd)
        if size is not None:
            self.apply(*size)


def detach_sequence(keys: str) -> bytes:
    """The bytes of detach keys as typed in ``--detach-keys``: ``a``, ``ctrl-p,ctrl-q``, ``ctrl-@``.

    An empty string means that keys cannot detach. Raises ``UsageError``.
    """
    if not keys:
        return b""
    sequence = bytearray()
    for key in keys.split(","):
        if len(key) == 1:
            sequence += key.encode()
            continue
        code = ord(key[5].lower()) if key.lower().startswith("ctrl-") and len(key) == 6 else -1
        if 97 <= code <= 122:  # a..z
            sequence.append(code - 96)
        elif code >= 0 and key[5] in "@[\\]^_":
            sequence.append(code - 64)
        else:
            raise UsageError(
                f"invalid detach keys {keys!r}: {key!r} is neither one character nor ctrl-"
                " followed by a-z, @, [, \\, ], ^ or _"
            )
    return bytes(sequence)
