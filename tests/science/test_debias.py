import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iop4cli.science.debias import angle_error_deg, mas_estimate, polarisation

SIGMA = 0.003
# In units of sigma; 0 and the region where p is mostly noise come first.
TRUE_SNR = [0.0, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0]


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


# Of an angle thought of beforehand; what the docstring of measured_angle_error_deg says.
@pytest.mark.parametrize(
    ("true_snr", "covered"),
    [
        (0.0, 0.47),
        (0.5, 0.60),
        (0.75, 0.64),
        (1.0, 0.67),
        (1.5, 0.70),
        (2.0, 0.70),
        (3.0, 0.69),
        (5.0, 0.683),
        (10.0, 0.683),
    ],
)
def test_the_angle_error_covers_68_percent_where_there_is_an_angle(true_snr, covered):
    results = measurements(true_snr, 10_000, np.random.default_rng(13))
    offset = np.array([(r.chi_deg - 77 + 90) % 180 - 90 for r in results])
    inside = np.mean(np.abs(offset) < [r.chi_err_deg for r in results])
    # 4 sigma of the binomial of 10000 trials, and the docstring's rounding.
    assert inside == pytest.approx(covered, abs=0.019 + 0.005)
    if true_snr >= 1:
        assert inside == pytest.approx(0.6827, abs=0.02 + 0.019)


def test_the_coverage_of_the_angle_does_not_depend_on_the_angle():
    rng = np.random.default_rng(16)
    for angle_deg in (0.0, 45.0, 89.9, 135.0, 179.9):
        q, u = (3 * f(math.radians(2 * angle_deg)) + rng.normal(size=4000) for f in (math.cos, math.sin))
        results = [polarisation(a, b, 1.0, 1.0, 0.0) for a, b in zip(q, u, strict=True)]
        offset = np.array([(r.chi_deg - angle_deg + 90) % 180 - 90 for r in results])
        inside = np.mean(np.abs(offset) < [r.chi_err_deg for r in results])
        assert inside == pytest.approx(0.69, abs=4 * math.sqrt(0.69 * 0.31 / 4000))


@pytest.mark.parametrize("snr", [0.0, 0.3, 1.0, 2.5, 5.0, 10.0])
def test_the_angle_error_holds_68_percent_of_the_printed_distribution(snr):
    """Naghizadeh-Khouei & Clarke (1993), integrated by quadrature; and of angles drawn."""
    from scipy.integrate import quad
    from scipy.special import erf

    def density(theta):
        eta = snr / math.sqrt(2) * math.cos(2 * theta)
        bracket = 1 / math.sqrt(math.pi) + eta * math.exp(eta**2) * (1 + erf(eta))
        return bracket * math.exp(-(snr**2) / 2) / math.sqrt(math.pi)

    half = math.radians(angle_error_deg(snr))
    assert quad(density, -math.pi / 2, math.pi / 2, points=[-half, half])[0] == pytest.approx(1.0, abs=1e-9)
    assert quad(density, -half, half)[0] == pytest.approx(0.68269, abs=2e-4)
    rng, n = np.random.default_rng(17), 200_000
    drawn = np.arctan2(rng.normal(size=n), snr + rng.normal(size=n)) / 2
    assert np.mean(np.abs(drawn) < half) == pytest.approx(0.68269, abs=4 * math.sqrt(0.217 / n))


@pytest.mark.parametrize("p_over_b", [0.05, 0.5, 1.0, 2.0, 4.0, 30.0])
def test_the_debiased_degree_is_the_printed_formula(p_over_b):
    """Plaszczynski et al. (2014): p - b^2 (1 - exp(-p^2/b^2)) / (2 p)."""
    p, b = 0.01 * p_over_b, 0.01
    assert mas_estimate(p, b) == pytest.approx(p - b**2 * (1 - math.exp(-(p**2) / b**2)) / (2 * p), rel=1e-10)


@pytest.mark.parametrize(
    ("true_snr", "bias", "width"),
    [(0.0, 0.989, 0.656), (1.0, 0.292, 0.800), (2.0, 0.051, 0.967), (3.0, 0.002, 1.018), (5.0, -0.001, 1.011)],
)
def test_the_debiased_degree_is_all_but_free_of_bias_from_two_sigma_on(true_snr, bias, width):
    """By quadrature over the Rice distribution, as the docstring says."""
    from scipy.integrate import quad
    from scipy.stats import rice

    def moment(n):
        return quad(lambda p: mas_estimate(p, 1.0) ** n * rice.pdf(p, true_snr), 0, true_snr + 12)[0]

    assert moment(1) - true_snr == pytest.approx(bias, abs=6e-4)
    assert math.sqrt(moment(2) - moment(1) ** 2) == pytest.approx(width, abs=6e-4)


def test_of_hardly_any_measured_polarisation_half_is_left():
    assert mas_estimate(1e-4, 1.0) == pytest.approx(0.5e-4, rel=1e-6)


@pytest.mark.parametrize("snr", [0.0, 0.4, 1.0, 1.9, 2.9])
def test_the_upper_limit_is_the_one_of_the_rice_distribution(snr):
    from scipy.stats import rice

    limit = polarisation(snr, 0.0, 1.0, 1.0, 0.0).p_upper95
    # A p of exactly 0 has no probability: the limit's ratio is taken close to it. The table has steps of 0.01 sigma.
    measured = max(snr, 1e-3)
    assert limit == pytest.approx(
        _solve(lambda true: rice.cdf(measured, true) / rice.cdf(measured, 1e-9) - 0.05), abs=0.01
    )


def _solve(function):
    from scipy.optimize import brentq

    return brentq(function, 0.5, 12.0)


def test_no_polarisation_is_allowed_as_long_as_it_is_among_its_68_percent():
    """The Rayleigh distribution has 68.27 % below 1.515 sigma: there, and only there, the interval begins at 0."""
    edge = math.sqrt(-2 * math.log(1 - math.erf(math.sqrt(0.5))))
    assert polarisation(edge - 0.02, 0.0, 1.0, 1.0, 0.0).p_lo68 == 0.0
    assert polarisation(edge + 0.02, 0.0, 1.0, 1.0, 0.0).p_lo68 > 0.0


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
