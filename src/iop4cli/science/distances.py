"""How far the pixels of a cut-out are from a place."""

from __future__ import annotations

import numpy as np


def squared_distance(rows: slice, columns: slice, x_px: float, y_px: float) -> np.ndarray:
    """Of each pixel (rows, columns) of a frame from (x, y), in pixels squared; several times quicker than `hypot`."""
    across, down = np.arange(columns.start, columns.stop) - x_px, np.arange(rows.start, rows.stop) - y_px
    return np.asarray((across * across)[None, :] + (down * down)[:, None])
