"""Pan-STARRS DR2 mean objects around a place: from the MAST service, or from a file with its columns.

The service: https://catalogs.mast.stsci.edu/docs/panstarrs.html; what it does not know is -999.
"""

from __future__ import annotations

import csv
import io
import math

from iop4cli.errors import UsageError
from iop4cli.remote.asking import ServiceError, ask_service

BANDS = ("g", "r", "i")
COLUMNS = (
    "objID", "raMean", "decMean", "nDetections",
    *(f"{band}MeanPSFMag{suffix}" for band in BANDS for suffix in ("", "Err", "Std")),
)  # fmt: skip
_MAY_BE_MISSING = ("objID",)
# The service gives no more in one answer.
_MOST_ROWS = 50001
# What was seen only once is mostly no object.
_LEAST_DETECTIONS = 2
_NOT_KNOWN = -999.0


def ask_panstarrs(url: str, ra_deg: float, dec_deg: float, radius_deg: float, timeout_s: float) -> str:
    """The service's CSV of the mean objects within a radius, faint ones too: they may disturb a calibrator."""
    parameters = {
        "ra": f"{ra_deg:.7f}", "dec": f"{dec_deg:.7f}", "radius": f"{radius_deg:.6f}",
        "nDetections.gte": str(_LEAST_DETECTIONS), "columns": f"[{','.join(COLUMNS)}]", "pagesize": str(_MOST_ROWS),
    }  # fmt: skip
    return ask_service("the Pan-STARRS service", url.rstrip("/") + ".csv", parameters, timeout_s)


def parse_panstarrs(text: str, origin: str) -> dict[str, list[float | str]]:
    """Columns by the service's names, each (n,): numbers, NaN where it knows nothing; `objID` as text.

    Capitals in names do not matter, other columns are passed over. No text at all is no object.
    """
    columns: dict[str, list[float | str]] = {name: [] for name in COLUMNS}
    if not text.strip():
        return columns
    lines = csv.reader(io.StringIO(text.lstrip("\ufeff")))
    header = [cell.strip().casefold() for cell in next(lines)]
    absent = [name for name in COLUMNS if name.casefold() not in header and name not in _MAY_BE_MISSING]
    if absent:
        raise ServiceError(f"{origin}: no table of Pan-STARRS mean objects, for it has no column {', '.join(absent)}")
    places = {name: header.index(name.casefold()) for name in COLUMNS if name.casefold() in header}
    for number, cells in enumerate(lines, start=2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            raise ServiceError(f"{origin}: line {number} has {len(cells)} values, the header {len(header)} columns")
        for name in COLUMNS:
            cell = cells[places[name]].strip() if name in places else ""
            columns[name].append(cell if name == "objID" else _number(cell, f"{origin}: line {number}: {name}"))
    if len(columns["raMean"]) >= _MOST_ROWS:
        raise UsageError(f"{origin}: {_MOST_ROWS} objects, as many as one answer may hold: ask for a smaller --radius")
    return columns


def _number(cell: str, where: str) -> float:
    if cell.casefold() in ("", "nan", "null", "none", "--"):
        return math.nan
    try:
        value = float(cell)
    except ValueError:
        raise ServiceError(f"{where}: {cell!r} is not a number") from None
    return math.nan if value == _NOT_KNOWN else value
