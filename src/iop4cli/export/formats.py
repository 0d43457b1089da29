"""The formats of results: how each is called, its suffixes, and what writes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

    from iop4cli.export.results_table import ResultsTable

SUFFIXES = {
    ".csv": "csv", ".ecsv": "ecsv", ".vot": "votable", ".xml": "votable", ".fits": "fits", ".parquet": "parquet",
    ".ndjson": "ndjson", ".jsonl": "ndjson", ".md": "markdown", ".tex": "latex",
}  # fmt: skip
FORMATS = tuple(dict.fromkeys(SUFFIXES.values()))
# Not to be written to a terminal.
BINARY = ("fits", "parquet")
# Rows alone: what these have no place for need not be looked up.
BARE = ("csv", "ndjson")
# Rounded, for reading: they show a few columns unless others are asked for.
PRINTED = ("markdown", "latex")

CONVENTIONS = {
    "time_system": "bjd_tdb is BJD_TDB; mjd_utc is UTC; both are mid-exposure",
    "polarisation": "p, q and u are fractions; chi goes from north through east, 0 <= chi < 180 deg",
    "aperture": "aperture_arcsec is the radius, not the diameter",
    "errors": "one sigma; *_err does not contain *_sys, the share of the polarimetric calibration",
    "null": "a value that is not known is empty",
}
_ESCAPED = "what a text has that the format cannot hold is escaped with backslashes, as in strings of Python"
_NULLS = {
    "votable": "a value that is not known is NaN, the null value of its column, or empty text",
    "fits": "a value that is not known is NaN, TNULL of its column, or empty text",
    "parquet": "a value that is not known is NULL",
}
_MODULES = {
    "csv": "csv_table", "ecsv": "csv_table", "votable": "votable", "fits": "fits_table", "parquet": "parquet",
    "ndjson": "ndjson", "markdown": "markdown_table", "latex": "latex_table",
}  # fmt: skip


def written(frame: pl.DataFrame, form: str, meta: Mapping[str, Any]) -> Iterator[bytes]:
    """A table of results in one of FORMATS, part by part; `meta` goes where the format has a place for it."""
    from iop4cli.export.results_table import ResultsTable

    said = {**meta, **CONVENTIONS, "null": _NULLS.get(form, CONVENTIONS["null"])}
    if form != "parquet":
        said["text"] = _ESCAPED
    module = import_module(f"iop4cli.export.{_MODULES[form]}")
    parts: Callable[[ResultsTable, Mapping[str, Any]], Iterator[bytes]] = getattr(module, f"{form}_parts")
    return parts(ResultsTable.of(frame), said)
