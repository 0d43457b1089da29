"""Points of a light curve that a person points at: what one says, and which lie in a box."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from iop4cli.archive.curves import Curve
    from iop4cli.archive.pages import Row

_MJD_EPOCH = datetime.datetime(1858, 11, 17)
_HALF_A_MINUTE_D = 0.5 / 1440.0


@dataclass(frozen=True)
class Quantity:
    """What is plotted: columns of value and error, a factor (-1: bright is up), a title."""

    column: str
    error: str
    factor: float
    title: str

    def drawn(self, row: Row) -> float | None:
        """The value as it is plotted."""
        value = row[self.column]
        return None if value is None else self.factor * float(value)


QUANTITIES = (
    Quantity("mag", "mag_err", -1.0, "mag"),
    Quantity("p", "p_err", 100.0, "p %"),
    Quantity("chi_deg", "chi_err_deg", 1.0, "chi °"),
)


@dataclass(frozen=True)
class Box:
    """Times from one to another, both within; with a quantity also its values as they are plotted."""

    times: tuple[float, float]
    quantity: Quantity | None = None
    values: tuple[float, float] = (0.0, 0.0)

    def holds(self, row: Row) -> bool:
        if not min(self.times) <= row["mjd_utc"] <= max(self.times):
            return False
        if self.quantity is None:
            return True
        value = self.quantity.drawn(row)
        return value is not None and min(self.values) <= value <= max(self.values)


def shown(curve: Curve, n_marked: int, *, whole: bool) -> str:
    """What of a light curve is plotted, in a line; `whole`: all its times."""
    marked = f"  ·  {n_marked} marked" if n_marked else ""
    named = f"{curve.source} in {curve.band or 'no band'}"
    if len(curve.rows) == curve.total:
        return f"{named}, {curve.total:,} against MJD{marked}"
    other = "nearest" if whole else "all"
    return f"{named}: {len(curve.rows)} singly of {curve.total:,}, else ranges (w: {other}){marked}"


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def told(row: Row, *, marked: bool) -> str:
    """A point in a line of some 70 characters, and why people flagged it; * marked, ! flagged."""
    signs = ("*" if marked else "") + ("!" if row["flags"] else "")
    moment = _MJD_EPOCH + datetime.timedelta(days=row["mjd_utc"] + _HALF_A_MINUTE_D)
    parts = [
        f"{signs} {moment:%Y-%m-%d %H:%M}".strip(),
        _measured("mag", row["mag"], row["mag_err"], 1.0, 3),
        _measured("p", row["p"], row["p_err"], 100.0, 2) + ("" if row["p"] is None else " %"),
        _measured("chi", row["chi_deg"], row["chi_err_deg"], 1.0, 1) + ("" if row["chi_deg"] is None else "°"),
        row["flags"] or "",
    ]
    return "  ".join(filter(None, parts))


def _measured(name: str, value: float | None, error: float | None, factor: float, decimals: int) -> str:
    if value is None:
        return "" if name != "mag" else "no mag"
    return f"{name} {factor * value:.{decimals}f}" + ("" if error is None else f"±{factor * error:.{decimals}f}")
