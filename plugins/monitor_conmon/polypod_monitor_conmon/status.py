"""How a container ended: conmon's exit files, and waiting for them."""

from __future__ import annotations

import errno
import os
import select
from time import monotonic, sleep

from polypod.model.runtime import ExitStatus


def read(id: str, exit_dir: str, persist_dir: str) -> ExitStatus | int:
    """The exit status; 0 while there is none.

    conmon writes the file under another name and renames it, so what is there is whole.
    """
    for path in (f"{exit_dir}/{id}", f"{persist_dir}/exit"):
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR):
                continue
            raise
        try:
            text = os.read(fd, 32).strip()
            when = os.fstat(fd).st_mtime
        finally:
            os.close(fd)
        if text.lstrip(b"-").isdigit():
            oom = os.path.exists(f"{persist_dir}/oom")
            return ExitStatus(exit_code=int(text), finished_at=when, oom_killed=oom)
    return 0


def wait(id: str, exit_dir: str, persist_dir: str, pid: int, timeout: float) -> ExitStatus | int:
    """Wait until the container's process is gone and its status written.

    The kernel tells the end of the process (a pidfd). What remains is the moment
    in which conmon drains the pipes and writes the file; it is watched as long as
    conmon lives. conmon itself is not waited for: it lives on until its exit
    command is done.
    """
    found = read(id, exit_dir, persist_dir)
    if found:
        return found
    deadline = monotonic() + timeout if timeout >= 0 else None
    process, monitor = _who(pid, id)
    if process > 0 and not _wait_process(process, deadline):
        return read(id, exit_dir, persist_dir)
    return _wait_file(id, exit_dir, persist_dir, monitor, deadline)


def monitor_of(id: str) -> int:
    """The PID of the conmon that watches a container, from /proc; 0 when there is none."""
    for name in os.listdir("/proc"):
        if name.isdigit() and _is_monitor(int(name), id):
            return int(name)
    return 0


def _wait_file(
    id: str, exit_dir: str, persist_dir: str, monitor: int, deadline: float | None
) -> ExitStatus | int:
    pause = 0.0001
    while True:
        found = read(id, exit_dir, persist_dir)
        if found:
            return found
        if deadline is not None and monotonic() >= deadline:
            return 0
        if pause > 0.005:
            monitor = monitor or monitor_of(id)
            if not monitor or not _is_monitor(monitor, id):
                # It may have written the file between our two looks.
                return read(id, exit_dir, persist_dir)
        sleep(pause)
        pause = min(pause * 1.5, 0.05)


def _wait_process(pid: int, deadline: float | None) -> bool:
    """Wait for any process's end; False when time ran out."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        poller = select.poll()
        poller.register(fd, select.POLLIN)
        left = None if deadline is None else max(0.0, deadline - monotonic()) * 1000
        return bool(poller.poll(left))
    finally:
        os.close(fd)


def _who(pid: int, id: str) -> tuple[int, int]:
    """The container's process and its monitor, from the PID of either; 0 for what is gone."""
    if pid <= 0:
        return 0, 0
    if not _is_monitor(pid, id):
        return pid, _parent(pid, id)
    try:
        with open(f"/proc/{pid}/task/{pid}/children", "rb") as file:
            children = file.read().split()
    except OSError:  # a kernel without CONFIG_PROC_CHILDREN, or it has just ended
        return pid, pid
    return (int(children[0]) if children else 0), pid


def _parent(pid: int, id: str) -> int:
    """The container's monitor is the parent of its first process; 0 when that is not so."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            stat = file.read()
    except OSError:
        return 0
    parent = int(stat.rpartition(b")")[2].split()[1])
    return parent if _is_monitor(parent, id) else 0


def _is_monitor(pid: int, id: str) -> bool:
    """Whether a process is a living conmon of this container (a zombie has no command line)."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read().split(b"\0")
    except OSError:
        return False
    wanted = id.encode()
    return b"conmon" in words[0] and b"-e" not in words and wanted in words
