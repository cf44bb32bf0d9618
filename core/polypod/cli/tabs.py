"""Aligned columns, byte for byte as Go's text/tabwriter writes podman's tables.

Minimum width 12, padding 2, blanks; the text after a line's last tab is not part of a
column. A column ends where a line has no such cell.
"""

from __future__ import annotations

_MIN_WIDTH, _PADDING = 12, 2


def align(text: str) -> str:
    """Replace the tabs of ``text`` by the blanks that align its columns."""
    if "\t" not in text:
        return text
    rows = [line.split("\t") for line in text.split("\n")]
    last = len(rows[-1])
    body = rows[:-1] if last == 1 else rows
    size = len(body[0])
    if all(len(row) == size for row in body):
        lines = _uniform(body, size)
        if last == 1:
            lines.append(rows[-1][0])
        return "\n".join(lines)
    lines = []
    _block(rows, 0, len(rows), [], lines)
    return "\n".join(lines)


def table(rows: list[list[str]]) -> str:
    """Return the lines of a table, each ended by a newline; the heading is the first row."""
    return align("".join("\t".join(row) + "\n" for row in rows))


def _uniform(rows: list[list[str]], size: int) -> list[str]:
    """The usual case: each line has the same columns."""
    widths = [
        max(_MIN_WIDTH, max(map(len, column)) + _PADDING)
        for column in list(zip(*rows))[: size - 1]  # noqa: B905 - all of one size
    ]
    widths.append(0)
    form = "".join(f"{{:{width}}}" if width else "{}" for width in widths)
    return [form.format(*row) for row in rows]


def _block(
    rows: list[list[str]], first: int, end: int, widths: list[int], lines: list[str]
) -> None:
    """Write the lines from ``first`` to ``end``; their columns left of here have ``widths``."""
    column = len(widths)
    index = first
    while index < end:
        if column >= len(rows[index]) - 1:
            index += 1
            continue
        _write(rows, first, index, widths, lines)
        first, width = index, _MIN_WIDTH
        while index < end and column < len(rows[index]) - 1:
            width = max(width, len(rows[index][column]) + _PADDING)
            index += 1
        _block(rows, first, index, [*widths, width], lines)
        first = index
    _write(rows, first, end, widths, lines)


def _write(
    rows: list[list[str]], first: int, end: int, widths: list[int], lines: list[str]
) -> None:
    for row in rows[first:end]:
        padded = [cell.ljust(width) for cell, width in zip(row, widths)]  # noqa: B905
        lines.append("".join((*padded, *row[len(widths) :])))
