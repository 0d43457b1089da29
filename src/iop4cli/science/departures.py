"""How far a value is from what it usually was."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

# From a median absolute deviation to a standard deviation, and from the error of a mean to that of a median, both
# for a normal distribution.
_MAD_TO_SIGMA = 1.4826
_MEDIAN_OVER_MEAN = 1.2533


@dataclass(frozen=True)
class Typical:
    """The median of `n` values, its error (None where no value has one), and how many nights they are of."""

    value: float
    error: float | None
    n: int
    n_nights: int


@dataclass(frozen=True)
class Departure:
    """A difference in the unit of the values, and how many of its errors it is (None: errors are not known)."""

    difference: float
    sigmas: float | None


def typical(
    values: Sequence[float], errors: Sequence[float | None], nights: Sequence[Hashable], period: float | None = None
) -> Typical | None:
    """The median of values of several nights and its error; None of no values.

    The error is that of one value (the median error, or the scatter of the values if that is larger: 1.4826 MAD)
    over the square root of the number of nights, not of values: those of one night have their zero point in common.
    A median's error is 1.2533 times a mean's, once it is of three values. With a `period` (180 for position angles in
    degrees) the median is the angle of the median sine and cosine, in 0 <= value < period. Wrong (too small) where
    the calibrators' catalogue is wrong, which all nights share: a difference of two values does not see that.
    """
    if not len(values):
        return None
    found = np.asarray(values, float)
    if period is None:
        middle = float(np.median(found))
        scatter = float(np.median(np.abs(found - middle)))
    else:
        turn = 2 * math.pi / period
        sine, cosine = float(np.median(np.sin(turn * found))), float(np.median(np.cos(turn * found)))
        middle = math.atan2(sine, cosine) / turn % period
        scatter = float(np.median([abs(_wrapped(float(value) - middle, period)) for value in found]))
    known = [error for error in errors if error is not None]
    n_nights = len(set(nights))
    if not known:
        return Typical(middle, None, len(found), n_nights)
    one = max(float(np.median(known)), _MAD_TO_SIGMA * scatter)
    factor = _MEDIAN_OVER_MEAN if n_nights > 2 else 1.0
    return Typical(middle, factor * one / math.sqrt(n_nights), len(found), n_nights)


def departure(now: Typical, before: Typical, common_error: float = 0.0, period: float | None = None) -> Departure:
    """`now` less `before`, in -period/2 to period/2 if there is one; `common_error` is added in quadrature."""
    difference = now.value - before.value
    if period is not None:
        difference = _wrapped(difference, period)
    if now.error is None or before.error is None:
        return Departure(difference, None)
    error = math.hypot(now.error, before.error, common_error)
    return Departure(difference, abs(difference) / error if error > 0 else None)


def _wrapped(difference: float, period: float) -> float:
    return (difference + period / 2) % period - period / 2
