"""Rows of any query as text: CSV, NDJSON, and columns for reading."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

_MOST_DECIMALS = 5
_SMALLEST_MJD = 40_000.0


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """CSV of any rows; NULL is empty, and empty text is `""`."""
    lines = [",".join(map(_csv_cell, columns))]
    lines += [",".join(map(_csv_cell, row)) for row in rows]
    return "\n".join(lines) + "\n"


def ndjson_text(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """One JSON object a line; NULL, and a number that is none, is null."""
    return "".join(
        json.dumps(dict(zip(columns, map(json_value, row), strict=True)), ensure_ascii=False) + "\n" for row in rows
    )


def json_value(value: Any) -> Any:
    """A value of DuckDB as JSON has it."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, (list, tuple)):
        return [json_value(item) for item in value]
    if isinstance(value, Mapping):
        return {str(name): json_value(item) for name, item in value.items()}
    return plain_text(value)


def plain_text(value: Any) -> str:
    """A value in words: ISO dates, and JSON for what is nested."""
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (list, tuple, Mapping)):
        return json.dumps(json_value(value), ensure_ascii=False)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def shown_column(values: Sequence[Any]) -> list[str]:
    """A column for reading: floats with the same decimals, NULL told from empty text.

    Six significant digits of the largest, but at least five decimals of a date (MJD, JD) and no more than five of
    anything else; what is too small for that keeps four digits of its own.
    """
    floats = [abs(value) for value in values if isinstance(value, float) and math.isfinite(value)]
    decimals = _decimals(floats)
    return [_shown(value, decimals) for value in values]


def _decimals(sizes: Sequence[float]) -> int:
    largest = max(sizes, default=0.0)
    if all(size == int(size) for size in sizes):
        return 0
    if largest >= _SMALLEST_MJD:
        return _MOST_DECIMALS
    return min(_MOST_DECIMALS, 6 - len(str(int(largest))))


def _shown(value: Any, decimals: int) -> str:
    if value is None:
        return "NULL"
    if not isinstance(value, float) or not math.isfinite(value):
        return plain_text(value)
    if value and abs(value) < 10.0 ** (1 - decimals) and decimals:
        return f"{value:.4g}"
    return f"{value:.{decimals}f}"


def _csv_cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    text = repr(value) if isinstance(value, float) else plain_text(value)
    if text and not any(letter in text for letter in ',"\r\n') and text == text.strip():
        return text
    return '"' + text.replace('"', '""') + '"'
