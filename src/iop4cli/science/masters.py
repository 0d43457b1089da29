"""Combining calibration frames, in blocks of rows so that any number fits in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

_BLOCK_ROWS = 256
_CLIP_SIGMAS = 5.0
_MAD_TO_SIGMA = 1.4826


class Rows(Protocol):
    """An image whose rows can be read in pieces."""

    shape: tuple[int, int]

    def __getitem__(self, rows: slice) -> np.ndarray: ...


@dataclass(frozen=True)
class Combined:
    """A master image: mean (ADU, or relative for a flat) and its uncertainty, both (height, width) float32.

    `scatter` is the standard deviation of one frame's pixels about the mean, the read noise for bias frames.
    """

    image: np.ndarray
    uncertainty: np.ndarray
    n_frames: int
    level: float
    scatter: float
    clipped_fraction: float


def frame_level(frame: Rows) -> float:
    """The median of a thinned grid of pixels, in the frame's own unit."""
    return float(np.median(frame[slice(0, frame.shape[0])][::4, ::4]))


def combine(
    frames: Sequence[Rows],
    *,
    bias: np.ndarray | None = None,
    dark: np.ndarray | None = None,
    exptimes_s: Sequence[float] | None = None,
    per_second: bool = False,
    normalise: bool = False,
) -> Combined:
    """Clipped mean of frames after subtraction of a bias (ADU) and of a dark (ADU/s times exposure).

    `per_second` divides each by its exposure (a dark), `normalise` by its median (a flat, which is normalised
    again at the end). A pixel of a frame is left out where it departs from the median over the frames by more
    than 5 sigma of that frame's own noise; the cut is symmetric and so wide that photon statistics stay as they
    are. The uncertainty is that of the mean of what was kept.
    """  # fmt: skip
    height, width = frames[0].shape
    times = list(exptimes_s) if exptimes_s is not None else [1.0] * len(frames)
    image = np.empty((height, width), np.float32)
    uncertainty = np.empty((height, width), np.float32)
    divisors = [
        _divisor(frame, bias, dark, time_s, per_second, normalise) for frame, time_s in zip(frames, times, strict=True)
    ]
    n_clipped, noise = 0, []
    for start in range(0, height, _BLOCK_ROWS):
        rows = slice(start, min(start + _BLOCK_ROWS, height))
        stack = np.stack([frame[rows] for frame in frames])
        for layer, time_s, divisor in zip(stack, times, divisors, strict=True):
            _prepare(
                layer,
                None if bias is None else bias[rows],
                None if dark is None else dark[rows],
                time_s,
                divisor,
            )
        mean, error, clipped, sigma = _clipped_mean(stack)
        image[rows], uncertainty[rows] = mean, error
        n_clipped += clipped
        noise.append(sigma)
    level = float(np.median(image[::4, ::4]))
    if normalise and level > 0:
        image /= np.float32(level)
        uncertainty /= np.float32(level)
    return Combined(
        image,
        uncertainty,
        len(frames),
        level,
        float(np.median(noise)),
        n_clipped / (height * width * len(frames)),
    )


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
    thinned = frame[slice(0, frame.shape[0])][::4, ::4].copy()
    _prepare(
        thinned,
        None if bias is None else bias[::4, ::4],
        None if dark is None else dark[::4, ::4],
        time_s,
        divisor=1.0,
    )
    return float(np.median(thinned))


def _prepare(
    block: np.ndarray, bias: np.ndarray | None, dark: np.ndarray | None, time_s: float, divisor: float
) -> None:
    if bias is not None:
        block -= bias
    if dark is not None:
        block -= dark * np.float32(time_s)
    if divisor != 1.0:
        block /= np.float32(divisor)


def _clipped_mean(stack: np.ndarray) -> tuple[np.ndarray, np.ndarray, int, float]:
    """Mean (rows, width), its uncertainty, pixels clipped, and the noise of one frame, of a stack (n, rows, width)."""
    n_frames = len(stack)
    if n_frames == 1:
        return stack[0], np.zeros_like(stack[0]), 0, 0.0
    # The noise of each frame, from its residuals about the mean: those of n frames lack 1/n of their variance.
    thinned = stack[:, ::2, ::2]
    about_mean = thinned - thinned.mean(axis=0)
    offset = np.median(about_mean, axis=(1, 2))
    sigma = _MAD_TO_SIGMA * np.median(np.abs(about_mean - offset[:, None, None]), axis=(1, 2))
    sigma = np.maximum(sigma * np.sqrt(n_frames / (n_frames - 1)), np.float32(1e-12))
    # The cut is about the median, which a cosmic ray cannot move.
    residual = stack - np.median(stack, axis=0)
    keep = np.abs(residual - offset[:, None, None]) <= _CLIP_SIGMAS * sigma[:, None, None]
    keep |= ~keep.any(axis=0)
    count = keep.sum(axis=0)
    mean = np.where(keep, stack, 0).sum(axis=0) / count
    error = np.sqrt(np.where(keep, (sigma**2)[:, None, None], 0).sum(axis=0)) / count
    return mean.astype(np.float32), error.astype(np.float32), int((~keep).sum()), float(np.median(sigma))
