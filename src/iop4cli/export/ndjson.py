"""Results as NDJSON: an object a line, with every column; what is not known is null."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from iop4cli.export.results_table import ResultsTable


def ndjson_parts(table: ResultsTable, meta: Mapping[str, Any]) -> Iterator[bytes]:
    """There is no place for `meta`."""
    for slab in table.slabs():
        yield slab.write_ndjson().encode()
