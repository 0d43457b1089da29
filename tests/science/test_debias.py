import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iop4cli.science.debias import angle_error_deg, mas_estimate, polarisation

SIGMA = 0.003
# In units of sigma; 0 and the region where p is mostly noise come first.
TRUE_SNR = [0.0, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0]


def measurements(true_snr, n, rng):
    angle = math.radians(2 * 77.0)
    q = SIGMA * (true_snr * math.cos(angle) + rng.normal(size=n))
    u = SIGMA * (true_snr * math.sin(angle) + rng.normal(size=n))
    return [polarisation(a, b, SIGMA, SIGMA, 0.0) for a, b in zip(q, u, strict=True)]


@pytest.mark.parametrize("true_snr", TRUE_SNR)
def test_the_interval_covers_68_percent_down_to_no_polarisation(true_snr):
    results = measurements(true_snr, 4000, np.random.default_rng(11))
    inside = np.mean([r.p_lo68 <= true_snr * SIGMA <= r.p_hi68 for r in results])
    # 4 sigma of the binomial of 4000 trials.
    assert inside == pytest.approx(0.6827, abs=0.03)


@pytest.mark.parametrize("true_snr", TRUE_SNR)
def test_an_upper_limit_is_rarely_too_low(true_snr):
    results = measurements(true_snr, 4000, np.random.default_rng(12))
    too_low = np.mean([r.p_upper95 is not None and r.p_upper95 < true_snr * SIGMA for r in results])
    # 5 % plus 4 sigma of the binomial.
    assert too_low < 0.05 + 0.014
    for r in results:
        assert (r.p_upper95 is None) == (r.p / SIGMA >= 3)


@pytest.mark.parametrize("true_snr", [1.0, 1.5, 2.0, 3.0, 5.0, 10.0])
def test_the_angle_error_covers_68_percent_at_any_signal(true_snr):
    results = measurements(true_snr, 4000, np.random.default_rng(13))
    offset = np.array([(r.chi_deg - 77 + 90) % 180 - 90 for r in results])
    inside = np.abs(offset) < [r.chi_err_deg for r in results]
    assert inside.mean() == pytest.approx(0.6827, abs=0.05)


def test_an_unknown_angle_has_the_error_of_an_unknown_angle():
    # 68.27 % of all angles lie within 61.44 degrees of any one: uniform in 180 degrees.
    assert angle_error_deg(0.0) == pytest.approx(0.6827 * 90, abs=0.01)
    assert polarisation(0.0, 0.0, SIGMA, SIGMA, 0.0).chi_err_deg == angle_error_deg(0.0)
    # The known asymptote is reached to second order in 1/snr.
    for snr in (8.0, 15.0, 19.9, 20.1, 100.0):
        assert angle_error_deg(snr) == pytest.approx(28.648 / snr, rel=0.5 / snr**2 + 1e-3)


def test_the_debiased_degree_loses_the_bias_at_two_sigma():
    rng = np.random.default_rng(14)
    for true_snr, remaining in [(2.0, 0.07), (3.0, 0.03), (5.0, 0.03)]:
        results = measurements(true_snr, 20000, rng)
        plain = np.mean([r.p for r in results]) / SIGMA - true_snr
        debiased = np.mean([r.p_debiased for r in results]) / SIGMA - true_snr
        # The bias of p is sigma / 2p or more; 20000 draws measure it to 0.007 sigma.
        assert plain > 0.45 / true_snr
        assert abs(debiased) < remaining + 0.02


