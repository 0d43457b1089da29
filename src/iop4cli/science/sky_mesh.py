"""The sky of a whole frame for finding stars on it: the levels of the cells of a mesh, and what lies between them."""

from __future__ import annotations

import numpy as np

from iop4cli.frames.quality import Pixel, byte

# So many pixels along the side of a cell tell its level to a thirtieth of their noise, before those of the cells
# around it are looked at: in larger ones not every pixel is.
_ENOUGH_PX = 32
# Rows whose sky stays near the processor while it is taken off.
_AT_ONCE = 64


def subtract_sky(electrons: np.ndarray, dq: np.ndarray, mesh_px: int) -> tuple[np.ndarray, float, float]:
    """(image without sky (height, width), sky level, sky rms), in electrons.

    A background mesh of cells of about `mesh_px`, fitted to the image's size, as Source Extractor has it (Bertin &
    Arnouts 1996, A&AS 117, 393); from cells of 64 pixels on of every second pixel in x and y, of 96 of every third.
    Bad, dead and hot pixels are left out.
    """
    import sep

    step = max(1, mesh_px // _ENOUGH_PX)
    thinned = np.ascontiguousarray(electrons[::step, ::step])
    mask = (dq[::step, ::step] & byte(Pixel.BAD | Pixel.DEAD | Pixel.HOT)) != 0
    height, width = (_fitted_mesh(side, mesh_px / step) for side in thinned.shape)
    sky = sep.Background(thinned, mask=mask, bw=width, bh=height, fw=3, fh=3)
    without = _minus_spread(electrons, sky.back(dtype=np.float32), step)
    return without, float(sky.globalback), float(sky.globalrms)


def _fitted_mesh(side_px: int, mesh_px: float) -> int:
    """A mesh that divides the side into whole cells, so that no sliver at the edge spoils the background."""
    cells = max(1, round(side_px / mesh_px))
    return -(-side_px // cells)


def _minus_spread(image: np.ndarray, thinned: np.ndarray, step: int) -> np.ndarray:
    """The image minus what is known of every `step`th pixel in both axes, between which it changes in proportion.

    Beyond the last of them it stays as it is there.
    """
    if step == 1:
        return np.asarray(image - thinned)
    height, width = image.shape
    known = np.pad(thinned, ((0, 1), (0, 1)), mode="edge")
    without = np.empty((height, width), np.float32)
    spread = np.empty((_AT_ONCE + 1, thinned.shape[1], step), np.float32)
    for first in range(0, len(thinned), _AT_ONCE):
        level = known[first : first + _AT_ONCE + 1]
        for column in range(step):
            between = level[:, :-1] if column == 0 else _between(level[:, :-1], level[:, 1:], column / step)
            spread[: len(level), :, column] = between
        whole = spread[: len(level)].reshape(len(level), -1)[:, :width]
        for row in range(step):
            rows = slice(step * first + row, min(step * (first + _AT_ONCE), height), step)
            between = whole[:-1] if row == 0 else _between(whole[:-1], whole[1:], row / step)
            np.subtract(image[rows], between[: len(without[rows])], out=without[rows])
    return without


def _between(one: np.ndarray, other: np.ndarray, share: float) -> np.ndarray:
    return np.asarray(one + np.float32(share) * (other - one))
