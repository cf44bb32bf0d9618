"""JSON for documents that decide about trust: nothing is ignored, and every key knows its line.

policy.json and the payloads of signatures must not have a second reading: a duplicate
key, a number where a string belongs or text after the end is an error. The
parser is recursive descent over C's string scanner; the documents are small (see ``LIMIT``).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

#: Bytes that a document may have, and how deep it may be.
LIMIT = 4 << 20
_DEPTH = 64
_SPACE = " \t\n\r"
_WORDS = {"true": True, "false": False, "null": None}


class Malformed(ValueError):
    """The text is not what it must be; ``line`` counts from 1."""

    def __init__(self, reason: str, line: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


class Node:
    """A value and the line on which it stands; of an object, ``lines`` has those of its keys.

    ``value`` is a ``str``, ``int``, ``float``, ``bool`` or ``None``, a list of nodes, or a
    dict of nodes.
    """

    __slots__ = ("line", "lines", "value")

    def __init__(self, value: Any, line: int, lines: dict[str, int] | None = None) -> None:
        self.value = value
        self.line = line
        self.lines = lines or {}

    def text(self, what: str) -> str:
        """The string that this must be; ``what`` names it in the error."""
        if not isinstance(self.value, str):
            raise Malformed(f"{what} must be a string", self.line)
        return self.value

    def items(self, what: str) -> list[Node]:
        """The elements of the array that this must be."""
        if not isinstance(self.value, list):
            raise Malformed(f"{what} must be an array", self.line)
        return self.value

    def keys(self, what: str, allowed: tuple[str, ...] | None = None) -> dict[str, Node]:
        """The members of the object that this must be, with ``allowed`` keys alone."""
        if not isinstance(self.value, dict):
            raise Malformed(f"{what} must be an object", self.line)
        if allowed is not None:
            for key in self.value:
                if key not in allowed:
                    raise Malformed(f'unknown key "{key}" in {what}', self.lines[key])
        return self.value

    def exactly(self, what: str, wanted: tuple[str, ...]) -> dict[str, Node]:
        """The members of an object that has these keys, all of them and no others."""
        found = self.keys(what, wanted)
        for key in wanted:
            if key not in found:
                raise Malformed(f'key "{key}" is missing in {what}', self.line)
        return found

    def plain(self) -> Any:
        """The value without the nodes, as ``json.loads`` would give it."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


def parse(data: bytes) -> Node:
    """Decode one document; raise :class:`Malformed` for anything else than strict JSON in UTF-8."""
    if len(data) > LIMIT:
        raise Malformed(f"document has more than {LIMIT} bytes", 1)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Malformed("text is not UTF-8", line) from None
    return _Parser(text).document()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._counted = 0

    def document(self) -> Node:
        node = self._value(0)
        if self._peek():
            raise self._bad("unexpected data after the document")
        return node

    def _here(self) -> int:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def _bad(self, reason: str) -> Malformed:
        return Malformed(reason, self._here())

    def _peek(self) -> str:
        """The next character that is not a blank, "" at the end."""
        text = self._text
        while self._at < len(text) and text[self._at] in _SPACE:
            self._at += 1
        return text[self._at : self._at + 1]

    def _take(self, char: str, after: str) -> None:
        if self._peek() != char:
            found = self._peek()
            raise self._bad(f"expected '{char}' after {after}, not {found!r}" if found else "unexpected end")
        self._at += 1

    def _value(self, depth: int) -> Node:
        char = self._peek()
        line = self._here()
        if depth > _DEPTH:
            raise self._bad("values are nested too deeply")
        if char == "{":
            return self._object(line, depth)
        if char == "[":
            return Node(self._list(self._value, "]", depth), line)
        if char == '"':
            return Node(self._string(), line)
        return Node(self._word(), line)

    def _object(self, line: int, depth: int) -> Node:
        members: dict[str, Node] = {}
        lines: dict[str, int] = {}

        def member(depth: int) -> None:
            if self._peek() != '"':
                raise self._bad("expected a key in quotes")
            at = self._here()
            key = self._string()
            if key in members:
                raise Malformed(f'duplicate key "{key}"', at)
            self._take(":", f'key "{key}"')
            lines[key] = at
            members[key] = self._value(depth)

        self._list(member, "}", depth)
        return Node(members, line, lines)

    def _list(self, element: Callable[[int], Any], end: str, depth: int) -> list[Any]:
        """What stands between brackets, split by commas."""
        self._at += 1
        found: list[Any] = []
        if self._peek() == end:
            self._at += 1
            return found
        while True:
            found.append(element(depth + 1))
            if self._peek() == end:
                self._at += 1
                return found
            self._take(",", "an element")

    def _string(self) -> str:
        from _json import scanstring

        try:
            value, self._at = scanstring(self._text, self._at + 1, True)
        except ValueError:
            raise self._bad("malformed string") from None
        if any("\ud800" <= char <= "\udfff" for char in value):
            raise self._bad("string has half of a surrogate pair")
        return str(value)

    def _word(self) -> object:
        """A number, or ``true``, ``false``, ``null``."""
        start = self._at
        while self._at < len(self._text) and self._text[self._at] not in " \t\n\r,]}:":
            self._at += 1
        word = self._text[start : self._at]
        if word in _WORDS:
            return _WORDS[word]
        number = word.removeprefix("-")
        if number.isascii() and number.isdigit() and (number == "0" or number[0] != "0"):
            if len(number) > 20:
                raise self._bad("number has too many digits")
            return int(word)
        whole = number.partition(".")[0].lower().partition("e")[0]
        plain = number.isascii() and number[-1:].isdigit() and "_" not in number
        if plain and whole.isdigit() and (whole == "0" or whole[0] != "0") and ".e" not in number.lower():
            try:
                return _finite(float(word))
            except ValueError:
                pass
        shown = word[:20] or self._text[start : start + 1]
        raise self._bad(f"unexpected {shown!r}" if shown else "unexpected end")


def _finite(number: float) -> float:
    if number in (float("inf"), float("-inf")):
        raise ValueError("number is too large")
    return number
