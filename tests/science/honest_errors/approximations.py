"""What each statistic should be, and where the science says that it is something else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .cells import Cell

_NOMINAL = {
    "mean": (0.0, 0.0),
    "width": (1.0, 1.0),
    "68 %": (0.682689, 0.682689),
    "95 %": (0.95, 0.95),
    # Of the limits that exclude the truth: at most.
    "5 %": (0.0, 0.05),
}


@dataclass(frozen=True)
class Approximation:
    """Values that a statistic may have where `holds`; `named` is the docstring that says why."""

    named: str
    quantities: tuple[str, ...]
    statistic: str
    low: float
    high: float
    holds: Callable[[Cell], bool]


def _zero_point_matters(cell: Cell) -> bool:
    """The calibrators' 0.02 mag are no small part of the error."""
    return cell.snr * cell.setting.n_angles**0.5 >= 40


def _angle_is_not_gaussian(cell: Cell) -> bool:
    """Photons alone give p an error of sqrt(2/n) of that of one exposure."""
    return cell.p * cell.snr * (cell.setting.n_angles / 2) ** 0.5 < 10


# An error of the zero point is only ever enlarged by the calibrators' scatter: zeropoint.zero_point.
APPROXIMATIONS = tuple(
    Approximation("zeropoint.zero_point", ("mag",), statistic, low, high, _zero_point_matters)
    for statistic, low, high in (("width", 0.91, 1.0), ("68 %", 0.6827, 0.74), ("95 %", 0.95, 0.965))
) + tuple(
    Approximation("debias.measured_angle_error_deg", ("chi",), statistic, low, high, _angle_is_not_gaussian)
    for statistic, low, high in (("width", 1.0, 1.035), ("68 %", 0.6827, 0.70), ("95 %", 0.938, 0.95))
)


def allowed(cell: Cell, quantity: str, statistic: str) -> tuple[float, float]:
    """The nominal value, or the range that an approximation allows."""
    low, high = _NOMINAL[statistic]
    for known in APPROXIMATIONS:
        if quantity in known.quantities and statistic == known.statistic and known.holds(cell):
            low, high = min(low, known.low), max(high, known.high)
    return low, high
