"""Go templates: the simple ones here in microseconds, all others through gotpl.

The simple ones are text, ``{{.A.B}}``, ``{{.}}`` and ``{{json .A}}``. gotpl costs 60 ms to
import, so it is imported for what needs it only.
"""

from __future__ import annotations

from ..errors import UsageError
from ..kit.fastjson import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    # Text, or (kind, fields, column in the source).
    Action = tuple[str, tuple[str, ...], int]
    Part = str | Action

# Fields that hold a map in podman's structs: a key that is not there is no error.
MAPS = frozenset((
    "Annotations", "Attributes", "Config.Options", "Data", "DriverOpts", "ExposedPorts", "GraphOptions",
    "GraphStatus", "Labels", "LogOpts", "NetworkOptions", "Networks", "Options", "PortBindings",
    "Ports", "Sysctls", "Tmpfs", "Volumes", "graphOptions", "graphStatus", "labels",
    "network_options", "options", "registries", "containers",
))  # fmt: skip

_BLANK = " \t\r\n"


class GoTime(str):
    """A point in time: RFC 3339 in JSON, and as Go prints a time in a template."""

    __slots__ = ()

    def go_text(self) -> str:
        """``2024-05-01 10:00:00.5 +0200 CEST``."""
        date, _, rest = self.partition("T")
        cut = next((i for i, c in enumerate(rest) if c in "Z+-"), len(rest))
        clock, zone = rest[:cut], rest[cut:]
        if zone in ("Z", ""):
            return f"{date} {clock} +0000 UTC"
        offset = zone.replace(":", "")
        return f"{date} {clock} {offset} {_zone_name(self, offset)}"


def _zone_name(stamp: str, offset: str) -> str:
    import time

    from .units import parse_time

    local = time.localtime(parse_time(stamp))
    return local.tm_zone if time.strftime("%z", local) == offset else offset


class Data:
    """What a template is executed on: the value and how its fields are named.

    ``type_name`` is the Go type that podman's error names. ``aliases`` maps a field name
    to the key that holds it, where they differ by more than case. ``offset`` is what
    podman puts before the template, which shows in the columns of its errors.
    """

    __slots__ = ("aliases", "name", "offset", "type_name")

    def __init__(
        self,
        name: str,
        type_name: str = "",
        aliases: Mapping[str, str] | None = None,
        offset: int = 0,
    ) -> None:
        self.offset = offset
        self.name = name
        self.type_name = type_name or "struct"
        self.aliases = aliases or {}

    def field(self, value: dict[str, Any], name: str) -> Any:
        """Return a struct's field; raise ``KeyError`` when there is none."""
        if name in value:
            return value[name]
        alias = self.aliases.get(name)
        if alias is not None and alias in value:
            return value[alias]
        folded = name.lower()
        for key in value:
            if key.lower() == folded:
                return value[key]
        raise KeyError(name)


def simple_parts(text: str) -> list[Part] | None:
    """Split a simple template into text and ``(kind, fields)``; None when it is not simple."""
    parts: list[Part] = []
    index = 0
    while True:
        start = text.find("{{", index)
        if start < 0:
            parts.append(text[index:])
            return parts
        end = text.find("}}", start)
        if end < 0:
            return None
        action = _action(text[start + 2 : end], start + 2)
        if action is None:
            return None
        parts.append(text[index:start])
        parts.append(action)
        index = end + 2


def _action(text: str, column: int) -> Action | None:
    chain = text.strip(_BLANK)
    kind = "text"
    if chain[:5] in ("json ", "json\t"):
        kind, chain = "json", chain[5:].lstrip(_BLANK)
    if chain == ".":
        return kind, (), column
    if chain[:1] != ".":
        return None
    fields = chain[1:].split(".")
    for field in fields:
        if not field.replace("_", "a").isalnum() or field[0].isdigit():
            return None
    # text/template locates a chain of several fields at the second one.
    column += text.rindex(chain) + (1 + len(fields[0]) if len(fields) > 1 else 0)
    return kind, tuple(fields), column


def execute(parts: list[Part], value: Any, data: Data) -> str:
    """Execute a simple template on one value."""
    return "".join(part if isinstance(part, str) else _show(part, value, data) for part in parts)


def _show(part: Action, value: Any, data: Data) -> str:
    kind, fields, column = part
    is_map = False
    for index, field in enumerate(fields):
        try:
            if not isinstance(value, dict):
                raise KeyError(field)
            value = value[field] if is_map else data.field(value, field)
        except KeyError:
            if is_map:
                return "null" if kind == "json" else "<no value>"
            type_name = data.type_name if index == 0 else _type_of(value)
            raise UsageError(
                f'template: {data.name}:1:{data.offset + column}: executing "{data.name}" '
                f"at <.{'.'.join(fields)}>: can't evaluate field {field} in type {type_name}"
            ) from None
        is_map = field in MAPS
    return dumps(value) if kind == "json" else go_text(value, is_map)


def _type_of(value: Any) -> str:
    for kind, word in ((bool, "bool"), (str, "string"), (int, "int"), (float, "float64")):
        if isinstance(value, kind):
            return word
    return "[]interface {}" if isinstance(value, list) else "struct"


def go_text(value: Any, is_map: bool = False) -> str:
    """Print a value as Go's ``%v`` does; a dict is a struct unless ``is_map``."""
    if isinstance(value, str):
        return value.go_text() if isinstance(value, GoTime) else value
    if value is None:
        return "<nil>"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, (list, tuple)):
        return f"[{' '.join(map(go_text, value))}]"
    if isinstance(value, dict):
        if is_map:
            return f"map[{' '.join(f'{key}:{go_text(value[key])}' for key in sorted(value))}]"
        return "{" + " ".join(go_text(item, key in MAPS) for key, item in value.items()) + "}"
    if isinstance(value, float):
        return _go_float(value)
    return str(value)


def _go_float(value: float) -> str:
    """The shortest digits, as %g with an exponent from 1e+06 and below 1e-04."""
    from math import isfinite

    if not isfinite(value):
        return {"inf": "+Inf", "-inf": "-Inf"}.get(str(value), "NaN")
    if value == 0 or (1e-4 <= abs(value) < 1e6 and "e" not in repr(value)):
        return repr(value).removesuffix(".0")
    return _with_exponent(value)


def _with_exponent(value: float) -> str:
    mantissa, _, exponent = repr(value).partition("e")
    whole, _, fraction = mantissa.removeprefix("-").partition(".")
    digits = (whole + fraction).lstrip("0")
    power = int(exponent or 0) + len(whole) - 1 if whole != "0" else int(exponent or 0)
    if whole == "0":
        power -= len(fraction) - len(digits) + 1
    digits = digits.rstrip("0")
    point = "." if len(digits) > 1 else ""
    sign = "-" if value < 0 else ""
    return f"{sign}{digits[0]}{point}{digits[1:]}e{power:+03d}"
