"""A star's profile moved by part of a pixel is scipy's spline, edges included."""

import numpy as np
import pytest
from scipy.ndimage import shift, spline_filter

from iop4cli.science.profile import StarProfile


@pytest.mark.parametrize("n_px", [13, 49, 61])
@pytest.mark.parametrize("away_px", [(0.0, 0.0), (0.3, -0.2), (0.5, -0.5), (1.4, 0.7), (-2.2, 3.1), (5.0, -7.7)])
def test_moved_as_scipy_moves_it(n_px: int, away_px: tuple[float, float]) -> None:
    values = np.random.default_rng(n_px).normal(size=(n_px, n_px))
    coefficients = spline_filter(values, order=5)
    profile = StarProfile(coefficients, np.zeros_like(values), n_px // 2)
    dx_px, dy_px = away_px
    wanted = shift(coefficients, (dy_px, dx_px), order=5, prefilter=False)
    # Sums of 36 terms of at most some hundred, in another order.
    assert np.abs(profile.at(dx_px, dy_px) - wanted).max() < 36 * 100 * np.finfo(float).eps
