"""The mean of frames pixel by pixel without what departs too far, its uncertainty, and pixels that scatter too much."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

CLIP_SIGMAS = 5.0
# A pixel is noisy if its scatter has this chance with the noise of the others, and is so many times theirs.
_NOISY_CHANCE = 1e-7
_NOISY_RATIO = 3.0
_FEWEST_FOR_NOISY = 4
_DEVIATING_SIGMAS = 4.0
# The variance of a median of Gaussians of unequal widths s_i is pi/2 over the square of sum(1/s_i).
_MEDIAN_EXCESS = np.pi / 2.0


@dataclass(frozen=True)
class ClippedMean:
    """Of a block of rows: mean, its uncertainty, pixels with more scatter than the others; (rows, width) each."""

    image: np.ndarray
    uncertainty: np.ndarray
    noisy: np.ndarray
    n_clipped: int


def clipped_mean(
    block: np.ndarray,
    middle: np.ndarray,
    variances: Iterable[np.ndarray],
    offsets: np.ndarray,
    sigmas: np.ndarray,
    scales: np.ndarray,
) -> ClippedMean:
    """Of a block (n, rows, width) about its median `middle` (rows, width), as `masters.combine` says.

    `variances` are those that the detector makes expect of each frame's pixels; `offsets`, `sigmas` and `scales` (n,)
    the frames' levels, their standard deviations, and these relative to what is expected.
    """
    n_frames, shape = len(block), block.shape[1:]
    weights = weights_of(sigmas).astype(np.float32)
    weighed, variance, kept_weight, of_all, chi2, largest = (np.zeros(shape, np.float32) for _ in range(6))
    n_clipped, n_deviating = 0, np.zeros(shape, np.int16)
    any_kept = np.zeros(shape, bool)
    of_median = np.float32(_MEDIAN_EXCESS / np.sum(1.0 / sigmas) ** 2)
    for layer, offset, scale, weight, expected in zip(block, offsets, scales, weights, variances, strict=True):
        variance_here = np.float32(scale**2) * expected
        deviation = (layer - middle - np.float32(offset)) ** 2 / variance_here
        keep = deviation <= CLIP_SIGMAS**2 * (1.0 + of_median / variance_here)
        n_deviating += deviation > _DEVIATING_SIGMAS**2
        chi2 += deviation
        np.maximum(largest, deviation, out=largest)
        weighed += np.where(keep, weight * layer, 0)
        variance += np.where(keep, weight**2 * variance_here, 0)
        of_all += weight**2 * variance_here
        kept_weight += np.where(keep, weight, 0)
        n_clipped += int((~keep).sum())
        any_kept |= keep
    # Of an even number no frame need be near the median: then the median it is.
    kept_weight[~any_kept] = 1.0
    image = np.where(any_kept, weighed / kept_weight, middle)
    noisy = _noisy(chi2 - largest, n_deviating, n_frames)
    # What the pixel's own scatter says is then the measure.
    excess = np.where(noisy | ~any_kept, chi2 / max(n_frames - 1, 1), 1.0)
    error = np.sqrt(np.where(any_kept, variance, of_all) * excess) / kept_weight
    return ClippedMean(image.astype(np.float32), error.astype(np.float32), noisy, n_clipped)


def weights_of(sigmas: np.ndarray) -> np.ndarray:
    """The share of each frame in the mean, by its noise: (n,), of sum 1."""
    return np.asarray((1.0 / sigmas**2) / np.sum(1.0 / sigmas**2))


def _noisy(chi2_without_worst: np.ndarray, n_deviating: np.ndarray, n_frames: int) -> np.ndarray:
    """Pixels that scatter though their worst frame is left out, in more frames than cosmic rays hit one pixel."""
    from scipy.special import chdtri

    if n_frames < _FEWEST_FOR_NOISY:
        return np.zeros(chi2_without_worst.shape, bool)
    by_chance = float(chdtri(n_frames - 1, _NOISY_CHANCE))
    limit = max(by_chance, _NOISY_RATIO**2 * (n_frames - 1))
    return (chi2_without_worst > limit) & (n_deviating >= 2 + n_frames // 10)
