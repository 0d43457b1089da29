"""Rows of the commands as polars frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl


def frame_of(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> pl.DataFrame:
    """The rows in these columns, which an empty frame has too; what is not known is null, never NaN."""
    import polars

    found = {name: [row.get(name) for row in rows] for name in columns}
    return polars.DataFrame(found, strict=False).fill_nan(None)
