"""Results as CSV and ECSV: numbers with all their digits, nothing for what is not known."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from iop4cli.export.results_table import ResultsTable, TypedColumn

_DATATYPES = {"text": "string", "whole": "int64", "real": "float64"}


def csv_parts(table: ResultsTable, meta: Mapping[str, Any]) -> Iterator[bytes]:
    """Texts are as they are; empty text is `""`."""
    yield (",".join(column.name for column in table.columns) + "\n").encode()
    for slab in table.slabs():
        yield slab.write_csv(include_header=False).encode()


def ecsv_parts(table: ResultsTable, meta: Mapping[str, Any]) -> Iterator[bytes]:
    """ECSV 1.0 (APE 6): a YAML header, in which JSON is YAML too, then CSV; an empty cell is masked."""
    import polars as pl

    header = ["%ECSV 1.0", "---", "delimiter: ','", "datatype:"]
    header += [f"- {_described(column)}" for column in table.columns]
    header += ["meta: !!omap", *(f"- {_yaml({name: value})}" for name, value in meta.items()), "schema: astropy-2.0"]
    yield "".join(f"# {line}\n" for line in header).encode()
    escaped = table.escaped()
    known = (pl.when(pl.col(name) != "").then(pl.col(name)).alias(name) for name in table.named("text"))
    yield from csv_parts(ResultsTable(escaped.frame.with_columns(known)), meta)


def _described(column: TypedColumn) -> str:
    said: dict[str, Any] = {"name": column.name}
    if column.unit:
        said["unit"] = column.unit
    said |= {"datatype": _DATATYPES[column.kind], "description": column.text}
    if column.ucd:
        said["meta"] = {"ucd": column.ucd}
    return _yaml(said)


def _yaml(value: Any) -> str:
    """JSON that YAML reads too: in it, letters that are not printable must be escaped."""
    text = json.dumps(value, ensure_ascii=False)
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else _yaml_escape(ord(one)) for one in text)


def _yaml_escape(code: int) -> str:
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
