"""The level of the sky and its error."""

import numpy as np
import pytest

from iop4cli.science.sky import sky_of

N_PIXELS = 2600


def pulls(levels, read_noise, count_e, rng, stars=0):
    found = []
    for level in levels:
        values = rng.poisson(level, N_PIXELS) + rng.normal(0, read_noise, N_PIXELS)
        values[:stars] += rng.exponential(2000, stars)
        sky = sky_of(count_e * np.round(values / count_e) if count_e else values)
        found.append((sky.level_e - level) / sky.level_err_e)
    return np.array(found)


@pytest.mark.parametrize(("level", "read_noise"), [(20, 3), (400, 7), (20000, 7)])
def test_the_level_has_an_honest_error(level, read_noise):
    found = pulls([level] * 900, read_noise, 0, np.random.default_rng(level))
    # 900 draws measure a mean to 0.033 and a width to 2.4 %.
    assert abs(found.mean()) < 0.12
    assert found.std() == pytest.approx(1, abs=0.08)


def test_whole_counts_of_many_electrons_do_not_move_the_level():
    """A median of counts of 7.14 electrons would be off by up to half a count, 15 errors of the level."""
    found = pulls(np.linspace(60, 67, 600), 7, 7.14, np.random.default_rng(2))
    assert abs(found.mean()) < 0.15
    assert found.std() == pytest.approx(1, abs=0.1)


def test_stars_among_the_pixels_hardly_move_the_level():
    found = pulls([400] * 200, 7, 0, np.random.default_rng(3), stars=30)
    # Of 30 pixels with a star 97 % are clipped; the rest, 1 in 2600, moves the mean of the rest by less than an error.
    assert abs(found.mean()) < 0.4


def test_what_does_not_vary_is_its_own_level():
    sky = sky_of(np.full(100, 37.5))
    assert (sky.level_e, sky.level_err_e, sky.sigma_e) == (37.5, 0.0, 0.0)
