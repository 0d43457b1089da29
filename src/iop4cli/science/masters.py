"""Combining calibration frames, in blocks of rows so that any number fits in memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from iop4cli.science.clipped_mean import CLIP_SIGMAS, PixelVariance, clipped_mean, weights_of
from iop4cli.science.gaps import median_of_numbers, without_gaps
from iop4cli.science.medians import median_of, median_over_frames, medians_of_rows

# Of all frames together: what is computed of a block stays near the processor.
_BLOCK_PIXELS = 1 << 22
_MAD_TO_SIGMA = 1.4826
# The variance of a Gaussian cut at 4 sigma, relative to the whole one's.
_CUT_AT_4_VARIANCE = 0.99893
# How far frames are thinned in each axis where only their level is wanted, and to about how many pixels for their
# noise.
_THINNED = 4
_NOISE_PIXELS = 1 << 18


class Rows(Protocol):
    """An image whose rows can be read in pieces."""

    shape: tuple[int, int]

    def __getitem__(self, rows: slice) -> np.ndarray: ...


@dataclass(frozen=True)
class PixelNoise:
    """Noise of one pixel of a raw frame: read noise (ADU) and photons (electrons per ADU)."""

    read_noise_adu: float
    gain_e_per_adu: float


@dataclass(frozen=True)
class Combined:
    """A master image: mean (ADU, ADU/s, or relative for a flat) and its uncertainty, both (height, width) float32.

    `scatter` is the standard deviation of one frame's pixels about the mean in the master's unit (the read noise
    for bias frames), `noise_ratio` the same relative to what read noise and photons explain (None if the detector
    is not known). `noisy` (height, width) marks pixels that scatter from frame to frame far more than the others, or
    are no number in one of the frames.
    """

    image: np.ndarray
    uncertainty: np.ndarray
    noisy: np.ndarray
    n_frames: int
    level: float
    scatter: float
    noise_ratio: float | None
    clipped_fraction: float


@dataclass(frozen=True)
class _Stack:
    """The frames and what each is freed of and divided by."""

    frames: Sequence[Rows]
    bias: np.ndarray | None
    dark: np.ndarray | None
    times_s: Sequence[float]
    divisors: np.ndarray
    noise: PixelNoise | None
    exposed: bool

    def block(self, rows: slice, step: int = 1) -> np.ndarray:
        """(n, rows, width) in the master's unit; what is no number is left as it is."""
        return np.stack(
            [
                _prepared(frame, self.bias, self.dark, time_s, divisor, rows, step)
                for frame, time_s, divisor in zip(self.frames, self.times_s, self.divisors, strict=True)
            ]
        )

    def variance(self) -> PixelVariance:
        """What the detector makes expect of each frame's pixels, with their median over the frames for the light.

        What is not `exposed` (a bias) has the variance of the read noise alone.
        """
        if self.noise is None:
            return PixelVariance(np.ones(len(self.divisors)), np.zeros(len(self.divisors)))
        photons = 1.0 / (self.noise.gain_e_per_adu * self.divisors)
        return PixelVariance((self.noise.read_noise_adu / self.divisors) ** 2, photons * self.exposed)


def frame_level(frame: Rows) -> float:
    """The median of a thinned grid of pixels, in the frame's own unit."""
    return median_of_numbers(frame[slice(0, frame.shape[0], _THINNED)][:, ::_THINNED])


