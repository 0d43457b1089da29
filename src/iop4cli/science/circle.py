"""How much of each pixel lies inside a circle, exactly."""

from __future__ import annotations

import math

import numpy as np

_LEAST_SHARE = 1e-9


def shares_inside(shape: tuple[int, int], x_px: float, y_px: float, radius_px: float) -> np.ndarray:
    """The area of each pixel of an image (height, width) inside a circle, from 0 to 1.

    Pixels count from 0 at the middle of the first one. The area of the circle left of and below a corner of the grid
    is known in closed form; a pixel's share is what its four corners make of it. As photutils has it (an overlap of
    triangles and segments) to 1e-12, without the half second that importing that takes.
    """
    height, width = shape
    shares = np.zeros(shape)
    columns, rows = _touched(width, x_px, radius_px), _touched(height, y_px, radius_px)
    if columns.start >= columns.stop or rows.start >= rows.stop or radius_px <= 0:
        return shares
    corners_x = np.arange(columns.start, columns.stop + 1) - 0.5 - x_px
    corners_y = np.arange(rows.start, rows.stop + 1) - 0.5 - y_px
    below = _area_below(corners_x[None, :] / radius_px, corners_y[:, None] / radius_px) * radius_px**2
    share = np.diff(np.diff(below, axis=0), axis=1)
    # What rounding leaves of a pixel outside is none of it.
    shares[rows, columns] = np.where(share < _LEAST_SHARE, 0.0, np.minimum(share, 1.0))
    return shares


def _touched(extent: int, middle_px: float, radius_px: float) -> slice:
    first, last = math.floor(middle_px - radius_px + 0.5), math.floor(middle_px + radius_px + 0.5)
    return slice(max(0, first), min(extent, last + 1))


def _area_below(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The area of the unit circle left of x (1, n) and below y (m, 1): the integral of its height there, (m, n)."""
    x, y = np.clip(x, -1.0, 1.0), np.clip(y, -1.0, 1.0)
    # Between -c and c a line at y cuts the circle; beyond, the circle is all above or all below it.
    c = np.sqrt(1.0 - y**2)
    side = _half_area(np.minimum(x, -c)) + np.abs(y) * (np.clip(x, -c, c) + c) + _half_area(np.maximum(x, c))
    upper = side - _half_area(c) + math.pi / 4.0
    return np.asarray(_half_area(x) + math.pi / 4.0 + np.sign(y) * upper)


def _half_area(x: np.ndarray) -> np.ndarray:
    """The area of the upper half of the unit circle from 0 to x."""
    return np.asarray(0.5 * (x * np.sqrt(1.0 - x**2) + np.arcsin(x)))
