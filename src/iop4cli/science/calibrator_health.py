"""Is a comparison star what the catalogue says? Its residuals against the others, over months and years."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from iop4cli.science.excess import chi2_survival
from iop4cli.science.zeropoint import mean_with_intrinsic_scatter

# Chance that any verdict on good stars is wrong, of all series and questions together.
FALSE_ALARM = 0.01
_DAYS_A_YEAR = 365.25
_SHORTEST_TREND_DAYS = 30.0
_FEWEST = 3


@dataclass(frozen=True)
class Residuals:
    """One star in one instrument and band: its own magnitude by the other calibrators less the catalogue's, (n,).

    `error` is what scatters from one result to the next; `common_err` what all of them share: the catalogue's error
    of the star, and of the zero point through the catalogue's errors of the others. `night` numbers the nights.
    """

    mjd: np.ndarray
    residual: np.ndarray
    error: np.ndarray
    night: np.ndarray
    common_err: float


@dataclass(frozen=True)
class Health:
    """Mean residual with its error (common part contained), scatter, chi2 about the mean, trend (None: too short).

    `largest` is the index of the result farthest from the mean in its errors. `chance_*` is the probability of as
    much by noise, None where it cannot be asked.
    """

    mean: float
    mean_err: float
    scatter: float | None
    chi2: float
    dof: int
    trend_mag_yr: float | None
    trend_err_mag_yr: float | None
    largest: int
    chance_offset: float
    chance_variable: float | None
    chance_trend: float | None


def health_of(series: Residuals) -> Health:
    """What the residuals of a star say, one or more results.

    The mean is of nightly means, weighted, with the scatter from night to night beyond the errors: results of one
    night share flat, focus and colour. Wrong where the majority of the other calibrators is off together.
    """
    nightly, variance, mjd = _nightly(series)
    mean, mean_err, _ = mean_with_intrinsic_scatter(nightly, variance)
    n = len(series.residual)
    weight = 1 / series.error**2
    own_mean = float((weight * series.residual).sum() / weight.sum())
    pull = (series.residual - own_mean) / series.error
    chi2 = float((pull**2).sum())
    error = math.hypot(mean_err, series.common_err)
    slope, slope_err = _trend(mjd, nightly, variance)
    return Health(
        mean, error, float(np.std(series.residual, ddof=1)) if n > 1 else None, chi2, n - 1, slope, slope_err,
        int(np.argmax(np.abs(pull))), _two_sided(mean / error) if error > 0 else 1.0,
        chi2_survival(chi2, n - 1) if n >= _FEWEST else None,
        None if slope is None or not slope_err else _two_sided(slope / slope_err),
    )  # fmt: skip


def verdicts(found: Sequence[Health]) -> list[tuple[str, ...]]:
    """For each star what is beyond chance: offset, variable, trend; nothing for a good one.

    Holm's rule: of all questions asked the least likely answer must be below FALSE_ALARM over their number, the
    next over one less, and so on, so that among thousands of good stars one false word is said in a hundred such lists.
    """
    asked = sorted(
        (chance, index, word)
        for index, one in enumerate(found)
        for word, chance in (
            ("offset", one.chance_offset),
            ("variable", one.chance_variable),
            ("trend", one.chance_trend),
        )
        if chance is not None
    )
    said: list[list[str]] = [[] for _ in found]
    for place, (chance, index, word) in enumerate(asked):
        if chance > FALSE_ALARM / (len(asked) - place):
            break
        said[index].append(word)
    return [tuple(sorted(words)) for words in said]


def _nightly(series: Residuals) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(mean, variance, time) of each night."""
    means, variances, times = [], [], []
    for night in np.unique(series.night):
        own = series.night == night
        weight = 1 / series.error[own] ** 2
        means.append(float((weight * series.residual[own]).sum() / weight.sum()))
        variances.append(1 / float(weight.sum()))
        times.append(float(series.mjd[own].mean()))
    return np.array(means), np.array(variances), np.array(times)


def _trend(mjd: np.ndarray, mag: np.ndarray, variance: np.ndarray) -> tuple[float | None, float | None]:
    """Slope of a straight line through nights in mag a year, and its error; none of less than a month."""
    if len(mjd) < _FEWEST or np.ptp(mjd) < _SHORTEST_TREND_DAYS:
        return None, None
    slope, _, left = _line(mjd, mag, variance)
    # What nights scatter beyond their errors is about the line, not about a constant.
    _, _, excess = mean_with_intrinsic_scatter(left, variance)
    slope, slope_err, _ = _line(mjd, mag, variance + excess)
    return slope, slope_err


def _line(mjd: np.ndarray, mag: np.ndarray, variance: np.ndarray) -> tuple[float, float, np.ndarray]:
    """(slope a year, error, residuals) of the weighted straight line."""
    weight = 1 / variance
    years = (mjd - (weight * mjd).sum() / weight.sum()) / _DAYS_A_YEAR
    information = float((weight * years**2).sum())
    slope = float((weight * years * mag).sum()) / information
    return slope, information**-0.5, mag - (weight * mag).sum() / weight.sum() - slope * years


def _two_sided(sigmas: float) -> float:
    return math.erfc(abs(sigmas) / math.sqrt(2))
