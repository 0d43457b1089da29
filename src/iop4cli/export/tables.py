"""Results as text: CSV, ECSV and NDJSON, the same bytes wherever they go."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from iop4cli.archive.columns import RESULTS, Column
from iop4cli.archive.store import Answer
from iop4cli.export.column_types import kind_of
from iop4cli.export.text_escapes import escaped

_MOST_DECIMALS = 5
_SMALLEST_MJD = 40_000.0

CONVENTIONS = {
    "time_system": "bjd_tdb is BJD_TDB; mjd_utc is UTC; both are mid-exposure",
    "polarisation": "p, q and u are fractions; chi goes from north through east, 0 <= chi < 180 deg",
    "aperture": "aperture_arcsec is the radius, not the diameter",
    "errors": "one sigma; *_err does not contain *_sys, the share of the polarimetric calibration",
    "null": "a value that is not known is empty",
}
ESCAPED = "what a text has that the format cannot hold is escaped with backslashes, as in strings of Python"


def to_text(answer: Answer, form: str, meta: Mapping[str, Any]) -> str:
    """A table of results as csv, ecsv or ndjson; `meta` goes where the format has a place for it."""
    return _WRITERS[form](answer, meta)


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


def _ecsv_text(answer: Answer, meta: Mapping[str, Any]) -> str:
    """ECSV 1.0 (APE 6): a YAML header, in which JSON is YAML too, then CSV; an empty cell is masked."""
    header = ["%ECSV 1.0", "---", "delimiter: ','", "datatype:"]
    header += [f"- {_ecsv_column(name, RESULTS.get(name), answer)}" for name in answer.columns]
    header += ["meta: !!omap"]
    header += [f"- {_yaml({name: value})}" for name, value in {**meta, **CONVENTIONS, "text": ESCAPED}.items()]
    header += ["schema: astropy-2.0"]
    one_line = ([_one_line(value) for value in row] for row in answer.rows)
    return "".join(f"# {line}\n" for line in header) + csv_text(answer.columns, one_line)


def _one_line(value: Any) -> Any:
    return escaped(value) or None if isinstance(value, str) else value


def _yaml(value: Any) -> str:
    """JSON that YAML reads too: in it, letters that are not printable must be escaped."""
    text = json.dumps(value, ensure_ascii=False)
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else _yaml_escape(ord(one)) for one in text)


def _yaml_escape(code: int) -> str:
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _ecsv_column(name: str, column: Column | None, answer: Answer) -> str:
    index = answer.columns.index(name)
    described: dict[str, Any] = {"name": name}
    if column is not None and column.unit:
        described["unit"] = column.unit
    described["datatype"] = _DATATYPES[kind_of(name, [row[index] for row in answer.rows])]
    if column is not None:
        described["description"] = column.text
        if column.ucd:
            described["meta"] = {"ucd": column.ucd}
    return _yaml(described)


_DATATYPES = {"text": "string", "whole": "int64", "real": "float64", "truth": "bool"}

_WRITERS: dict[str, Callable[[Answer, Mapping[str, Any]], str]] = {
    "csv": lambda answer, meta: csv_text(answer.columns, answer.rows),
    "ecsv": _ecsv_text,
    "ndjson": lambda answer, meta: ndjson_text(answer.columns, answer.rows),
}
