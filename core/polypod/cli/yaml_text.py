"""YAML as podman prints it: keys sorted, lists not indented, long text in blocks."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Plain words that YAML would read as something else than text.
_WORDS = frozenset(("", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n"))
_SPECIAL = "-?:,[]{}#&*!|>'\"%@`= \t"


def to_yaml(value: dict[str, Any]) -> str:
    """Return the document, ended by a newline."""
    return "".join(f"{line}\n" for line in _mapping(value))


def _mapping(value: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    for key in sorted(value):
        lines += _item(f"{_scalar(key)}:", value[key])
    return lines


def _item(head: str, value: Any) -> list[str]:
    """A key (or a dash) with what follows it."""
    if isinstance(value, dict) and value:
        return [head, *(f"  {line}" for line in _mapping(value))]
    if isinstance(value, (list, tuple)) and value:
        return [head, *(line for item in value for line in _element(item))]
    if isinstance(value, str) and "\n" in value:
        return [f"{head} |{'' if value.endswith(chr(10)) else '-'}", *_block(value)]
    return [f"{head} {_scalar(value)}"]


def _element(value: Any) -> list[str]:
    if isinstance(value, dict) and value:
        first, *rest = _mapping(value)
        return [f"- {first}", *(f"  {line}" for line in rest)]
    return _item("-", value)


def _block(text: str) -> list[str]:
    lines = text.removesuffix("\n").split("\n")
    return [f"  {line}" if line else "" for line in lines]


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value).removesuffix(".0")
    if isinstance(value, dict):
        return "{}"
    if isinstance(value, (list, tuple)):
        return "[]"
    return _text(str(value))


def _text(text: str) -> str:
    if text.lower() in _WORDS or _is_number(text):
        return f'"{text}"'
    odd = text[0] in _SPECIAL or text[-1] in " :" or ": " in text or " #" in text
    if text.isprintable() and odd:
        return "'" + text.replace("'", "''") + "'"
    if not text.isprintable():
        from ..kit.fastjson import dumps

        return dumps(text)
    return text


def _is_number(text: str) -> bool:
    try:
        float(text.replace("_", ""))
    except ValueError:
        return text[:2].lower() in ("0x", "0o", "0b")
    return True
