"""conmon's control fifo: terminal size, log rotation."""

from __future__ import annotations

import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_LARGEST = 1000  # rows or columns; newer conmons refuse more


def resize(run_dir: str, rows: int, columns: int) -> bool:
    """Set the terminal's size; False when no monitor listens."""
    return _send(run_dir, f"1 {min(rows, _LARGEST)} {min(columns, _LARGEST)}\n")


def resizer(run_dir: str) -> Callable[[int, int], bool]:
    """``resize`` for one container."""
    return lambda rows, columns: resize(run_dir, rows, columns)


def reopen_log(run_dir: str) -> bool:
    """Let conmon close and open its log file; False when no monitor listens."""
    return _send(run_dir, "2 0 0\n")


def _send(run_dir: str, line: str) -> bool:
    try:
        fd = os.open(f"{run_dir}/ctl", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ENXIO, errno.ENOENT):
            return False
        raise
    try:
        return os.write(fd, line.encode()) == len(line)
    except OSError as error:
        if error.errno in (errno.EPIPE, errno.EAGAIN):
            return False
        raise
    finally:
        os.close(fd)
