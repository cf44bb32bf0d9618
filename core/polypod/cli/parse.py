"""Reads a command line with the semantics (and the error words) of Go's pflag.

``--flag value``, ``--flag=value``, ``--flag=false``, clusters (``-it``), attached
values (``-vX``, ``-v=X``), optional values, ``--``, and flags that end at the
first positional where the command says so.
"""

from __future__ import annotations

from ..errors import UsageError
from .command import ZERO, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

_TRUE = frozenset(("1", "t", "T", "TRUE", "true", "True"))
_FALSE = frozenset(("0", "f", "F", "FALSE", "false", "False"))


class HelpRequested(Exception):
    """``--help`` or ``-h`` was met, where that is not a flag of the command itself."""


class Options:
    """The flags' values as attributes, dashes written as underscores."""

    def __init__(self, flags: Iterable[Flag] = ()) -> None:
        values = self.__dict__
        values["_given"] = {}
        for flag in flags:
            kind = flag.type
            if flag.default is not None:
                value = flag.default
                if kind == "array" or kind == "slice":
                    value = list(value)
            elif kind == "array" or kind == "slice":
                value = []
            elif kind == "map":
                value = {}
            else:
                value = ZERO[kind]
            values[flag.name.replace("-", "_")] = value

    if TYPE_CHECKING:
        _given: dict[str, Any]

        def __getattr__(self, name: str) -> Any: ...
        def __setattr__(self, name: str, value: Any) -> None: ...

    def changed(self, name: str) -> bool:
        """Tell whether the flag was given on the command line."""
        return name in self._given

    def given(self) -> dict[str, Any]:
        """Return the flags that were given, by flag name, with their final values."""
        return dict(self._given)


class FlagSet:
    """Finds flags by long name and by letter.

    ``more`` yields a further set, asked for on the first miss only: the global
    flags, which cost a start nothing where nobody names one.
    """

    def __init__(
        self,
        flags: Iterable[Flag],
        options: Options,
        more: Callable[[], FlagSet] | None = None,
    ) -> None:
        self.options = options
        self.more = more
        self.long: dict[str, Flag] = {}
        self.short: dict[str, Flag] = {}
        for flag in flags:
            self.long[flag.name] = flag
            if flag.short:
                self.short[flag.short] = flag
            for alias in flag.aliases:
                self.long[alias] = flag

    def find(self, name: str) -> tuple[Flag, Options] | None:
        """Return the flag of a long name and the options that it sets."""
        flag = self.long.get(name)
        if flag is not None:
            return flag, self.options
        return self.more().find(name) if self.more is not None else None

    def find_letter(self, letter: str) -> tuple[Flag, Options] | None:
        """Return the flag of a letter and the options that it sets."""
        flag = self.short.get(letter)
        if flag is not None:
            return flag, self.options
        return self.more().find_letter(letter) if self.more is not None else None


def parse(args: list[str], flags: FlagSet, interspersed: bool = True) -> tuple[list[str], int]:
    """Set the options that ``args`` name.

    Returns the positionals and how many of them stood before ``--`` (-1 without
    one). Raises :class:`UsageError` with pflag's words, or :class:`HelpRequested`.
    """
    rest: list[str] = []
    index, count = 0, len(args)
    while index < count:
        arg = args[index]
        index += 1
        if len(arg) < 2 or arg[0] != "-":
            rest.append(arg)
            if not interspersed:
                rest.extend(args[index:])
                return rest, -1
        elif arg == "--":
            dash = len(rest)
            rest.extend(args[index:])
            return rest, dash
        elif arg[1] == "-":
            index = _long(arg, args, index, flags)
        else:
            index = _cluster(arg, args, index, flags)
    return rest, -1


def _long(arg: str, args: list[str], index: int, flags: FlagSet) -> int:
    name, equals, value = arg[2:].partition("=")
    if not name or name[0] == "-":
        raise UsageError(f"bad flag syntax: {arg}")
    entry = flags.find(name)
    if entry is None:
        if name == "help":
            raise HelpRequested
        raise UsageError(f"unknown flag: --{name}")
    flag, options = entry
    if not equals:
        if flag.no_value:
            value = flag.no_value
        elif index < len(args):
            value = args[index]
            index += 1
        else:
            raise UsageError(f"flag needs an argument: {arg}")
    assign(options, flag, value)
    return index


