"""Shares of pixels inside a circle beside those of photutils, which finds them in another way, and their sum."""

import numpy as np
import pytest
from photutils.aperture import CircularAperture

from iop4cli.science.circle import shares_inside

# Sums of areas as large as the circle's are rounded to this share of it.
ROUNDING = 1e-14


def by_photutils(shape: tuple[int, int], x: float, y: float, radius: float) -> np.ndarray:
    image = CircularAperture((x, y), radius).to_mask(method="exact").to_image(shape)
    return np.zeros(shape) if image is None else image


@pytest.mark.parametrize("radius", [0.05, 0.3, 0.5, 0.7071, 1.0, 1.5, 4.0, 11.3, 40.0])
def test_each_share_is_that_of_photutils(radius):
    rng = np.random.default_rng(int(100 * radius))
    for _ in range(40):
        shape = tuple(rng.integers(1, 60, 2).tolist())
        x, y = rng.uniform(-5, shape[1] + 5), rng.uniform(-5, shape[0] + 5)
        shares, others = shares_inside(shape, x, y, radius), by_photutils(shape, x, y, radius)
        # A share of less than a billionth is none, so that no pixel outside is taken for one inside.
        assert np.abs(shares - others).max() < max(1e-9, radius**2 * 10 * ROUNDING)
        assert not shares[others == 0].any()


@pytest.mark.parametrize(("x", "y"), [(30.0, 30.0), (30.5, 29.5), (30.25, 30.0), (29.999999999, 30.5)])
@pytest.mark.parametrize("radius", [0.25, 0.5, 1.0, 2.5, 25.0])
def test_corners_on_the_rim_and_the_whole_area(x, y, radius):
    shares = shares_inside((61, 61), x, y, radius)
    assert shares.sum() == pytest.approx(np.pi * radius**2, rel=1e-12)
    assert np.abs(shares - by_photutils((61, 61), x, y, radius)).max() < 1e-12
    assert shares.min() >= 0.0 and shares.max() <= 1.0


def test_a_circle_that_is_nowhere_has_no_share():
    assert not shares_inside((10, 12), -20.0, 5.0, 3.0).any()
    assert not shares_inside((10, 12), 5.0, 5.0, 0.0).any()
