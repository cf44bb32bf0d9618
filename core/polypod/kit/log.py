"""Log lines on stderr in logrus's shape, without the 9 ms of ``import logging``.

``time="…" level=warning msg="…"`` when stderr is not a terminal, ``WARN[0000] …`` when it is.
Levels are numbers that grow with detail; ``log.level >= log.DEBUG`` spares a costly message.
"""

from __future__ import annotations

import os
import time

ERROR, WARNING, INFO, DEBUG, TRACE = 2, 3, 4, 5, 6

LEVELS = {
    "panic": 0, "fatal": 1, "error": ERROR, "warn": WARNING, "warning": WARNING,
    "info": INFO, "debug": DEBUG, "trace": TRACE,
}  # fmt: skip

_WORDS = {ERROR: "error", WARNING: "warning", INFO: "info", DEBUG: "debug", TRACE: "trace"}
_SYSLOG = {ERROR: 3, WARNING: 4, INFO: 6, DEBUG: 7, TRACE: 7}

level = WARNING
to_syslog = False
_started = time.monotonic()


def set_level(number: int) -> None:
    """Show messages up to this level (see :data:`LEVELS`)."""
    global level
    level = number


def enable_syslog() -> None:
    """Send every shown message to syslog as well."""
    global to_syslog
    to_syslog = True


def error(message: str) -> None:
    """Something failed; the command goes on or has said so already."""
    _emit(ERROR, message)


def warning(message: str) -> None:
    """Something is not as asked or as expected, and the user should know."""
    _emit(WARNING, message)


def info(message: str) -> None:
    """A fact about the run."""
    _emit(INFO, message)


def debug(message: str) -> None:
    """A step, for whoever looks for a fault."""
    _emit(DEBUG, message)


def trace(message: str) -> None:
    """Finer than debug."""
    _emit(TRACE, message)


def _emit(number: int, message: str) -> None:
    if number > level:
        return
    word = _WORDS[number]
    try:
        os.write(2, (_line(word, message) + "\n").encode("utf-8", "surrogateescape"))
    except OSError:
        pass  # nobody reads stderr; there is no better place to say so
    if to_syslog:
        import syslog

        syslog.syslog(_SYSLOG[number], message)


def _line(word: str, message: str) -> str:
    if os.isatty(2):
        short = word.upper()[:4]
        return f"{short}[{int(time.monotonic() - _started):04d}] {message}"
    zone = time.strftime("%z")
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S")
    zone = "Z" if zone in ("", "+0000") else f"{zone[:3]}:{zone[3:]}"
    text = message.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'time="{stamp}{zone}" level={word} msg="{text}"'
