import numpy as np
import pytest

from iop4cli.science.zeropoint import leave_one_out, magnitude, zero_point

TRUE_ZP = 25.0


def calibrators(n, rng, scatter=0.0):
    """Literature magnitudes with errors of 0.01 to 0.05 that are true, and fluxes good to 0.5 %."""
    true_mag = rng.uniform(12, 16, n)
    mag_err = rng.uniform(0.01, 0.05, n)
    flux = 10 ** (-0.4 * (true_mag - TRUE_ZP))
    flux_err = 0.005 * flux
    mag = true_mag + mag_err * rng.normal(size=n) + scatter * rng.normal(size=n)
    return mag, mag_err, flux + flux_err * rng.normal(size=n), flux_err


def pulls(n, n_trials, rng, spoil=None, scatter=0.0):
    result = []
    for _ in range(n_trials):
        mag, *rest = calibrators(n, rng, scatter)
        if spoil is not None:
            mag[rng.integers(n)] += spoil * rng.choice([-1, 1])
        found = zero_point(mag, *rest)
        result.append((found.zp - TRUE_ZP) / found.zp_err)
    return np.array(result)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 6, 10])
def test_the_zero_point_has_an_honest_error(n):
    found = pulls(n, 800, np.random.default_rng(n))
    # The scatter only enlarges errors: a width of 0.92 (1 for a single calibrator) is expected, measured here
    # to 0.025.
    assert found.std() == pytest.approx(0.96, abs=0.1)
    assert abs(found.mean()) < 0.1
    assert np.mean(np.abs(found) < 1) == pytest.approx(0.70, abs=0.07)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 6, 10])
def test_magnitudes_have_honest_errors(n):
    rng = np.random.default_rng(20 + n)
    found = []
    for _ in range(800):
        mag, err = magnitude(1e4 * (1 + 0.02 * rng.normal()), 200.0, zero_point(*calibrators(n, rng)))
        found.append((mag - (TRUE_ZP - 10)) / err)
    assert np.std(found) == pytest.approx(1, abs=0.1)
    assert np.mean(np.abs(found) < 1) == pytest.approx(0.6827, abs=0.06)


@pytest.mark.parametrize("n", [3, 4, 5, 10])
def test_one_calibrator_half_a_magnitude_off_does_not_move_the_zero_point(n):
    found = pulls(n, 200, np.random.default_rng(30 + n), spoil=0.5)
    # 0.5 mag are 10 to 50 errors.
    assert np.abs(found).max() < 4.5
    assert found.std() == pytest.approx(0.96, abs=0.2)


@pytest.mark.parametrize("n", [3, 4, 5])
def test_the_culprit_is_named_and_keeps_its_residual(n):
    mag, mag_err, flux, flux_err = calibrators(n, np.random.default_rng(40))
    mag[1] += 0.5
    found = zero_point(mag, mag_err, flux, flux_err)
    assert np.flatnonzero(~found.used).tolist() == [1]
    assert found.residual[1] == pytest.approx(0.5, abs=4 * (mag_err[1] + found.zp_err))
    without = zero_point(*(np.delete(column, 1) for column in (mag, mag_err, flux, flux_err)))
    assert (found.zp, found.zp_err, found.n_used) == (without.zp, without.zp_err, n - 1)


def test_the_error_is_never_below_the_scatter():
    rng = np.random.default_rng(50)
    for n in (2, 3, 4, 6, 10):
        for _ in range(60):
            mag, _, flux, flux_err = calibrators(n, rng, scatter=rng.choice([0, 0.03, 0.1]))
            found = zero_point(mag, np.full(n, 0.02), flux, flux_err)
            assert found.zp_err >= 0.999 * found.scatter / np.sqrt(found.n_used)


def test_two_calibrators_that_disagree_have_the_error_of_two():
    rng = np.random.default_rng(51)
    inside = [
        abs(found.zp - TRUE_ZP) < found.zp_err
        for found in (
            zero_point(TRUE_ZP + 0.3 * rng.normal(size=2), [0.001] * 2, [1, 1], [1e-4] * 2) for _ in range(2000)
        )
    ]
    # Half the difference alone would cover 50 %; 2000 trials measure a coverage to 1 %.
    assert np.mean(inside) == pytest.approx(0.6827, abs=0.04)


def test_many_calibrators_with_a_scatter_of_their_own_are_all_used():
    found = pulls(10, 300, np.random.default_rng(52), scatter=0.1)
    # 300 trials measure a coverage to 2.7 %.
    assert np.mean(np.abs(found) < 1) == pytest.approx(0.6827, abs=0.09)
    one = zero_point(*calibrators(200, np.random.default_rng(53), scatter=0.1))
    # 200 values measure a standard deviation to 5 %.
    assert one.intrinsic_scatter == pytest.approx(0.1, rel=0.2)
    assert one.n_used >= 198


def test_a_single_calibrator_gives_its_literature_error():
    found = zero_point([14.0], [0.03], [1000.0], [0.0])
    assert (found.zp, found.zp_err) == pytest.approx((21.5, 0.03))
    assert found.scatter is None
    assert found.n_used == 1


def test_what_is_not_known_is_not_used():
    found = zero_point([14, np.nan, 14.02, 14], [0.01, 0.01, np.nan, 0.01], [1e3, 1e3, 1e3, -5.0], [1e-3] * 4)
    assert found.used.tolist() == [True, False, True, False]
    assert np.isnan(found.residual).tolist() == [False, True, False, True]
    # The one without a literature error counts little.
    assert found.zp == pytest.approx(21.5 + 0.02 * 0.01**2 / (0.01**2 + 0.05**2), abs=1e-5)
    assert zero_point([np.nan], [0.1], [1.0], [0.1]) is None
    assert zero_point([], [], [], []) is None


def test_a_calibrators_own_zero_point_does_not_know_it():
    columns = calibrators(5, np.random.default_rng(54))
    for i, found in enumerate(leave_one_out(*columns)):
        without = zero_point(*(np.delete(column, i) for column in columns))
        assert (found.zp, found.zp_err) == (without.zp, without.zp_err)
        assert not found.used[i]
        assert np.isfinite(found.residual[i])
    assert leave_one_out([14.0], [0.03], [1000.0], [0.0]) == [None]


def test_a_flux_that_is_not_positive_has_no_magnitude():
    found = zero_point([14.0], [0.03], [1000.0], [0.0])
    assert magnitude(-1.0, 1.0, found) is None
    assert magnitude(1000.0, 0.0, found) == pytest.approx((14.0, 0.03))
