"""Wall time and CPU seconds of commands, without a shell or subprocess between.

The calling process is the first of its PID namespace: monitors and containers that an engine
leaves to run become its children, so it can wait until the host is quiet again and see their
CPU time too.
"""

from __future__ import annotations

import os
import resource
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

QUIET_SECONDS = 30.0


class BenchError(Exception):
    """A measured command failed; the message has its command line and what it said."""


@dataclass(frozen=True)
class Sample:
    """One measurement: seconds until the command returned, CPU seconds until all was quiet."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Summary:
    """Many samples in one: milliseconds, and CPU milliseconds."""

    median: float
    p10: float
    p90: float
    cpu: float
    count: int


def summarize(samples: Sequence[Sample]) -> Summary:
    """Median and spread; a single sample is its own spread."""
    walls = sorted(sample.wall * 1000 for sample in samples)
    tenths = statistics.quantiles(walls, n=10, method="inclusive") if len(walls) > 1 else walls
    return Summary(
        median=statistics.median(walls),
        p10=tenths[0],
        p90=tenths[-1],
        cpu=statistics.median(sample.cpu * 1000 for sample in samples),
        count=len(walls),
    )


class Clock:
    """Runs commands in one environment, their output going to files in ``folder``."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self.environ = environ
        self._out = str(folder / "stdout")
        self._err = str(folder / "stderr")

    def timed(self, argv: Sequence[str], jobs: int = 1) -> Sample:
        """Run ``jobs`` of the command at once; wait for all. Raises ``BenchError``."""
        before = processes()
        used = cpu_seconds()
        begin = time.perf_counter()
        waiting = {self._spawn(argv, "/dev/null") for _ in range(jobs)}
        failed = _reap(waiting)
        wall = time.perf_counter() - begin
        if failed:
            raise self._failure(argv, failed)
        settle(before)
        return Sample(wall, cpu_seconds() - used)

    def memory(self, argv: Sequence[str]) -> float:
        """Run the command; return the most memory that its processes had together, in MB.

        Looked at every few milliseconds; what processes share counts once (PSS). Raises ``BenchError``.
        """
        before = processes()
        main = self._spawn(argv, "/dev/null")
        peak, failed = 0, -1
        while failed < 0:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == main:
                failed = os.waitstatus_to_exitcode(status)
            peak = max(peak, sum(map(_pss, processes() - before)))
            time.sleep(0.004)
        if failed:
            raise self._failure(argv, failed)
        settle(before)
        return peak * 1024 / 1e6

    def call(self, argv: Sequence[str]) -> str:
        """Run the command untimed; return what it printed. Raises ``BenchError``."""
        failed = _reap({self._spawn(argv, self._out)})
        if failed:
            raise self._failure(argv, failed)
        return Path(self._out).read_text()

    def call_many(self, argvs: Sequence[Sequence[str]], jobs: int) -> None:
        """Run all the commands untimed, ``jobs`` at a time. Raises ``BenchError``."""
        for first in range(0, len(argvs), jobs):
            part = argvs[first : first + jobs]
            failed = _reap({self._spawn(argv, "/dev/null") for argv in part})
            if failed:
                raise self._failure(part[0], failed)

    def _spawn(self, argv: Sequence[str], out: str) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, out, flags, 0o600),
            (os.POSIX_SPAWN_OPEN, 2, self._err, flags, 0o600),
        ]
        return os.posix_spawn(argv[0], list(argv), self.environ, file_actions=actions)

    def _failure(self, argv: Sequence[str], code: int) -> BenchError:
        said = Path(self._err).read_text(errors="replace").strip()[-1000:]
        return BenchError(f"{' '.join(argv)}: exit code {code}: {said}")


def _reap(waiting: set[int]) -> int:
    """Wait for these children, taking up strays; return the first exit code that is not 0."""
    failed = 0
    while waiting:
        pid, status = os.wait()
        if pid in waiting:
            waiting.discard(pid)
            failed = failed or os.waitstatus_to_exitcode(status)
    return failed


def _pss(pid: str) -> int:
    """KiB of memory of a process, its share of what others have too; 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            for line in file:
                if line.startswith("Pss:"):
                    return int(line.split()[1])
    except OSError:
        pass  # it ended just now
    return 0


def processes() -> frozenset[str]:
    """The PIDs of this namespace."""
    return frozenset(name for name in os.listdir("/proc") if name.isdigit())


def settle(before: frozenset[str]) -> None:
    """Wait until only processes that were there ``before`` remain. Raises ``BenchError``."""
    deadline = time.monotonic() + QUIET_SECONDS
    while any(_alive(pid) for pid in processes() - before):
        try:
            os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            pass
        if time.monotonic() > deadline:
            left = ", ".join(map(_describe, sorted(processes() - before)))
            raise BenchError(f"processes {left} still run after {QUIET_SECONDS:.0f} s")
        time.sleep(0.001)


def _alive(pid: str) -> bool:
    """Is it more than a zombie that its parent, another than us, has not waited for yet."""
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z" or int(parent) == os.getpid()


def _describe(pid: str) -> str:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        line = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except (FileNotFoundError, ProcessLookupError):
        return pid
    return f"{stat[: stat.index(')') + 8]} {line[:200]}".strip()


def cpu_seconds() -> float:
    """CPU seconds of all children that were waited for, user and system."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
