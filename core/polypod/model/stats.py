"""What a container uses of its host at one moment."""

from __future__ import annotations

from .struct import Struct


class ContainerStats(Struct):
    """One measurement; sizes are bytes, all but ``cpu_percent`` and ``memory`` since the start."""

    id: str
    name: str
    time_ns: int  # Unix time of the measurement in nanoseconds
    cpu_ns: int = 0  # time of all processes
    cpu_kernel_ns: int = 0
    cpu_percent: float = 0.0  # of one CPU, since the measurement before
    cpu_average: float = 0.0
    memory: int = 0
    memory_limit: int = 0  # the host's memory when there is no lower one
    pids: int = 0
    block_read: int = 0
    block_written: int = 0
    network: dict[str, tuple[int, int]] = {}  # device -> received, sent
