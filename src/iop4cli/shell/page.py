"""Text for people on stdout: headings, pairs, aligned tables; colours only where a terminal wants them."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from iop4cli.shell import output

_RESET = "\x1b[0m"
_STYLES = {
    "heading": "\x1b[1;36m",
    "dim": "\x1b[2m",
    "done": "\x1b[32m",
    "info": "",
    "ok": "\x1b[32m",
    "failed": "\x1b[31m",
    "error": "\x1b[31m",
    "bad": "\x1b[31m",
    "impossible": "\x1b[33m",
    "blocked": "\x1b[33m",
    "warning": "\x1b[33m",
}
_NARROWEST_TEXT = 36
_NUMBER = re.compile(r"([-+]?[0-9.]+(e[-+]?[0-9]+)?|NULL)?")


def width() -> int | None:
    """Columns of the terminal; None in a pipe, where lines are as long as they are."""
    return output.columns()


def heading(text: str, indent: int = 0) -> None:
    output.write(" " * indent + _styled(output.clean(text), "heading") + "\n")


def text(words: str, indent: int = 2, style: str = "") -> None:
    """A paragraph."""
    room = width()
    lines = (
        textwrap.wrap(output.clean(words), room - indent, break_long_words=False, break_on_hyphens=False)
        if room
        else [output.clean(words)]
    )
    for line in lines or [""]:
        output.write((" " * indent + _styled(line, style)).rstrip() + "\n")


def pairs(known: Mapping[str, Any], indent: int = 2) -> None:
    """Name and value, one a line; what is not known is left out."""
    shown = {name: _cell(value) for name, value in known.items() if _cell(value) != ""}
    column = max(map(len, shown), default=0)
    for name, value in shown.items():
        for number, line in enumerate(_wrapped(value, indent + column + 2, width())):
            label = name.ljust(column) if number == 0 else " " * column
            output.write(f"{' ' * indent}{_styled(label, 'dim')}  {line}\n")


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], indent: int = 2) -> None:
    """Aligned columns, without those empty in all rows; the last column takes what room is left."""
    shown = [name for name in columns if any(_cell(row.get(name)) for row in rows)] or list(columns)
    for line in table_lines(rows, shown, indent, width()):
        output.write(line + "\n")


def fits(rows: Sequence[Mapping[str, Any]], shown: Sequence[str], room: int) -> bool:
    """Whether a table has room in so many columns; text in the last of them may go on below."""
    widths = [max([len(name), *(len(_cell(row.get(name))) for row in rows)]) for name in shown]
    numbers = all(_NUMBER.fullmatch(_cell(row.get(shown[-1]))) for row in rows)
    return sum(widths if numbers else widths[:-1]) + len(widths) - 1 <= room


def table_lines(
    rows: Sequence[Mapping[str, Any]], shown: Sequence[str], indent: int, room: int | None
) -> Iterator[str]:
    """The lines of a table for a terminal of `room` columns, or as wide as it is."""
    cells = {name: [_cell(row.get(name)) for row in rows] for name in shown}
    widths = {name: max([len(name), *map(len, cells[name])]) for name in shown}
    gap = 1 if room and indent + sum(widths.values()) + 2 * (len(shown) - 1) > room else 2
    right = {name for name in shown if all(_NUMBER.fullmatch(cell) for cell in cells[name])}
    before = indent + sum(widths[name] + gap for name in shown[:-1])
    yield " " * indent + _styled(_row({name: name for name in shown}, shown, widths, right, gap), "dim")
    for number in range(len(rows)):
        values = {name: cells[name][number] for name in shown}
        last, start = _last_cell(values[shown[-1]], before, indent + 4, room)
        values[shown[-1]] = last[0]
        style = next((values[name] for name in ("status", "level", "state") if values.get(name) in _STYLES), "")
        yield " " * indent + _styled(_row(values, shown, widths, right, gap), style)
        for line in last[1:]:
            yield " " * start + _styled(line, style)


def _row(values: Mapping[str, str], shown: Sequence[str], widths: Mapping[str, int], right: set[str], gap: int) -> str:
    parts = [values[name].rjust(widths[name]) if name in right else values[name].ljust(widths[name]) for name in shown]
    return (" " * gap).join(parts).rstrip()


def _last_cell(value: str, before: int, below: int, room: int | None) -> tuple[list[str], int]:
    """The lines of a row's last cell, and where the second begins; all below the row where room is short."""
    if room is None or before + len(value) <= room:
        return [value], before
    if room - before >= _NARROWEST_TEXT:
        return _wrapped(value, before, room), before
    return ["", *_wrapped(value, below, room)], below


def _wrapped(value: str, before: int, room: int | None) -> list[str]:
    if room is None or before + len(value) <= room:
        return [value]
    return textwrap.wrap(value, room - before, break_on_hyphens=False, break_long_words=False) or [""]


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_cell(item)}" for name, item in value.items())
    if hasattr(value, "isoformat") and hasattr(value, "hour") and output.is_terminal():
        return str(value.isoformat(sep=" ", timespec="seconds"))
    return output.clean(output.cell(value))


def _styled(text: str, style: str) -> str:
    code = _STYLES.get(style, "")
    wanted = code and output.is_terminal() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    return f"{code}{text}{_RESET}" if wanted else text
