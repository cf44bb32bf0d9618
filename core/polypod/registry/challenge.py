"""``WWW-Authenticate``: what a registry wants to see before it answers (RFC 9110, 11.6.1)."""

from __future__ import annotations

from ..model.struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_TOKEN = frozenset(
    "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)


class Challenge(Struct):
    """One way in: the scheme in lower case (``basic``, ``bearer``) and its parameters."""

    scheme: str
    parameters: dict[str, str] = {}


def parse(headers: Iterable[str]) -> list[Challenge]:
    """All challenges of the header's lines; what cannot be understood is left out."""
    found: list[Challenge] = []
    for header in headers:
        _parse_line(header[:8192], found)
    return found


def _parse_line(text: str, found: list[Challenge]) -> None:
    at = 0
    while at < len(text):
        at = _skip(text, at, " \t,")
        word, at = _word(text, at)
        if not word:
            return
        after = _skip(text, at, " \t")
        if after < len(text) and text[after] == "=" and found:
            value, at = _value(text, _skip(text, after + 1, " \t"))
            found[-1].parameters[word.lower()] = value
        else:
            found.append(Challenge(scheme=word.lower(), parameters={}))


def _skip(text: str, at: int, what: str) -> int:
    while at < len(text) and text[at] in what:
        at += 1
    return at


def _word(text: str, at: int) -> tuple[str, int]:
    end = at
    while end < len(text) and text[end] in _TOKEN:
        end += 1
    return text[at:end], end


def _value(text: str, at: int) -> tuple[str, int]:
    if at >= len(text) or text[at] != '"':
        end = at
        while end < len(text) and text[end] not in " \t,":
            end += 1
        return text[at:end], end
    value = []
    at += 1
    while at < len(text) and text[at] != '"':
        if text[at] == "\\":
            at += 1
        value.append(text[at : at + 1])
        at += 1
    return "".join(value), at + 1
