"""Catalogues as ECSV and VOTable, and VOTables read."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from iop4cli.archive.catalog import CatalogError, CatalogProblem, columns_and_rows, to_csv
from iop4cli.archive.catalog_row import BAND_COLUMN, SYNONYMS
from iop4cli.archive.source import Source
from iop4cli.errors import UsageError

_UNITS = {"ra": "deg", "dec": "deg", "chi": "deg", "chi_err": "deg"}
_UCDS = {
    "name": "meta.id;meta.main", "other_names": "meta.id", "ra": "pos.eq.ra;meta.main", "dec": "pos.eq.dec;meta.main",
    "kind": "src.class", "redshift": "src.redshift", "p": "phys.polarization.linear",
    "p_err": "stat.error;phys.polarization.linear", "chi": "pos.posAng;phys.polarization.linear",
    "chi_err": "stat.error;pos.posAng;phys.polarization.linear", "reference": "meta.bib", "comment": "meta.note",
}  # fmt: skip
_NUMBERS = ("ra", "dec", "redshift", "p", "p_err", "chi", "chi_err")
# What XML 1.0 cannot carry at all.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def _numeric(column: str) -> bool:
    return column in _NUMBERS or BAND_COLUMN.fullmatch(column) is not None


def _unit(column: str) -> str | None:
    return "mag" if BAND_COLUMN.fullmatch(column) else _UNITS.get(column)


def to_ecsv(sources: Iterable[Source]) -> str:
    """The sources as ECSV, with units; `read_catalog` reads it back to the same."""
    known = list(sources)
    columns, _ = columns_and_rows(known)
    described = [
        f"# - {{name: {column}, {f'unit: {_unit(column)}, ' if _unit(column) else ''}"
        f"datatype: {'float64' if _numeric(column) else 'string'}}}\n"
        for column in columns
    ]
    head = "# %ECSV 1.0\n# ---\n# delimiter: ','\n# datatype:\n" + "".join(described) + "# schema: astropy-2.0\n"
    return head + to_csv(known)


def to_votable(sources: Iterable[Source]) -> str:
    """The sources as a VOTable; `read_catalog` reads it back to the same."""
    import numpy as np
    from astropy.table import Column, MaskedColumn, Table

    columns, rows = columns_and_rows(sources)
    table = Table()
    for name in columns:
        cells = [row.get(name, "") for row in rows]
        if _numeric(name):
            values = np.array([float(cell) if cell else np.nan for cell in cells], dtype=float)
            table[name] = MaskedColumn(values, mask=np.isnan(values), unit=_unit(name))
        else:
            for cell in cells:
                if _NOT_XML.search(cell):
                    raise UsageError(f"{name} {cell!r} has a control character, which a VOTable cannot hold: use CSV")
            table[name] = Column(cells, dtype=None if cells else "U1")
        ucd = "phot.mag" if BAND_COLUMN.fullmatch(name) else _UCDS.get(name)
        if ucd:
            error = name.startswith("mag_") and name.endswith("_err")
            table[name].meta["ucd"] = f"stat.error;{ucd}" if error else ucd
    written = io.BytesIO()
    table.write(written, format="votable")
    return written.getvalue().decode("utf-8")


def votable_lines(path: Path) -> list[tuple[int, list[str]]]:
    """(row, cells) of a VOTable, the names of the columns first; rows count from 1, and masked cells are empty."""
    from astropy.io.votable import parse_single_table

    try:
        table = parse_single_table(path, verify="ignore").to_table(use_names_over_ids=True)
    except (OSError, ValueError, TypeError, IndexError) as error:
        raise CatalogError([CatalogProblem(str(path), None, "", "", f"is no VOTable: {error}")]) from None
    for name in table.colnames:
        unit, column = str(table[name].unit or ""), SYNONYMS.get(name, name)
        if column in _UNITS and unit not in ("", "deg"):
            raise CatalogError([CatalogProblem(str(path), None, name, unit, "must be in deg")])
    rows = [[_cell(value) for value in row] for row in zip(*(table[name] for name in table.colnames), strict=True)]
    return [(0, list(table.colnames)), *enumerate(rows, start=1)]


def _cell(value: Any) -> str:
    import numpy as np

    if value is np.ma.masked:
        return ""
    return repr(float(value)) if isinstance(value, (float, np.floating)) else str(value)
