"""The sky's level from the pixels of an annulus, its uncertainty and the noise of one pixel."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from iop4cli.science.medians import median_of

_CLIP_SIGMAS = 3.0
# Standard deviation of a Gaussian cut at 3 sigma, relative to the whole one's.
_CLIPPED_STD = 0.98658
# Variance of the mean of the middle half of n Gaussian values, in units of that of the mean of all.
LEVEL_VARIANCE = 1.195
# How far that mean, after clipping, lies below the mean of Poisson counts: this times their skewness times sigma.
_SKEWNESS_SHARE = 0.157
_FEWEST = 8


@dataclass(frozen=True)
class Sky:
    """Level of the sky a pixel, its error, the standard deviation of one pixel, and the pixels that were kept."""

    level_e: float
    level_err_e: float
    sigma_e: float
    n: int


def sky_of(values_e: np.ndarray) -> Sky:
    """Mean of the middle half of pixels (n,) in electrons, three or more, after clipping at three sigmas.

    As robust as their median against stars too faint to be seen, but of less variance (1.195 sigma^2 / n instead of
    1.57) and not confined to whole counts, between which there may be many errors of the level where the gain is
    high and the sky dark. Photons are counted with a skewness of level / sigma^3, for which the level is raised by
    0.157 level / sigma^2, some sixth of an electron. Wrong by the light of unseen stars in more than a few percent
    of the pixels, and by a sixth of an electron for an image that is no count (an average of many).
    """
    # Sorted once: what is kept lies together, and in its middle the median.
    values = np.sort(values_e)
    for _ in range(10):
        n = len(values)
        middle = values[n // 2] if n % 2 else (values[n // 2 - 1] + values[n // 2]) / 2
        away = np.abs(values - middle)
        kept = values[away <= _CLIP_SIGMAS * max(1.4826 * median_of(away), 1e-6)]
        if len(kept) == n or len(kept) < _FEWEST:
            break
        values = kept
    values, n = values.astype(np.float64, copy=False), len(values)
    sigma = float(np.std(values, ddof=1)) / _CLIPPED_STD
    quarter = n // 4
    level = float(np.mean(values[quarter : n - quarter]))
    if sigma > 0:
        level += _SKEWNESS_SHARE * min(max(level, 0.0) / sigma**2, 1.0)
    return Sky(level, sigma * math.sqrt(LEVEL_VARIANCE / n), sigma, n)