def combine(
    frames: Sequence[Rows],
    *,
    bias: np.ndarray | None = None,
    dark: np.ndarray | None = None,
    masters_uncertainty: np.ndarray | None = None,
    exptimes_s: Sequence[float] | None = None,
    per_second: bool = False,
    normalise: bool = False,
    noise: PixelNoise | None = None,
    n_threads: int = 1,
) -> Combined:
    """Clipped weighted mean of frames freed of a bias (ADU) and of a dark (ADU/s times exposure).

    `per_second` divides each by its exposure (a dark), `normalise` by its median (a flat, which is normalised
    again at the end). The noise of each frame is measured over the image; from pixel to pixel it goes as
    read noise and photons make it (`noise`; without it, all pixels of a frame are taken for equally noisy).
    A frame weighs by its noise, the same in all pixels. A pixel of a frame is left out where it departs from
    the median over the frames by more than 5 sigma, its own noise and the median's together; the cut is symmetric
    and so wide that photon statistics stay as they are. The uncertainty is that of the mean of what was kept; with
    `masters_uncertainty` (ADU or ADU/s, that of the bias or dark taken off) it holds that too. Blocks of rows are
    combined by `n_threads` at once, which changes nothing in them.

    Measured on simulated bias and flat frames: see tests/science/test_masters.py. Wrong where two of three or
    four frames are hit by cosmic rays in the same pixel.
    """  # fmt: skip
    height, width = frames[0].shape
    times = list(exptimes_s) if exptimes_s is not None else [1.0] * len(frames)
    divisors = np.array(
        [
            _divisor(frame, bias, dark, time_s, per_second, normalise)
            for frame, time_s in zip(frames, times, strict=True)
        ]
    )
    stack = _Stack(frames, bias, dark, times, divisors, noise, normalise or (per_second and bias is not None))
    offsets, sigmas, scales = _noise_of_frames(stack)
    expected = stack.variance()
    masters_share = np.float32(np.sum(weights_of(sigmas) / divisors))
    image, uncertainty = np.empty((height, width), np.float32), np.empty((height, width), np.float32)
    noisy = np.zeros((height, width), bool)
    n_rows = max(1, _BLOCK_PIXELS // (width * len(frames)))

    def combine_rows(start: int) -> int:
        rows = slice(start, min(start + n_rows, height))
        block = stack.block(rows)
        gaps = without_gaps(block)
        middle = median_over_frames(block)
        mean = clipped_mean(block, middle, expected, offsets, sigmas, scales)
        image[rows], uncertainty[rows], noisy[rows] = mean.image, mean.uncertainty, mean.noisy | gaps
        if masters_uncertainty is not None:
            uncertainty[rows] = np.sqrt(mean.uncertainty**2 + (masters_share * masters_uncertainty[rows]) ** 2)
        return mean.n_clipped

    with ThreadPoolExecutor(n_threads) as threads:
        n_clipped = sum(threads.map(combine_rows, range(0, height, n_rows)))
    level = median_of(image[::4, ::4])
    if normalise and level > 0:
        image /= np.float32(level)
        uncertainty /= np.float32(level)
    return Combined(
        image, uncertainty, noisy, len(frames), level, float(np.median(sigmas)),
        None if noise is None else float(np.median(scales)), n_clipped / (height * width * len(frames)),
    )  # fmt: skip


def _divisor(
    frame: Rows,
    bias: np.ndarray | None,
    dark: np.ndarray | None,
    time_s: float,
    per_second: bool,
    normalise: bool,
) -> float:
    if per_second:
        return time_s
    if not normalise:
        return 1.0
    whole = slice(0, frame.shape[0])
    return median_of_numbers(_prepared(frame, bias, dark, time_s, 1.0, whole, _THINNED))


@np.errstate(invalid="ignore")
def _prepared(
    frame: Rows,
    bias: np.ndarray | None,
    dark: np.ndarray | None,
    time_s: float,
    divisor: float,
    rows: slice,
    step: int = 1,
) -> np.ndarray:
    """Rows of a frame in the master's unit; `step` thins both axes."""
    block = np.array(frame[slice(rows.start, rows.stop, step)][:, ::step], np.float32)
    if bias is not None:
        block -= bias[rows][::step, ::step]
    if dark is not None:
        block -= dark[rows][::step, ::step] * np.float32(time_s)
    if divisor != 1.0:
        block /= np.float32(divisor)
    return block


def _noise_of_frames(stack: _Stack) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(offset, standard deviation, its ratio to what is expected) of each frame about the mean of all, (n,) each.

    The residual of a frame about the mean of n has the variance (1 - 2/n) s_i^2 + sum(s_j^2)/n^2, and these n
    equations give the s_i. Of two frames only the sum is known: it is shared as expected. Of one nothing is.
    """
    height, width = stack.frames[0].shape
    block = stack.block(slice(0, height), max(1, round(math.sqrt(height * width / _NOISE_PIXELS))))
    without_gaps(block)
    n_frames = len(block)
    middle = median_over_frames(block)
    expected = stack.variance()
    expected2 = expected.constants + expected.slopes * float(np.mean(np.maximum(middle, 0.0)))
    if n_frames == 1:
        return np.zeros(1), np.sqrt(expected2), np.ones(1)
    residual = block - middle
    offsets = medians_of_rows(residual.reshape(n_frames, -1))
    residual -= offsets[:, None, None]
    # Of the noisiest: the best of three frames often is the median itself, and then departs from it by nothing.
    spread = _MAD_TO_SIGMA * float(medians_of_rows(np.abs(residual).reshape(n_frames, -1)).max())
    # Pixels that a cosmic ray has hit in any of the frames say nothing of the noise.
    clean = (np.abs(residual) <= 2 * CLIP_SIGMAS * max(spread, 1e-12)).all(axis=0)
    about_mean = block[:, clean] - offsets[:, None]
    about_mean = about_mean - about_mean.mean(axis=0)
    drift, variance = np.array([_core(values) for values in about_mean]).T
    offsets = offsets + drift
    total = variance.sum() * n_frames / (n_frames - 1)
    if n_frames == 2:
        own = total * expected2 / expected2.sum()
    else:
        own = (variance - total / n_frames**2) / (1.0 - 2.0 / n_frames)
    sigmas = np.sqrt(np.maximum(own, 1e-2 * total / n_frames))
    sigmas = np.maximum(sigmas, 1e-12)
    return offsets, sigmas, sigmas / np.sqrt(expected2)


def _core(values: np.ndarray) -> tuple[float, float]:
    """Mean and variance of what lies within 4 sigma, the latter corrected for the cut.

    Finer than median and median deviation, which of whole counts are off by up to half a count.
    """
    sigma = _MAD_TO_SIGMA * median_of(np.abs(values))
    core = (values[np.abs(values) <= 4.0 * sigma] if sigma > 0 else values).astype(np.float64)
    return float(core.mean()), float(core.var()) / _CUT_AT_4_VARIANCE
