"""A difference beside its error: sure of nothing that noise alone makes."""

from __future__ import annotations

import numpy as np
import pytest

from iop4cli.science.departures import departure, typical


@pytest.mark.parametrize("n_nights", [1, 2, 5, 15])
def test_a_steady_source_is_rarely_three_sigma_off(n_nights: int) -> None:
    """Normal noise is beyond 3 sigma in 0.27 % of cases; the larger of two estimates makes that fewer, never more."""
    random = np.random.default_rng(5)
    n_trials, error = 4000, 0.02
    pulls = []
    for _ in range(n_trials):
        values = random.normal(14.0, error, n_nights + 1)
        before = typical(values[1:], [error] * n_nights, range(n_nights))
        now = typical(values[:1], [error], ["now"])
        assert now is not None and before is not None
        found = departure(now, before)
        assert found.sigmas is not None
        pulls.append(np.copysign(found.sigmas, found.difference))
    # 0.0027 expected at most, plus 3 times its own error in so many trials.
    assert np.mean(np.abs(pulls) > 3) < 0.0027 + 3 * np.sqrt(0.0027 / n_trials)
    assert 0.8 < np.std(pulls) < 1 + 3 / np.sqrt(2 * n_trials)


def test_results_of_one_night_count_once() -> None:
    """Their zero point, and its error, is one."""
    one = typical([14.0, 14.0], [0.02, 0.02], ["a", "a"])
    two = typical([14.0, 14.0], [0.02, 0.02], ["a", "b"])
    assert one is not None and two is not None
    assert one.error == pytest.approx(0.02)
    assert two.error == pytest.approx(0.02 / np.sqrt(2))


def test_a_variable_source_needs_a_larger_change_to_be_remarkable() -> None:
    now = typical([14.5], [0.01], ["now"])
    steady = typical([14.0] * 6, [0.01] * 6, range(6))
    restless = typical([13.5, 13.7, 13.9, 14.1, 14.3, 14.5], [0.01] * 6, range(6))
    assert now is not None and steady is not None and restless is not None
    assert (departure(now, steady).sigmas or 0) > 30
    assert (departure(now, restless).sigmas or 0) < 3


def test_angles_close_at_180_degrees() -> None:
    before = typical([178.0, 2.0, 179.0, 1.0, 0.0], [1.0] * 5, range(5), period=180.0)
    assert before is not None
    assert min(before.value, 180 - before.value) == pytest.approx(0.0, abs=1e-9)
    # 1.4826 times the median of 2, 2, 1, 1, 0 degrees, as the error of a median of five nights.
    assert before.error == pytest.approx(1.2533 * 1.4826 / np.sqrt(5))
    now = typical([177.0], [1.0], ["now"], period=180.0)
    assert now is not None
    assert departure(now, before, period=180.0).difference == pytest.approx(-3.0)


def test_without_errors_there_is_no_significance_and_without_values_nothing() -> None:
    before, now = typical([14.0], [None], ["a"]), typical([14.2], [0.01], ["b"])
    assert before is not None and now is not None
    assert departure(now, before).sigmas is None
    assert typical([], [], []) is None


def test_the_calibrations_error_is_added() -> None:
    before, now = typical([0.05], [0.003], ["a"]), typical([0.06], [0.004], ["b"])
    assert before is not None and now is not None
    assert departure(now, before, common_error=0.012).sigmas == pytest.approx(0.01 / 0.013)
