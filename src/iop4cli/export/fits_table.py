"""Results as a binary table of FITS, with units, UCDs (TUCDn) and descriptions (TCOMMn) as TOPCAT has them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from iop4cli.export.results_table import ResultsTable, TypedColumn
from iop4cli.export.text_escapes import escaped

if TYPE_CHECKING:
    import polars as pl

_BLOCK_BYTES = 2880
# The smallest of 64 bits: no count or set of bits is that.
NULL_WHOLE = -(2**63)
# Keywords of eight letters for what a reader must know; what is a list has a number after the word.
_KEYWORDS = {
    "software": "CREATOR", "version": "CREATVER", "measured_by": "MEASURED", "selection": "SELECT",
    "flagged": "FLAGGED", "flagged_left_out": "NFLAGGED", "calibration_references": "CALIBREF",
    "comparison_stars": "COMPS", "references": "REFS", "instrument_references": "INSTREF", "time_system": "TIMESYST",
    "polarisation": "POLCONV", "aperture": "APERTURE", "errors": "ERRORS", "null": "NULLS", "text": "TEXTCONV",
    "host_galaxies": "HOSTS",
}  # fmt: skip


def fits_parts(table: ResultsTable, meta: Mapping[str, Any]) -> Iterator[bytes]:
    """One table, RESULTS; NULL is TNULLn of a whole column, NaN of a real one, empty text.

    FITS has ASCII only: other text is escaped, and `meta` is in the table's header (CONTINUE for long values).
    """
    import numpy as np
    from astropy.io import fits

    ascii_only = table.escaped(ascii_only=True)
    widths = {name: _width(ascii_only.frame[name]) for name in table.named("text")}
    columns = [_column(column, widths) for column in table.columns]
    made = fits.BinTableHDU.from_columns(columns, nrows=0)
    made.header["EXTNAME"] = "RESULTS"
    for number, column in enumerate(table.columns, start=1):
        if column.ucd:
            made.header[f"TUCD{number}"] = column.ucd
        if column.text:
            made.header[f"TCOMM{number}"] = escaped(column.text, ascii_only=True)
    for keyword, text in _cards(meta):
        made.header[keyword] = text
    made.header["NAXIS2"] = table.n_rows
    yield (fits.PrimaryHDU().header.tostring() + made.header.tostring()).encode("ascii")
    row = np.dtype([(column.name, _dtype(column, widths)) for column in table.columns])
    for slab in ascii_only.slabs():
        yield _rows(slab, row)
    yield bytes(-(row.itemsize * table.n_rows) % _BLOCK_BYTES)


def _width(texts: pl.Series) -> int:
    longest = texts.str.len_bytes().max()
    return int(longest) if isinstance(longest, int) and longest else 1


def _column(column: TypedColumn, widths: Mapping[str, int]) -> Any:
    from astropy.io import fits

    if column.kind == "text":
        return fits.Column(column.name, f"{widths[column.name]}A")
    null = NULL_WHOLE if column.kind == "whole" else None
    return fits.Column(column.name, "K" if column.kind == "whole" else "D", unit=column.unit or None, null=null)


def _dtype(column: TypedColumn, widths: Mapping[str, int]) -> str:
    return f"S{widths[column.name]}" if column.kind == "text" else ">i8" if column.kind == "whole" else ">f8"


def _rows(slab: pl.DataFrame, row: Any) -> bytes:
    import numpy as np

    rows = np.zeros(slab.height, row)
    for name in slab.columns:
        values = slab[name]
        if row[name].kind == "S":
            rows[name] = values.fill_null("").to_numpy().astype(row[name])
        elif row[name].kind == "i":
            rows[name] = values.fill_null(NULL_WHOLE).to_numpy()
        else:
            rows[name] = values.fill_null(np.nan).to_numpy()
    return rows.tobytes()


def _cards(meta: Mapping[str, Any]) -> Sequence[tuple[str, str | int]]:
    cards: list[tuple[str, str | int]] = []
    for name, value in meta.items():
        keyword = _KEYWORDS.get(name, name.upper()[:8])
        if isinstance(value, int):
            cards.append((keyword, value))
        elif isinstance(value, str):
            cards.append((keyword, escaped(value, ascii_only=True)))
        elif isinstance(value, Mapping) and not value:
            cards.append((keyword, "none"))
        else:
            listed = [{key: value[key]} for key in value] if isinstance(value, Mapping) else value
            cards += [
                (f"{keyword[: 8 - len(str(number))]}{number}", escaped(_text(one), ascii_only=True))
                for number, one in enumerate(listed, start=1)
            ]
    return cards


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
