"""Position angles as a continuous series: each is known but for multiples of 180 degrees."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

# A step this many sigmas from 90 degrees has a direction that is wrong in one case of 44 at most.
AMBIGUOUS_SIGMAS = 2.0


def unwrap(
    chi_deg: ArrayLike, chi_err_deg: ArrayLike, follows: Sequence[bool] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(angles, ambiguous): angles (n,) in degrees, in order of time, each moved by a multiple of 180 degrees.

    Each is moved to be nearest its predecessor, so that no step is larger than 90 degrees; the first stays. The step
    to an angle is `ambiguous` (n,) where it is nearer to 90 degrees than AMBIGUOUS_SIGMAS times the error of the
    difference (the errors of both added in quadrature), or where one of these is not known (NaN): the turn may as
    well have gone the other way. Those for which `follows` is false (flagged) are moved too, but nothing is moved
    to them. This is the usual method (Kiehlmann et al. 2016, A&A 590, A10), here without its shift for
    gaps: wrong, and not seen to be wrong, where the angle turns by more than 90 degrees between two measurements.
    """
    chi = np.asarray(chi_deg, float)
    error = np.asarray(chi_err_deg, float)
    counts = np.ones(len(chi), bool) if follows is None else np.asarray(follows, bool)
    moved = chi.copy()
    ambiguous = np.zeros(len(chi), bool)
    before: int | None = None
    for now in range(len(chi)):
        if not np.isfinite(chi[now]):
            continue
        if before is not None:
            moved[now] -= 180.0 * np.round((moved[now] - moved[before]) / 180.0)
            room = 90.0 - abs(moved[now] - moved[before])
            ambiguous[now] = not room >= AMBIGUOUS_SIGMAS * np.hypot(error[now], error[before])
        if counts[now]:
            before = now
    return moved, ambiguous
