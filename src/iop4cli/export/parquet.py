"""Tables as Parquet, for polars, pandas, DuckDB: units, UCDs and meanings are metadata of the columns."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

from iop4cli.errors import UsageError
from iop4cli.export.results_table import ResultsTable


def parquet_parts(table: ResultsTable, meta: Mapping[str, Any]) -> Iterator[bytes]:
    """`meta` is metadata of the file, as JSON where it is no text; each part is a group of rows."""
    import pyarrow
    from pyarrow import parquet

    types = {"text": pyarrow.string(), "whole": pyarrow.int64(), "real": pyarrow.float64()}
    fields = []
    for column in table.columns:
        said = {"unit": column.unit, "description": column.text, "ucd": column.ucd}
        about = {name: text for name, text in said.items() if text}
        fields.append(pyarrow.field(column.name, types[column.kind], metadata=about))
    texts = {name: value if isinstance(value, str) else _json(value) for name, value in meta.items()}
    schema = pyarrow.schema(fields, metadata=texts)
    taken = _Taken()
    with parquet.ParquetWriter(taken, schema, compression="zstd") as writer:
        for slab in table.slabs():
            arrow = slab.to_arrow()
            arrays = [arrow.column(field.name).cast(field.type) for field in fields]
            writer.write_table(pyarrow.Table.from_arrays(arrays, schema=schema))
            yield taken.what_came()
    yield taken.what_came()


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


class _Taken(io.RawIOBase):
    """A stream that is written to; what came is taken from it now and then."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._position = 0

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        self._parts.append(bytes(content))
        self._position += len(self._parts[-1])
        return len(self._parts[-1])

    def tell(self) -> int:
        return self._position

    def what_came(self) -> bytes:
        came = b"".join(self._parts)
        self._parts.clear()
        return came


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
