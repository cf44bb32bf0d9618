"""Signal names and numbers, without ``import signal`` (its enum costs 3 ms)."""

from __future__ import annotations

import _signal

from ..errors import UsageError

_NUMBERS = {
    name: value
    for name, value in vars(_signal).items()
    if name.startswith("SIG") and not name.startswith("SIG_") and isinstance(value, int)
}
_RTMIN, _RTMAX = 34, 64


def parse_signal(text: str) -> int:
    """A number for ``9``, ``KILL``, ``SIGKILL``, ``RTMIN+3``; raises ``UsageError``."""
    # A leading dash is kill(1)'s way of writing it.
    bare = text.removeprefix("-")
    if bare.isdigit():
        number = int(bare)
        if 1 <= number <= _RTMAX:
            return number
        if number:
            raise UsageError(f"valid signals are 1 through {_RTMAX}")
        raise UsageError(f"invalid signal: {bare}")
    name = bare.upper()
    if not name.startswith("SIG"):
        name = "SIG" + name
    if name in _NUMBERS:
        return int(_NUMBERS[name])
    for base, value in (("SIGRTMIN", _RTMIN), ("SIGRTMAX", _RTMAX)):
        offset = name.removeprefix(base)
        if offset != name and offset[:1] in "+-" and offset[1:].isdigit():
            return value + int(offset)
    raise UsageError(f"invalid signal: {bare}")


def parse_stop_signal(text: str) -> int:
    """Like :func:`parse_signal`, with the words that ``create --stop-signal`` uses."""
    if text.isdigit() and not 1 <= int(text) <= _RTMAX:
        raise UsageError(f"valid signals are 1 through {_RTMAX}")
    return parse_signal(text)


def signal_name(number: int) -> str:
    """``SIGTERM`` for 15."""
    name: str
    for name, value in _NUMBERS.items():
        if value == number and name not in ("SIGRTMIN", "SIGRTMAX", "SIGCLD", "SIGPOLL", "SIGIOT"):
            return name
    return f"SIGRTMIN+{number - _RTMIN}" if _RTMIN <= number <= _RTMAX else str(number)
