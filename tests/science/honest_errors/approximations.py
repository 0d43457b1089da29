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


def nominal_of(statistic: str) -> float:
    """What a statistic of honest errors is."""
    return _NOMINAL[statistic][0]


@dataclass(frozen=True)
class OfFrames:
    """Values that a statistic of whole nights may have, and the docstring that says why; () is of all."""

    named: str
    instruments: tuple[str, ...]
    modes: tuple[str, ...]
    quantities: tuple[str, ...]
    statistic: str
    low: float
    high: float


# Three biases and three darks of a camera whose read noise is more than its sky's: the masters' noise is common to a
# group. No width is below 0.77 for that, and Gaussian deviations of 0.77 lie within one error in 80.6 % of cases.
# An error of the zero point is only ever enlarged by the calibrators' scatter.
OF_FRAMES = (
    OfFrames("apertures.measure", ("DIPOL",), ("pol",), ("q", "u", "chi"), "width", 0.77, 1.0),
    OfFrames("apertures.measure", ("DIPOL",), ("pol",), ("q", "u", "chi", "p"), "68 %", 0.6827, 0.806),
    OfFrames("zeropoint.zero_point", (), (), ("mag",), "width", 0.91, 1.0),
    OfFrames("zeropoint.zero_point", (), (), ("mag",), "68 %", 0.6827, 0.74),
)


def allowed_of_frames(instrument: str, mode: str, quantity: str, statistic: str) -> tuple[float, float, str]:
    """The nominal value, or the range of an approximation and its name."""
    for known in OF_FRAMES:
        fits = not known.instruments or (instrument in known.instruments and mode in known.modes)
        if fits and quantity in known.quantities and statistic == known.statistic:
            return known.low, known.high, known.named
    return *_NOMINAL[statistic], ""


def allowed(cell: Cell, quantity: str, statistic: str) -> tuple[float, float]:
    """The nominal value, or the range that an approximation allows."""
    low, high = _NOMINAL[statistic]
    for known in APPROXIMATIONS:
        if quantity in known.quantities and statistic == known.statistic and known.holds(cell):
            low, high = min(low, known.low), max(high, known.high)
    return low, high