def _cluster(arg: str, args: list[str], index: int, flags: FlagSet) -> int:
    letters = arg[1:]
    while letters:
        letter = letters[0]
        entry = flags.find_letter(letter)
        if entry is None:
            if letter == "h":
                raise HelpRequested
            raise UsageError(f"unknown shorthand flag: {letter!r} in -{letters}")
        flag, options = entry
        if len(letters) > 2 and letters[1] == "=":
            value, letters = letters[2:], ""
        elif flag.no_value:
            value, letters = flag.no_value, letters[1:]
        elif len(letters) > 1:
            value, letters = letters[1:], ""
        elif index < len(args):
            value, letters = args[index], ""
            index += 1
        else:
            raise UsageError(f"flag needs an argument: {letter!r} in -{letters}")
        assign(options, flag, value)
    return index


def assign(options: Options, flag: Flag, value: str) -> None:
    """Set one flag from its text; raise :class:`UsageError` in pflag's words."""
    try:
        parsed = _value(flag, value)
    except ValueError as error:
        names = f"-{flag.short}, --{flag.name}" if flag.short else f"--{flag.name}"
        raise UsageError(f'invalid argument {quote(value)} for "{names}" flag: {error}') from None
    key = flag.name.replace("-", "_")
    values, given = options.__dict__, options._given
    # The first value replaces the default, later ones add to it.
    if flag.type in ("array", "slice"):
        parsed = values[key] + parsed if flag.name in given else parsed
    elif flag.type == "map" and flag.name in given:
        parsed = {**values[key], **parsed}
    values[key] = given[flag.name] = parsed


def _value(flag: Flag, text: str) -> Any:
    kind = flag.type
    if kind == "string":
        return text
    if kind == "array":
        return [text]
    if kind == "slice":
        return split_csv(text)
    if kind == "bool":
        if text in _TRUE:
            return True
        if text in _FALSE:
            return False
        raise ValueError(f"strconv.ParseBool: parsing {quote(text)}: invalid syntax")
    if kind == "int" or kind == "uint":
        return _integer(text, kind == "int")
    if kind == "map":
        return _mapping(text)
    return _measure(kind, text)


def _integer(text: str, signed: bool) -> int:
    name = "strconv.ParseInt" if signed else "strconv.ParseUint"
    digits = text[1:] if signed and text[:1] in ("+", "-") else text
    try:
        if not digits[:1].isdigit() or not digits.isascii():
            raise ValueError
        # Go reads a leading 0 as octal, Python refuses it.
        octal = len(digits) > 1 and digits.isdigit() and digits[0] == "0"
        number = int(digits, 8 if octal else 0)
    except ValueError:
        raise ValueError(f"{name}: parsing {quote(text)}: invalid syntax") from None
    number = -number if text[:1] == "-" else number
    if not (-(1 << 63) <= number < 1 << 63 if signed else number < 1 << 64):
        raise ValueError(f"{name}: parsing {quote(text)}: value out of range")
    return number


def _measure(kind: str, text: str) -> float | int:
    if kind == "float":
        try:
            return float(text)
        except ValueError:
            raise ValueError(f"strconv.ParseFloat: parsing {quote(text)}: invalid syntax") from None
    from .units import parse_duration, parse_size

    return parse_duration(text) if kind == "duration" else parse_size(text)


def _mapping(text: str) -> dict[str, str]:
    pairs = [text.strip('"')] if text.count("=") == 1 else split_csv(text)
    result = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise ValueError(f"{pair} must be formatted as key=value")
        result[key] = value
    return result


def split_csv(text: str) -> list[str]:
    """Split one CSV record as Go's encoding/csv does; raise ``ValueError`` in its words."""
    if not text:
        return []
    if '"' not in text:
        return text.split("\n", 1)[0].rstrip("\r").split(",")
    fields: list[str] = []
    index, size = 0, len(text)
    while True:
        if text[index : index + 1] == '"':
            field, index = _quoted(text, index)
        else:
            end = text.find(",", index)
            end = size if end < 0 else end
            field = text[index:end]
            bare = field.find('"')
            if bare >= 0:
                raise ValueError(_csv_error(index + bare, 'bare " in non-quoted-field'))
            index = end
        fields.append(field)
        if index >= size:
            return fields
        index += 1


def _quoted(text: str, start: int) -> tuple[str, int]:
    parts: list[str] = []
    index = start + 1
    while True:
        end = text.find('"', index)
        if end < 0:
            raise ValueError(_csv_error(len(text), 'extraneous or missing " in quoted-field'))
        parts.append(text[index:end])
        after = text[end + 1 : end + 2]
        if after == '"':
            parts.append('"')
            index = end + 2
        elif after in ("", ","):
            return "".join(parts), end + 1
        else:
            raise ValueError(_csv_error(end, 'extraneous or missing " in quoted-field'))


def _csv_error(column: int, reason: str) -> str:
    return f"parse error on line 1, column {column + 1}: {reason}"


def quote(text: str) -> str:
    """Quote as Go's ``%q`` does for text without control characters."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
