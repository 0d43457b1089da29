"""The mean of frames pixel by pixel without what departs too far, its uncertainty, and pixels that scatter too much."""

from __future__ import annotations

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
# Pixels that stay near the processor while all frames are gone through.
_AT_ONCE = 1 << 16


@dataclass(frozen=True)
class PixelVariance:
    """The variance of each frame's pixels, as a constant (n,) and a slope (n,) with the light that is in them."""

    constants: np.ndarray
    slopes: np.ndarray


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
    expected: PixelVariance,
    offsets: np.ndarray,
    sigmas: np.ndarray,
    scales: np.ndarray,
) -> ClippedMean:
    """Of a block (n, rows, width) about its median `middle` (rows, width), as `masters.combine` says.

    `expected` is the variance that the detector makes expect of each frame's pixels; `offsets`, `sigmas` and `scales`
    (n,) the frames' levels, their standard deviations, and these relative to what is expected.
    """
    flat, flat_middle = block.reshape(len(block), -1), middle.reshape(-1)
    variance = PixelVariance(expected.constants * scales**2, expected.slopes * scales**2)
    found = ClippedMean(
        np.empty(flat_middle.shape, np.float32), np.empty(flat_middle.shape, np.float32),
        np.empty(flat_middle.shape, bool), 0,
    )  # fmt: skip
    n_clipped = 0
    for start in range(0, flat.shape[1], _AT_ONCE):
        here = slice(start, start + _AT_ONCE)
        piece = _clipped(flat[:, here], flat_middle[here], variance, offsets, sigmas)
        found.image[here], found.uncertainty[here], found.noisy[here] = piece.image, piece.uncertainty, piece.noisy
        n_clipped += piece.n_clipped
    shape = block.shape[1:]
    return ClippedMean(
        found.image.reshape(shape), found.uncertainty.reshape(shape), found.noisy.reshape(shape), n_clipped
    )


def _clipped(
    layers: np.ndarray, middle: np.ndarray, variance: PixelVariance, offsets: np.ndarray, sigmas: np.ndarray
) -> ClippedMean:
    """Of some pixels (n, pixels): sums over all frames, and apart from them what the few that are clipped would add."""
    n_frames, n_pixels = layers.shape
    weights = weights_of(sigmas)
    light = np.maximum(middle, 0.0)
    of_median = _MEDIAN_EXCESS / np.sum(1.0 / sigmas) ** 2
    weighed, chi2, largest = (np.zeros(n_pixels, np.float32) for _ in range(3))
    n_deviating, n_lost = np.zeros(n_pixels, np.int16), np.zeros(n_pixels, np.int16)
    weight_lost, variance_lost = np.zeros(n_pixels), np.zeros(n_pixels)
    deviation, expected = np.empty(n_pixels, np.float32), np.empty(n_pixels, np.float32)
    for layer, weight, offset, constant, slope in zip(
        layers, weights, offsets, variance.constants, variance.slopes, strict=True
    ):
        np.multiply(light, np.float32(slope), out=expected)
        expected += np.float32(constant)
        np.subtract(layer, middle, out=deviation)
        deviation -= np.float32(offset)
        np.square(deviation, out=deviation)
        deviation /= expected
        far = np.flatnonzero(deviation > _DEVIATING_SIGMAS**2)
        n_deviating[far] += 1
        lost = far[deviation[far] > CLIP_SIGMAS**2 * (1.0 + of_median / expected[far])]
        n_lost[lost] += 1
        weight_lost[lost] += weight
        # In double precision, for what is kept may be next to nothing of the whole.
        variance_lost[lost] += weight**2 * (slope * light[lost].astype(np.float64) + constant)
        chi2 += deviation
        np.maximum(largest, deviation, out=largest)
        share = np.multiply(layer, np.float32(weight), out=deviation)
        share[lost] = 0.0
        weighed += share
    noisy = _noisy(chi2 - largest, n_deviating, n_frames)
    constant, slope = ((weights**2 * terms).sum() for terms in (variance.constants, variance.slopes))
    of_all = np.float32(slope) * light + np.float32(constant)
    image, error = weighed, np.sqrt(of_all)
    odd = np.flatnonzero((n_lost > 0) | noisy)
    any_kept = n_lost[odd] < n_frames
    kept_weight = np.where(any_kept, 1.0 - weight_lost[odd], 1.0)
    whole = slope * light[odd].astype(np.float64) + constant
    kept_variance = np.where(any_kept, whole - variance_lost[odd], whole)
    # Of an even number no frame need be near the median: then the median it is.
    image[odd] = np.where(any_kept, weighed[odd] / kept_weight, middle[odd])
    # What the pixel's own scatter says is then the measure.
    excess = np.where(noisy[odd] | ~any_kept, chi2[odd] / max(n_frames - 1, 1), 1.0)
    error[odd] = np.sqrt(kept_variance * excess) / kept_weight
    return ClippedMean(image, error, noisy, int(n_lost.sum()))


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
