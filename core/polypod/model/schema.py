"""msgspec types made from the annotations of :class:`~polypod.model.struct.Struct` classes.

The nouns themselves do without msgspec, so that a warm start does not import it;
data that somebody else wrote is checked here.
"""

from __future__ import annotations

import sys
import types
import typing

import msgspec

from ..errors import PolypodError
from .struct import Struct

_made: dict[tuple[type, bool], type] = {}


class Invalid(PolypodError):
    """Data does not fit a struct; the message tells where and why."""


def schema(struct: type[Struct], *, strict: bool = False) -> type[msgspec.Struct]:
    """The msgspec type of a struct class; ``strict`` refuses unknown fields, at every depth."""
    known = _made.get((struct, strict))
    if known is None:
        hints = _hints(struct)
        fields: list[tuple[str, typing.Any] | tuple[str, typing.Any, typing.Any]] = []
        for name in struct._fields_:
            kind = _translate(hints[name], strict)
            if name in struct._required_:
                fields.append((name, kind))
            else:
                fields.append((name, kind | msgspec.UnsetType, msgspec.UNSET))
        known = msgspec.defstruct(struct.__name__, fields, kw_only=True, forbid_unknown_fields=strict)
        _made[struct, strict] = known
    return known


def _hints(struct: type[Struct]) -> dict[str, typing.Any]:
    """The types of the fields; ``typing.get_type_hints`` would look at the base's own, too."""
    hints: dict[str, typing.Any] = {}
    for base in reversed(struct.__mro__):
        if base is not Struct and issubclass(base, Struct):
            names = {**vars(typing), **vars(sys.modules[base.__module__])}
            for name, text in base.__dict__.get("__annotations__", {}).items():
                if name in struct._fields_:
                    hints[name] = eval(text, names) if isinstance(text, str) else text
    return hints


def _translate(kind: typing.Any, strict: bool) -> typing.Any:
    if isinstance(kind, type) and issubclass(kind, Struct):
        return schema(kind, strict=strict)
    arguments = typing.get_args(kind)
    if not arguments:
        return kind
    inner = tuple(_translate(argument, strict) for argument in arguments)
    origin = typing.get_origin(kind)
    if origin is types.UnionType or origin is typing.Union:
        return typing.Union[inner]  # noqa: UP007 - built from values, not written as a type
    return origin[inner]


def validate(
    struct: type[Struct], data: dict[str, typing.Any], *, strict: bool = False
) -> dict[str, typing.Any]:
    """The data, checked and with lists turned into the tuples that the struct declares.

    Give the result to ``struct.from_dict``. Raises :class:`Invalid`.
    """
    try:
        checked = msgspec.convert(data, schema(struct, strict=strict))
    except msgspec.ValidationError as error:
        raise Invalid(_lower(str(error))) from None
    result: dict[str, typing.Any] = _plain(checked)
    return result


def _plain(value: typing.Any) -> typing.Any:
    if isinstance(value, msgspec.Struct):
        pairs = ((name, getattr(value, name)) for name in value.__struct_fields__)
        return {name: _plain(item) for name, item in pairs if item is not msgspec.UNSET}
    if isinstance(value, (tuple, list)):
        return type(value)(_plain(item) for item in value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:].replace("`", "'")
