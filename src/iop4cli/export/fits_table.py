"""Results as a binary table of FITS, with units, UCDs (TUCDn) and descriptions (TCOMMn) as TOPCAT has them."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from iop4cli.archive.store import Answer
from iop4cli.export.column_types import TypedColumn, typed_columns
from iop4cli.export.text_escapes import escaped

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


def fits_bytes(answer: Answer, meta: Mapping[str, Any]) -> bytes:
    """One table, RESULTS; NULL is TNULLn of a whole column, NaN of a real one, empty text.

    FITS has ASCII only: other text is escaped, and `meta` is in the table's header (CONTINUE for long values).
    """
    from astropy.io import fits

    columns = typed_columns(answer)
    table = fits.BinTableHDU.from_columns([_column(column) for column in columns], nrows=len(answer.rows))
    table.header["EXTNAME"] = "RESULTS"
    for number, column in enumerate(columns, start=1):
        if column.ucd:
            table.header[f"TUCD{number}"] = column.ucd
        if column.text:
            table.header[f"TCOMM{number}"] = escaped(column.text, ascii_only=True)
    for keyword, text in _cards(meta):
        table.header[keyword] = text
    written = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(written)
    return written.getvalue()


def _column(column: TypedColumn) -> Any:
    import numpy as np
    from astropy.io import fits

    values, unit = column.values, column.unit or None
    if column.kind == "real":
        array = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
        return fits.Column(column.name, "D", unit=unit, array=array)
    if column.kind == "whole":
        array = np.array([NULL_WHOLE if value is None else value for value in values], dtype=np.int64)
        return fits.Column(column.name, "K", unit=unit, null=NULL_WHOLE, array=array)
    if column.kind == "truth" and None not in values:
        return fits.Column(column.name, "L", array=np.array(values, dtype=bool))
    # A logical has no NULL that astropy writes, so that one with NULL in it is text.
    words = {None: "", True: "true", False: "false"}
    texts = [words[value] if value is None or value is True or value is False else value for value in values]
    cells = [escaped(text, ascii_only=True).encode("ascii") for text in texts]
    width = max(map(len, cells), default=0) or 1
    return fits.Column(column.name, f"{width}A", array=np.array(cells, dtype=f"S{width}"))


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
