"""``--format``: rows or one object through a Go template, as JSON, or as a table.

Every function returns text that ends with a newline: ``ctx.out(text, end="")``.
"""

from __future__ import annotations

from .tabs import align, table
from .template import Data, GoTime, execute, simple_parts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .template import Part

__all__ = ["GoTime", "format_rows", "is_json", "render_one", "table", "to_json"]


def is_json(template: str) -> bool:
    """Tell whether ``--format`` asks for JSON: ``json``, ``{{json}}``, ``{{ json. }}``."""
    text = template.strip()
    if text[:2] == "{{" and text[-2:] == "}}":
        text = text[2:-2].strip().removesuffix(".")
    return text == "json"


def to_json(value: Any, indent: int | None = 4) -> str:
    """JSON as podman prints it: indented by so many blanks, or compact for None."""
    from ..kit.fastjson import dumps

    return dumps(value, indent=indent) + "\n"


def format_rows(
    rows: list[dict[str, Any]],
    template: str,
    *,
    headings: Mapping[str, str] | None = None,
    noheading: bool = False,
    default: bool = False,
    name: str = "format",
    type_name: str = "",
    aliases: Mapping[str, str] | None = None,
) -> str:
    """Render one line a row.

    ``template`` with the prefix ``table`` gives aligned columns under a heading; so does
    the command's own template, told by ``default`` (write its tabs as ``\\t``).
    ``headings`` maps fields to headings; others are made from the field's name
    (``RunningFor`` → ``RUNNING FOR``). A template with its own ``{{range .}}`` gets all rows.
    ``json`` is left to the caller, whose JSON has other fields than its rows.
    """
    data = Data(name, type_name, aliases, offset=len("{{range .}}"))
    as_table = default or template.startswith("table ")
    text = normalize(template)
    if _has_range(text):
        from .gotemplate import execute_full

        result = execute_full(text, rows, data)
        return align(result) if as_table else result
    lines = []
    if as_table and not noheading:
        lines.append(_heading(text, headings or {}, name))
    lines.extend(_each(text, rows, data))
    return align("".join(lines)) if as_table else "".join(lines)


def render_one(
    value: Any,
    template: str,
    *,
    name: str = "format",
    type_name: str = "",
    aliases: Mapping[str, str] | None = None,
    fallback: Any = None,
    indent: int | None = 4,
) -> str:
    """Render one object; ``json`` gives JSON, indented by ``indent``.

    ``fallback`` is tried when the template asks for a field that ``value`` lacks.
    """
    from ..errors import UsageError

    if is_json(template):
        return to_json(value, indent)
    text = normalize(template)
    data = Data(name, type_name, aliases)
    try:
        return _each(text, [value], data)[0]
    except UsageError:
        if fallback is None:
            raise
        return _each(text, [fallback], data)[0]


def normalize(template: str) -> str:
    """Turn what the shell leaves of tabs and newlines into such, as podman does.

    In a ``table`` template a blank parts columns too.
    """
    if template.startswith("table "):
        text = template.replace("table ", "").replace(r"\t", "\t").replace(r"\n", "\n")
        text = text.replace(" ", "\t")
    else:
        text = template.replace(r"\t", "\t").replace(r"\n", "\n")
        if r"\n" in template and simple_parts(text) is None:
            # {{printf "\n"}}: the escape belongs to a string of the template itself.
            from .gotemplate import is_valid

            if not is_valid(text):
                return template
    return text if text.endswith("\n") else text + "\n"


def _each(text: str, rows: list[Any], data: Data) -> list[str]:
    parts = simple_parts(text)
    if parts is not None:
        return [execute(parts, row, data) for row in rows]
    from .gotemplate import execute_full

    return [execute_full(text, row, data) for row in rows]


def _has_range(text: str) -> bool:
    squeezed = text.replace(" ", "").replace("\t", "")
    return "{{range.}}" in squeezed or "{{-range.}}" in squeezed or "{{range.-}}" in squeezed


class _Headings(dict):  # type: ignore[type-arg]
    """Every field has a heading: the given one, or its own name in words."""

    def __missing__(self, field: str) -> str:
        return heading_of(field)

    def __contains__(self, field: object) -> bool:
        return True


def _heading(text: str, headings: Mapping[str, str], name: str) -> str:
    names = _Headings({key: value.upper() for key, value in headings.items()})
    parts = simple_parts(text)
    if parts is not None:
        # {{json .Names}} and {{.A.B}} are headed by the field.
        flat: list[Part] = [
            part if isinstance(part, str) else ("text", part[1][-1:], 0) for part in parts
        ]
        return execute(flat, names, Data(name))
    from .gotemplate import execute_heading

    return execute_heading(text, names, name)


def heading_of(field: str) -> str:
    """Split a field's name at its humps: ``ImageID`` → ``IMAGE ID``."""
    words = ""
    for index, letter in enumerate(field):
        before, after = field[index - 1 : index], field[index + 1 : index + 2]
        if letter.isupper() and before and (before.islower() or (after.islower())):
            words += " "
        words += letter
    return words.upper()
