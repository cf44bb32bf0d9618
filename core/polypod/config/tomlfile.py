"""A TOML file together with the line of every key, for errors that say where."""

from __future__ import annotations

import re
import tomllib

from ..errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_WORD = r"(?:\"(?:[^\"\\]|\\.)*\"|'[^']*'|[A-Za-z0-9_-]+)"
_KEYS = rf"{_WORD}(?:\s*\.\s*{_WORD})*"
_HEADER = re.compile(rf"\s*\[\[?\s*({_KEYS})\s*\]")
_ASSIGN = re.compile(rf"\s*({_KEYS})\s*=")
_PART = re.compile(_WORD)
_TOKEN = re.compile(r"\"\"\"|'''|\"(?:\\.|[^\"\\])*\"|'[^']*'|#.*|[\[\]{}]")


class TomlFile:
    """One parsed file: ``data`` is the document, :meth:`where` tells a key's place."""

    def __init__(self, path: str, data: dict[str, Any], lines: dict[tuple[str, ...], int]) -> None:
        self.path = path
        self.data = data
        self._lines = lines

    def where(self, *keys: str) -> str:
        """``FILE:LINE`` of a key, or of the nearest table around it."""
        for length in range(len(keys), 0, -1):
            line = self._lines.get(keys[:length])
            if line:
                return f"{self.path}:{line}"
        return self.path


def read_toml(path: str) -> TomlFile | None:
    """Read a file; ``None`` when it does not exist, ``ConfigError`` when it cannot be read."""
    try:
        with open(path, "rb") as file:
            raw = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    try:
        text = raw.decode("utf-8")
        data = tomllib.loads(text)
    except ValueError as error:
        reason = str(error).lower()
        raise ConfigError(f"{path}: not valid TOML: {reason}") from error
    return TomlFile(path, data, _lines(text))


def _split(keys: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _PART.findall(keys))


def _lines(text: str) -> dict[tuple[str, ...], int]:
    """The line of every key; a table that only its subtables imply has the first one's."""
    lines: dict[tuple[str, ...], int] = {}
    for keys, number in _key_lines(text):
        for length in range(1, len(keys)):
            lines.setdefault(keys[:length], number)
        lines[keys] = number
    return lines


def _key_lines(text: str) -> Iterator[tuple[tuple[str, ...], int]]:
    table: tuple[str, ...] = ()
    depth, quote = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        if depth == 0 and not quote:
            header = _HEADER.match(line)
            if header:
                table = _split(header[1])
                yield table, number
                continue
            assign = _ASSIGN.match(line)
            if assign:
                yield (*table, *_split(assign[1])), number
                line = line[assign.end() :]
        depth, quote = _after(line, depth, quote)


def _after(line: str, depth: int, quote: str) -> tuple[int, str]:
    """Nesting and open multi-line quote at the end of a line."""
    position = 0
    while position < len(line):
        if quote:
            end = line.find(quote, position)
            if end < 0:
                return depth, quote
            position, quote = end + 3, ""
            continue
        token = _TOKEN.search(line, position)
        if not token:
            break
        position = token.end()
        word = token[0]
        if word in ('"""', "'''"):
            quote = word
        elif word in "[{":
            depth += 1
        elif word in "]}":
            depth -= 1
    return depth, quote
