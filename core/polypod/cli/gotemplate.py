"""Every Go template that is not simple, through gotpl, with podman's functions and words."""

from __future__ import annotations

import re

from ..errors import UsageError
from ..kit.fastjson import dumps
from .template import MAPS, Data, GoTime, _type_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def execute_full(text: str, value: Any, data: Data) -> str:
    """Execute any template on ``value``; raise :class:`UsageError` in text/template's words."""
    import gotpl

    text = _methods(text)
    try:
        template = gotpl.Template(text, name=data.name, functions=_FUNCTIONS)
    except gotpl.TemplateSyntaxError as error:
        raise UsageError(_syntax_words(data.name, str(error), text)) from error
    try:
        return template.render(_wrap(value, data, data.type_name))
    except gotpl.TemplateExecutionError as error:
        raise UsageError(_execution_words(error, data)) from error


# gotpl calls functions alone: {{.Label "a"}}, the one method of podman's rows, becomes one.
_METHOD = re.compile(r"(?<![\w.$)])\.Label(\s+[\"`])")


def _methods(text: str) -> str:
    return _METHOD.sub(r"label .\1", text)


def is_valid(text: str) -> bool:
    """Tell whether the template can be parsed."""
    import gotpl

    try:
        gotpl.Template(text, functions=_FUNCTIONS)
    except gotpl.TemplateSyntaxError:
        return False
    return True


def _syntax_words(name: str, message: str, text: str) -> str:
    # gotpl says "template:LINE:COLUMN: reason", Go "template: NAME:LINE: reason".
    head, _, reason = message.partition(": ")
    line = head.split(":")[1] if head.count(":") == 2 else "1"
    # The newline at the end is not the user's.
    line = str(min(int(line), text.rstrip("\n").count("\n") + 1))
    reason = reason.replace("function '", 'function "').replace("' not defined", '" not defined')
    for keyword in ("end", "else", "else if"):
        if reason == f"unexpected {keyword}":
            reason = f"unexpected {{{{{keyword}}}}}"
    return f"template: {name}:{line}: {reason}"


def _execution_words(error: Any, data: Data) -> str:
    message = error.message
    if not message.startswith("at <"):
        return str(error)
    # gotpl counts columns from 1, Go from 0.
    column = data.offset + (error.column or 1) - 1
    return f'template: {data.name}:{error.line}:{column}: executing "{data.name}" {message}'


class _Headings:
    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def __gotemplate_lookup__(self, field: str) -> str:
        return self.names[field]


def execute_heading(text: str, names: dict[str, str], name: str) -> str:
    """Execute a table's template on its headings; ``names`` must answer for every field."""
    import gotpl

    text = _methods(text)
    try:
        return gotpl.Template(text, name=name, functions=_FUNCTIONS).render(_Headings(names))
    except gotpl.TemplateSyntaxError as error:
        raise UsageError(_syntax_words(name, str(error), text)) from error
    except gotpl.TemplateError as error:
        raise UsageError(str(error)) from error


class Record(dict):  # type: ignore[type-arg]
    """A Go struct to gotpl: a field that is not there is an error."""

    data: Data
    type_name: str

    def __gotemplate_lookup__(self, field: str) -> Any:
        try:
            found = self.data.field(self, field)
        except KeyError:
            from gotpl import TemplateExecutionError

            raise TemplateExecutionError(
                f"at <.{field}>: can't evaluate field {field} in type {self.type_name}"
            ) from None
        return found.go_text() if isinstance(found, GoTime) else found


class LazyRecord(dict):  # type: ignore[type-arg]
    """A Go struct whose fields are worked out when a template asks, as the rows of ps are."""

    source: dict[str, Any]
    data: Data
    type_name: str

    def __gotemplate_lookup__(self, field: str) -> Any:
        try:
            found = self.data.field(self.source, field)
        except KeyError:
            from gotpl import TemplateExecutionError

            raise TemplateExecutionError(
                f"at <.{field}>: can't evaluate field {field} in type {self.type_name}"
            ) from None
        return _wrap(found, self.data, _type_of(found), field in MAPS)


def _lazy(value: dict[str, Any], data: Data, type_name: str) -> LazyRecord:
    record = LazyRecord()
    record.source, record.data, record.type_name = value, data, type_name
    return record


def _wrap(value: Any, data: Data, type_name: str, is_map: bool = False) -> Any:
    if isinstance(value, dict):
        if not value and hasattr(value, "__missing__"):
            return _lazy(value, data, type_name)
        items = {k: _wrap(v, data, _type_of(v), k in MAPS) for k, v in value.items()}
        if is_map:
            return items
        record = Record(items)
        record.data, record.type_name = data, type_name
        return record
    if isinstance(value, (list, tuple)):
        return [_wrap(item, data, type_name) for item in value]
    return value


def _join(values: list[Any], separator: str) -> str:
    return separator.join(map(str, values))


def _split(text: str, separator: str) -> list[str]:
    return text.split(separator) if separator else list(text)


def _title(text: str) -> str:
    return "".join(
        c.upper() if i == 0 or not (text[i - 1].isalnum() or text[i - 1] in "_'") else c
        for i, c in enumerate(text)
    )


def _pad(text: str, prefix: int, suffix: int) -> str:
    return " " * prefix + text + " " * suffix if text else text


def _label(row: Any, name: str) -> str:
    """The value of one label of a row of ps; in the heading, the label's name."""
    return str(row.source["Label"](name)) if isinstance(row, LazyRecord) else name.upper()


def _truncate(text: str, length: int) -> str:
    return text[:length]


_FUNCTIONS: dict[str, Any] = {
    "join": _join,
    "json": dumps,
    "label": _label,
    "lower": str.lower,
    "pad": _pad,
    "split": _split,
    "title": _title,
    "truncate": _truncate,
    "upper": str.upper,
}