def test_the_bias_to_take_off_is_that_of_the_error_across_the_direction():
    rng = np.random.default_rng(15)
    cov = np.array([[1.0, 0.9], [0.9, 2.0]]) * 1e-6
    for angle in np.radians([0, 40, 90, 135, 250]):
        truth = 0.008 * np.array([np.cos(angle), np.sin(angle)])
        q, u = rng.multivariate_normal(truth, cov, 4000).T
        results = [polarisation(a, b, 1e-3, math.sqrt(2e-6), 0.9e-6) for a, b in zip(q, u, strict=True)]
        debiased = np.array([r.p_debiased for r in results])
        # 4 sigma of the mean of 4000 draws, whose own width is p_err.
        assert debiased.mean() == pytest.approx(0.008, abs=4 * debiased.std() / math.sqrt(4000))
        assert debiased.std() == pytest.approx(np.median([r.p_err for r in results]), rel=0.06)


def test_at_high_signal_everything_is_plain_propagation():
    q, u, q_err, u_err, cov = 0.09, -0.12, 0.0010, 0.0014, 4e-7
    r = polarisation(q, u, q_err, u_err, cov)
    p = math.hypot(q, u)
    p_err = math.sqrt(q**2 * q_err**2 + u**2 * u_err**2 + 2 * q * u * cov) / p
    chi_err = math.degrees(math.sqrt(u**2 * q_err**2 + q**2 * u_err**2 - 2 * q * u * cov) / (2 * p**2))
    assert r.p_err == pytest.approx(p_err, rel=1e-12)
    # (p/sigma)^-2 is 1e-4 here.
    assert (r.p_debiased, r.p_hi68 - r.p_lo68) == pytest.approx((p, 2 * p_err), rel=2e-4)
    assert r.chi_err_deg == pytest.approx(chi_err, rel=2e-4)
    assert r.chi_deg == pytest.approx(math.degrees(math.atan2(u, q)) / 2 + 180)
    assert r.p_upper95 is None


def test_limits_without_a_signal_are_those_of_the_rayleigh_distribution():
    r = polarisation(0.0, 0.0, SIGMA, SIGMA, 0.0)
    assert (r.p, r.p_debiased, r.p_lo68, r.p_err) == (0, 0, 0, SIGMA)
    assert r.p_upper95 == pytest.approx(SIGMA * math.sqrt(-2 * math.log(0.05)), rel=1e-3)


@given(
    q=st.floats(-0.5, 0.5),
    u=st.floats(-0.5, 0.5),
    q_err=st.floats(1e-5, 0.1),
    u_err=st.floats(1e-5, 0.1),
    correlation=st.floats(-0.99, 0.99),
)
def test_every_result_is_finite_and_in_order(q, u, q_err, u_err, correlation):
    r = polarisation(q, u, q_err, u_err, correlation * q_err * u_err)
    assert 0 <= r.p_debiased <= r.p
    assert 0 <= r.p_lo68 < r.p_hi68 < math.inf
    assert min(q_err, u_err) * 0.05 < r.p_err < math.hypot(q_err, u_err) * 1.001
    assert 0 <= r.chi_deg < 180
    assert 0 < r.chi_err_deg <= angle_error_deg(0)
    assert r.p_upper95 is None or r.p_upper95 > r.p_lo68


@given(st.floats(0, 50), st.floats(0.01, 20))
def test_the_debiased_degree_grows_with_the_measured_one(snr, more):
    assert mas_estimate(snr + more, 1.0) > mas_estimate(snr, 1.0)


@pytest.mark.parametrize("snr", [0.5, 1.5, 3.0, 6.0, 20.0])
def test_tables_join_their_asymptotes_without_a_step(snr):
    below = polarisation(snr * SIGMA * (1 - 1e-6), 0, SIGMA, SIGMA, 0)
    above = polarisation(snr * SIGMA * (1 + 1e-6), 0, SIGMA, SIGMA, 0)
    # The tables have steps of 0.01 sigma.
    assert above.p_lo68 == pytest.approx(below.p_lo68, abs=0.02 * SIGMA)
    assert above.p_hi68 == pytest.approx(below.p_hi68, abs=0.02 * SIGMA)
    assert above.chi_err_deg == pytest.approx(below.chi_err_deg, rel=0.002, abs=0.01)
