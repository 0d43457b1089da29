"""A magnitude between measured ones, and what is not known of it."""

import math

import numpy as np
import pytest

from iop4cli.science.light_curve import Point, magnitude_at

CURVE = [Point(10.0, 15.0, 0.02, "a"), Point(10.4, 15.4, 0.04, "b"), Point(12.0, 14.0, 0.01, "c")]


def test_between_two_neighbours_it_is_linear_in_time():
    found = magnitude_at(10.1, CURVE, 1.0, 0.0)
    assert found.mag == pytest.approx(15.1)
    assert found.mag_err == pytest.approx(math.hypot(0.75 * 0.02, 0.25 * 0.04))
    assert [point.name for point in found.points] == ["a", "b"]


def test_with_one_side_only_it_is_the_nearest_within_reach():
    found = magnitude_at(9.5, CURVE, 1.0, 0.1)
    assert (found.mag, [point.name for point in found.points]) == (15.0, ["a"])
    assert found.mag_err == pytest.approx(math.hypot(0.02, 0.1 * math.sqrt(0.5)))
    assert magnitude_at(11.2, CURVE, 1.0, 0.1).mag == pytest.approx(15.4 - 1.4 * 0.5)


@pytest.mark.parametrize("mjd", [8.9, 13.1, 11.2])
def test_beyond_reach_there_is_none(mjd):
    within = 1.0 if mjd != 11.2 else 0.7
    assert magnitude_at(mjd, CURVE, within, 0.1) is None


def test_at_a_measured_time_it_is_the_measurement():
    found = magnitude_at(10.4, CURVE, 2.0, 0.5)
    assert (found.mag, found.mag_err) == pytest.approx((15.4, 0.04))


@pytest.mark.parametrize("sides", [1, 2])
def test_the_error_holds_for_sources_that_walk_at_random(sides):
    rng, wander, n = np.random.default_rng(3), 0.15, 4000
    pulls = []
    for steps in rng.normal(0, wander * math.sqrt(0.01), (n, 100)):
        truth = np.concatenate([[15.0], 15.0 + np.cumsum(steps)])
        days = np.arange(101) * 0.01
        measured = [Point(days[i], truth[i] + rng.normal(0, 0.02), 0.02) for i in (0, 100)[:sides]]
        found = magnitude_at(0.3, measured, 1.0, wander)
        pulls.append((found.mag - truth[30]) / found.mag_err)
    # Mean and width of 4000 pulls are known to 1/sqrt(n) and 1/sqrt(2n): 4 of these.
    assert abs(np.mean(pulls)) < 4 / math.sqrt(n)
    assert np.std(pulls) == pytest.approx(1.0, abs=4 / math.sqrt(2 * n))
