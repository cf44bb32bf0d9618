"""What is asked of containers' logs, and what they hold."""

from __future__ import annotations

from .struct import Struct


class LogOptions(Struct):
    """Which part of a log, and how it is shown; see podman-logs(1)."""

    follow: bool = False
    since: float = 0.0  # Unix seconds; 0 = from the beginning
    until: float = 0.0  # Unix seconds; 0 = to the end
    tail: int = -1  # lines; negative = all
    timestamps: bool = False
    names: bool = False
    color: bool = False


class LogLine(Struct):
    """One line of output, or a piece of one."""

    id: str  # the container's
    stream: str  # stdout or stderr
    time: str  # RFC 3339 with nanoseconds, as logged
    text: bytes  # without the newline
    partial: bool = False  # no newline yet: the next line of the same stream goes on
