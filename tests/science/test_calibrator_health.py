"""What long series of residuals say of a calibrator."""

import math

import numpy as np
import pytest

from iop4cli.science.calibrator_health import FALSE_ALARM, Residuals, health_of, verdicts

LITERATURE_ERR, ZERO_POINT_ERR, ERR = 0.02, 0.015, 0.01


def star(rng, n_nights=30, per_night=4, *, offset=0.0, wobble=0.0, drift_yr=0.0, night_rms=0.0):
    """Residuals over two years of a star whose catalogue magnitude is off by its error, and by `offset`."""
    common = math.hypot(LITERATURE_ERR, ZERO_POINT_ERR)
    mjd = np.sort(rng.uniform(59000, 59730, n_nights)).repeat(per_night) + np.tile(np.arange(per_night) / 24, n_nights)
    night = np.arange(n_nights).repeat(per_night)
    residual = (
        offset + common * rng.normal() + ERR * rng.normal(size=len(mjd)) + night_rms * rng.normal(size=n_nights)[night]
        + wobble * np.sin(mjd / 3.7) + drift_yr * (mjd - 59365) / 365.25
    )  # fmt: skip
    return Residuals(mjd, residual, np.full(len(mjd), ERR), night, common)


def test_the_mean_residual_has_an_honest_error():
    rng = np.random.default_rng(1)
    found = [health_of(star(rng, int(rng.integers(1, 40)), night_rms=0.01)) for _ in range(600)]
    pulls = np.array([one.mean / one.mean_err for one in found])
    # 600 draws measure a coverage to 1.9 %.
    assert np.mean(np.abs(pulls) < 1) == pytest.approx(0.6827, abs=0.06)
    assert abs(np.mean(pulls)) < 0.15


def test_good_stars_are_called_good_in_99_lists_of_a_hundred():
    rng = np.random.default_rng(2)
    wrong = sum(any(verdicts([health_of(star(rng, 12, 2)) for _ in range(25)])) for _ in range(120))
    # 120 lists: 1.2 expected, more than 6 by chance in 1 of 2,000.
    assert FALSE_ALARM == 0.01
    assert wrong <= 6


def test_one_wrong_star_of_many_is_named_with_what_is_wrong():
    rng = np.random.default_rng(3)
    stars = [star(rng) for _ in range(20)]
    stars[4] = star(rng, offset=0.3)
    stars[11] = star(rng, wobble=0.05)
    stars[17] = star(rng, drift_yr=0.05)
    said = verdicts([health_of(one) for one in stars])
    assert said[4] == ("offset",)
    assert "variable" in said[11]
    assert "trend" in said[17]
    assert [i for i, words in enumerate(said) if words] == [4, 11, 17]


def test_a_trend_is_measured_with_its_error():
    rng = np.random.default_rng(4)
    found = [health_of(star(rng, drift_yr=0.03)) for _ in range(200)]
    pulls = np.array([(one.trend_mag_yr - 0.03) / one.trend_err_mag_yr for one in found])
    assert abs(pulls.mean()) < 0.3
    assert pulls.std() == pytest.approx(1, abs=0.2)


def test_two_results_of_one_night_say_nothing_of_variability():
    one = health_of(star(np.random.default_rng(5), 1, 2))
    assert (one.chance_variable, one.trend_mag_yr, one.chance_trend, one.dof) == (None, None, None, 1)
    single = health_of(star(np.random.default_rng(6), 1, 1))
    assert (single.scatter, single.dof, single.largest) == (None, 0, 0)


def test_the_largest_residual_is_named():
    series = star(np.random.default_rng(7))
    series.residual[57] += 0.4
    assert health_of(series).largest == 57
