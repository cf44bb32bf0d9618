"""Is this process still the one that we mean?"""

from __future__ import annotations

import os


def start_time(pid: int) -> int:
    """Clock ticks after boot at which a process started, 0 when there is none.

    Field 22 of /proc/PID/stat (proc(5)); with the PID it names a process for ever.
    """
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        text = os.read(fd, 4096)
    except OSError:
        return 0
    finally:
        os.close(fd)
    # The command name may hold spaces and parentheses; fields count from the last one.
    fields = text[text.rfind(b")") + 2 :].split()
    if not fields or fields[0] in (b"Z", b"X"):
        return 0
    return int(fields[19])


def alive(pid: int, started: int) -> bool:
    """Whether the process is running (a zombie is not); ``started`` 0 skips the identity check."""
    if pid <= 0:
        return False
    now = start_time(pid)
    return now != 0 and (started in (0, now))
