"""Tables as Parquet, for polars, pandas, DuckDB: units, UCDs and meanings are metadata of the columns."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

from iop4cli.archive.store import Answer
from iop4cli.errors import UsageError
from iop4cli.export.column_types import typed_columns


def parquet_bytes(answer: Answer, meta: Mapping[str, Any]) -> bytes:
    """A table of results; `meta` is metadata of the file, as JSON where it is no text."""
    import pyarrow

    types = {"text": pyarrow.string(), "whole": pyarrow.int64(), "real": pyarrow.float64(), "truth": pyarrow.bool_()}
    fields, arrays = [], []
    for column in typed_columns(answer):
        said = {"unit": column.unit, "description": column.text, "ucd": column.ucd}
        about = {name: text for name, text in said.items() if text}
        fields.append(pyarrow.field(column.name, types[column.kind], metadata=about))
        arrays.append(pyarrow.array(column.values, types[column.kind]))
    texts = {name: value if isinstance(value, str) else _json(value) for name, value in meta.items()}
    return arrow_parquet(pyarrow.Table.from_arrays(arrays, schema=pyarrow.schema(fields, metadata=texts)))


def arrow_parquet(table: Any) -> bytes:
    """An arrow table as a Parquet file."""
    import pyarrow
    from pyarrow import parquet

    written = io.BytesIO()
    try:
        parquet.write_table(table, written, compression="zstd")
    except (pyarrow.ArrowInvalid, pyarrow.ArrowNotImplementedError) as error:
        raise UsageError(f"Parquet has no place for this: {error}; cast the column to another type") from error
    return written.getvalue()


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
