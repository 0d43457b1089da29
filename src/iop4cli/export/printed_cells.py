"""Numbers as they are printed in a paper or a message: as many digits as their error bears."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from iop4cli.archive.columns import RESULTS
from iop4cli.export.results_table import ResultsTable, TypedColumn

DIGITS = (
    "rounded: values to two significant digits of their error, errors to two, dates (MJD, JD) to five decimals, "
    "other numbers to six significant digits; the other formats keep every digit"
)
_DATES = ("mjd_utc", "bjd_tdb")
_SIGNIFICANT, _DATE_DECIMALS = 2, 5
_SMALLEST_ERROR, _LARGEST_ERROR = 1e-8, 1e6
_HALF_TURN_DEG = 180.0
_WITHOUT_OWN = {
    "p_debiased": "p_err", "p_lo68": "p_err", "p_hi68": "p_err", "p_upper95": "p_err", "chi_deg": "chi_err_deg",
    "p_host_debiased": "p_host_err", "q_instr": "q_err", "u_instr": "u_err", "q_raw": "q_err", "u_raw": "u_err",
    "host_mjy": "host_err_mjy",
}  # fmt: skip


def printed_slabs(table: ResultsTable) -> Iterator[Iterator[tuple[str, ...]]]:
    """The cells of each row as text, some rows at a time; NULL is empty."""
    for slab in table.slabs():
        values = slab.to_dict(as_series=False)
        printed = (_printed(one, values[one.name], values.get(_error_of(one.name) or "")) for one in table.columns)
        yield zip(*printed, strict=True)


def _error_of(name: str) -> str | None:
    """The column of a column's error; its own for an error."""
    if name.endswith(("_err", "_err_deg", "_err_mjy", "_sys", "_sys_deg")) or "_err_" in name:
        return name
    own = f"{name}_err"
    return _WITHOUT_OWN.get(name, own if own in RESULTS else None)


def _printed(column: TypedColumn, values: list[Any], errors: Sequence[float | None] | None) -> list[str]:
    if column.kind == "text":
        return [value or "" for value in values]
    if column.kind == "whole":
        return ["" if value is None else str(value) for value in values]
    if column.name in _DATES:
        return ["" if value is None else f"{value:.{_DATE_DECIMALS}f}" for value in values]
    every = errors if errors is not None else [None] * len(values)
    cells = ["" if v is None else _number(v, e) for v, e in zip(values, every, strict=True)]
    return [_below_half_turn(cell) for cell in cells] if column.name == "chi_deg" else cells


def _below_half_turn(cell: str) -> str:
    """An angle that rounding made 180 is 0."""
    return f"{0.0:.{len(cell.partition('.')[2])}f}" if cell and float(cell) == _HALF_TURN_DEG else cell


def _number(value: float, error: float | None) -> str:
    if not error or not _SMALLEST_ERROR <= abs(error) < _LARGEST_ERROR:
        return f"{value:.6g}"
    decimals = _SIGNIFICANT - 1 - math.floor(math.log10(abs(error)))
    # 0.0996 of two digits is 0.10, not 0.100.
    if abs(round(error, decimals)) >= 10.0 ** (_SIGNIFICANT - decimals):
        decimals -= 1
    return f"{value:.{max(decimals, 0)}f}"
