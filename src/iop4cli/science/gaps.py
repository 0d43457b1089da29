"""Pixels that are no numbers (masked by a camera, or spoilt): kept out of medians, and filled in among other frames."""

from __future__ import annotations

import numpy as np

from iop4cli.science.medians import median_of


def median_of_numbers(values: np.ndarray) -> float:
    """0 if none is a number."""
    numbers = values[np.isfinite(values)]
    return median_of(numbers) if numbers.size else 0.0


def without_gaps(block: np.ndarray) -> np.ndarray:
    """Fill what is no number in a block (n, rows, width) with the median of the other frames there, 0 if there is none.

    Returns where that was in any of the frames (rows, width): such a pixel of the master is not to be used.
    """
    # One sum tells of all frames: what is no number stays none in it.
    with np.errstate(invalid="ignore"):
        pixels = ~np.isfinite(block.sum(axis=0))
    if pixels.any():
        values = np.where(np.isfinite(block[:, pixels]), block[:, pixels], np.nan)
        some = ~np.isnan(values).all(axis=0)
        middle = np.zeros(values.shape[1], block.dtype)
        middle[some] = np.nanmedian(values[:, some], axis=0)
        block[:, pixels] = np.where(np.isnan(values), middle, values)
    return pixels
