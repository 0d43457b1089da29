"""What the pulls of each cell add up to, in their own standard errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from .approximations import allowed
from .cells import Cell
from .chain import COLUMNS

PULLS = ("mag", "q", "u", "along", "chi")
STATISTICS = ("mean", "width", "68 %", "95 %")
_WITHIN_ONE, _WITHIN_1_96 = 0.682689, 0.95
# Chi is compared only where its p is significant; fewer than these say nothing.
_FEWEST = 20


@dataclass(frozen=True)
class Finding:
    """One statistic of one quantity in one cell; `sigmas` is how improbable it is by chance, as of a Gaussian."""

    cell: Cell
    quantity: str
    statistic: str
    n: int
    value: float
    sigmas: float

    def __str__(self) -> str:
        return f"{self.cell}  {self.quantity:8} {self.statistic:6} n {self.n:5} {self.value:7.3f} {self.sigmas:+6.1f}"


def findings(cell: Cell, outcomes: np.ndarray) -> Iterator[Finding]:
    """All of one cell, from rows of `COLUMNS`."""
    for quantity in PULLS:
        pulls = outcomes[:, COLUMNS.index(quantity)]
        pulls = pulls[np.isfinite(pulls)]
        if pulls.size >= _FEWEST:
            for statistic, value in zip(STATISTICS, statistics(pulls), strict=True):
                low, high = allowed(cell, quantity, statistic)
                sigmas = _sigmas(statistic, value, pulls.size, low, high)
                yield Finding(cell, quantity, statistic, pulls.size, value, sigmas)
    for quantity, statistic in (("p_inside", "68 %"), ("p_excluded", "5 %")):
        hits = outcomes[:, COLUMNS.index(quantity)]
        hits = hits[np.isfinite(hits)]
        low, high = allowed(cell, quantity, statistic)
        value = float(hits.mean())
        yield Finding(cell, quantity, statistic, hits.size, value, _sigmas(statistic, value, hits.size, low, high))


def statistics(pulls: np.ndarray) -> tuple[float, float, float, float]:
    """Mean, width (standard deviation), shares within 1 and 1.96."""
    inside = [float(np.mean(np.abs(pulls) <= limit)) for limit in (1.0, 1.959964)]
    return float(pulls.mean()), float(pulls.std(ddof=1)), inside[0], inside[1]


def _sigmas(statistic: str, value: float, n: int, low: float, high: float) -> float:
    """Beyond the nearest of the values allowed, whose error is that of n Gaussian pulls of width 1."""
    nearest = min(max(value, low), high)
    if nearest == value:
        return 0.0
    if statistic == "mean":
        return float((value - nearest) * np.sqrt(n))
    from scipy.stats import binom, chi2, norm

    if statistic == "width":
        scaled = (n - 1) * (value / nearest) ** 2
        below, above = chi2.cdf(scaled, n - 1), chi2.sf(scaled, n - 1)
    else:
        # Half of the chance of just this number goes to each side.
        k = round(value * n)
        below = binom.cdf(k, n, nearest) - 0.5 * binom.pmf(k, n, nearest)
        above = binom.sf(k, n, nearest) + 0.5 * binom.pmf(k, n, nearest)
    return float(norm.isf(above) if above < below else -norm.isf(below))


def pooled(outcomes: Mapping[Cell, np.ndarray], quantity: str, analyser: str) -> tuple[int, float, float, float, float]:
    """Number of pulls of all cells of one analyser, and their statistics."""
    column = COLUMNS.index(quantity)
    pulls = np.concatenate([rows[:, column] for cell, rows in outcomes.items() if cell.setting.analyser == analyser])
    pulls = pulls[np.isfinite(pulls)]
    return pulls.size, *statistics(pulls)
