"""JSON at C speed without the 5 ms that ``import json`` costs.

The stdlib's ``json`` imports ``re`` for its pure-Python fallback only. The
scanner and the encoder behind it are C code that can be used directly. Where
an interpreter lacks them, ``json`` itself serves.
"""

from __future__ import annotations

try:
    from _json import encode_basestring, make_encoder, make_scanner
except ImportError:  # pragma: no cover - other Python implementations
    make_scanner = None  # type: ignore[assignment,misc]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


class _Context:
    strict = False
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float
    memo: dict[str, str] = {}


def _default(value: object) -> object:
    to_dict = getattr(value, "to_dict", None)
    if to_dict is not None:
        return to_dict()
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} is not JSON serializable")


def _indented(value: object, step: str, line: str, sort_keys: bool) -> Iterator[str]:
    """What ``json.dumps(indent=...)`` gives; the C encoder cannot indent before Python 3.15."""
    if isinstance(value, dict) and value:
        mark = "{"
        for key in sorted(value) if sort_keys else value:
            yield f"{mark}{line}{step}{encode_basestring(_key(key))}: "
            yield from _indented(value[key], step, line + step, sort_keys)
            mark = ","
        yield line + "}"
    elif isinstance(value, (list, tuple)) and value:
        mark = "["
        for item in value:
            yield f"{mark}{line}{step}"
            yield from _indented(item, step, line + step, sort_keys)
            mark = ","
        yield line + "]"
    elif value is None or isinstance(value, (str, int, float, dict, list, tuple)):
        yield dumps(value)
    else:
        yield from _indented(_default(value), step, line, sort_keys)


def _key(key: object) -> str:
    return key if isinstance(key, str) else dumps(key)


def _judged(text: str | bytes | bytearray) -> Any:
    """Let the full parser word the error: bad input is rare."""
    import json

    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("JSON is nested too deeply") from None


if make_scanner is not None:
    _scan = make_scanner(_Context)  # type: ignore[arg-type]

    def loads(data: str | bytes | bytearray) -> Any:
        """Decode one JSON document; raise ``ValueError`` when it is not one."""
        text = data if isinstance(data, str) else data.decode("utf-8")
        text = text.strip(" \t\n\r\ufeff")
        try:
            value, end = _scan(text, 0)
        except (StopIteration, SystemError, ValueError):
            end = -1
        except RecursionError:
            raise ValueError("JSON is nested too deeply") from None
        return value if end == len(text) else _judged(text)

    def dumps(value: object, *, sort_keys: bool = False, indent: int | None = None) -> str:
        """Encode to compact JSON, or to indented JSON when ``indent`` is given."""
        if indent is not None:
            return "".join(_indented(value, " " * indent, "\n", sort_keys))
        encode = make_encoder({}, _default, encode_basestring, None, ":", ",", sort_keys, False, False)
        return "".join(encode(value, 0))

else:  # pragma: no cover
    import json

    def loads(data: str | bytes | bytearray) -> Any:
        return _judged(data)

    def dumps(value: object, *, sort_keys: bool = False, indent: int | None = None) -> str:
        return json.dumps(
            value,
            indent=indent,
            sort_keys=sort_keys,
            ensure_ascii=False,
            default=_default,
            separators=(",", ":") if indent is None else None,
        )
