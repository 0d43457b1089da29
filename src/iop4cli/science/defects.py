"""Bad, hot, dead and weak pixels, from the masters that show them."""

from __future__ import annotations

import numpy as np

from iop4cli.frames.quality import Pixel, byte
from iop4cli.science.medians import median_of, medians_of_rows

# Below this share of the light of the pixels around it a pixel is weak, and above its inverse something is wrong.
_WEAK = 0.5
# A pixel this far below the flat's median carries too little light to be corrected.
_DEAD_FLAT = 0.3
# A pixel of the master bias this many sigmas above its column is hot whatever the exposure.
_HOT_BIAS_SIGMAS = 30.0
# Dark current is harmful where its own noise in the dark frames' exposure is this many times the read noise.
_HOT_DARK_NOISE = 3.0
_SIGNIFICANT = 10.0
_CELL_PX = 16


def defects(
    kind: str, image: np.ndarray, uncertainty: np.ndarray, noisy: np.ndarray, hot_adu_per_s: float = np.inf
) -> np.ndarray:
    """Pixel bits (height, width) uint8 of what a master bias, dark or flat shows to be unfit.

    BAD: the value is no number, or scatters from frame to frame far more than others (`noisy`). HOT in a bias:
    far above its column; in a dark: a rate above `hot_adu_per_s` (see `harmful_dark_rate`) and beyond its own
    error. DEAD in a flat: less than half of the light of its surroundings, or more than twice, or too little to be
    corrected. A defect as wide as a dozen pixels (dust) is no defect: the flat corrects it.
    """
    dq = np.zeros(image.shape, np.uint8)
    dq[noisy | ~np.isfinite(image)] |= byte(Pixel.BAD)
    if kind == "bias":
        dq[_above_column(image)] |= byte(Pixel.HOT)
    elif kind == "dark":
        excess = image - median_of(image[::4, ::4])
        hot = (excess > hot_adu_per_s) & (excess > _SIGNIFICANT * uncertainty)
        dq[hot] |= byte(Pixel.HOT)
    else:
        relative = image / np.maximum(_surroundings(image), 1e-3)
        fit = (relative >= _WEAK) & (relative <= 1.0 / _WEAK) & (image > _DEAD_FLAT)
        dq[~fit] |= byte(Pixel.DEAD)
    return dq


def harmful_dark_rate(exptime_s: float, gain_e_per_adu: float, read_noise_adu: float) -> float:
    """The dark current (ADU/s) whose noise in one exposure is three times the read noise."""
    if exptime_s <= 0:
        return np.inf
    return (_HOT_DARK_NOISE * read_noise_adu) ** 2 * gain_e_per_adu / exptime_s


def _above_column(bias: np.ndarray) -> np.ndarray:
    excess = bias - np.median(bias[::4], axis=0)
    thinned = excess[::4, ::4]
    sigma = 1.4826 * median_of(np.abs(thinned - median_of(thinned)))
    return np.asarray(excess > _HOT_BIAS_SIGMAS * max(sigma, 1e-6))


def _surroundings(flat: np.ndarray) -> np.ndarray:
    """The flat's medians in cells of 16 pixels, each spread over its cell."""
    medians = cell_medians(flat, _CELL_PX)
    rows, columns = (
        np.minimum(np.arange(extent) // _CELL_PX, n - 1) for extent, n in zip(flat.shape, medians.shape, strict=True)
    )
    return medians[rows][:, columns]


def cell_medians(image: np.ndarray, cell_px: int) -> np.ndarray:
    """Medians of square cells, (rows, columns) of cells; what is left over at the far edges belongs to none."""
    height, width = image.shape
    cell_y, cell_x = min(cell_px, height), min(cell_px, width)
    n_y, n_x = height // cell_y, width // cell_x
    cells = image[: n_y * cell_y, : n_x * cell_x].reshape(n_y, cell_y, n_x, cell_x)
    return medians_of_rows(cells.transpose(0, 2, 1, 3).reshape(n_y, n_x, -1))
