"""The monotone curve through points is scipy's, which is slower to import than all measurements of a frame."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import PchipInterpolator

from iop4cli.science.monotone import monotone_curve


@pytest.mark.parametrize("seed", range(40))
def test_it_is_that_of_scipy(seed: int) -> None:
    chance = np.random.default_rng(seed)
    known_x = np.cumsum(chance.uniform(0.05, 2.0, chance.integers(3, 15)))
    # Rising, falling, flat and turning, in each of which the slopes are chosen in another way.
    steps = chance.normal(0.0, 1.0, len(known_x)) * chance.integers(0, 2, len(known_x))
    known_y = np.cumsum(np.abs(steps) if seed % 2 else steps)
    x = np.concatenate([known_x, chance.uniform(known_x[0] - 1.0, known_x[-1] + 1.0, 200)])
    wanted = PchipInterpolator(known_x, known_y, extrapolate=False)(x)
    np.testing.assert_allclose(monotone_curve(x, known_x, known_y), wanted, rtol=0, atol=1e-12 * len(known_x))


def test_one_place_is_asked_for_as_many_are() -> None:
    known = np.array([0.0, 1.0, 3.0]), np.array([0.0, 1.0, 1.0])
    assert float(monotone_curve(np.asarray(0.5), *known)) == monotone_curve(np.array([0.5]), *known)[0]
