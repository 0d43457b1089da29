import math

import numpy as np
import pytest

from iop4cli.science.excess import chi2_survival, error_inflation
from iop4cli.science.stokes import Calibration, StokesFit, fit_polarised_filter, to_sky

FOUR_ANGLES = np.array([-45.0, 0.0, 45.0, 90.0])
T90 = Calibration(0.0579, 0.0030, 0.0583, 0.0023, -18.0, 0.001, name="T90")


def fluxes(angles_deg, q, u, intensity=2e4):
    angle = 2 * np.radians(angles_deg)
    return intensity / 2 * (1 + q * np.cos(angle) + u * np.sin(angle))


def fit_of(q, u, q_err=0.0, u_err=0.0, qu_cov=0.0):
    return StokesFit(q, u, q_err, u_err, qu_cov, q_err, u_err, 1.0, 0.0, None, 0, 4, "")


@pytest.mark.parametrize(
    "angles",
    [
        [-45, 0, 45, 90],
        [0, 45, 90],
        [-45, 0, 45],
        [3.1, 47.7, 92.2, 133.0, 181.0],
        [0, 0, 60, 120, 120],
        range(0, 180, 9),
    ],
)
@pytest.mark.parametrize("weights", ["equal", "unequal", "unknown"])
def test_noise_free_fluxes_give_the_truth_to_rounding(angles, weights):
    angles = np.array(angles, float)
    flux = fluxes(angles, -0.081, 0.044)
    variance = {"equal": flux * 0 + 7, "unequal": flux * np.arange(1, flux.size + 1), "unknown": flux * 0}[weights]
    fit = fit_polarised_filter(angles, flux, np.diag(variance))
    assert (fit.q, fit.u, fit.intensity) == pytest.approx((-0.081, 0.044, 2e4), rel=1e-12)


def test_four_angles_follow_the_textbook_ratios():
    flux = np.array([900.0, 1100.0, 1300.0, 980.0])
    flux[3] = flux[0] + flux[2] - flux[1]
    fit = fit_polarised_filter(FOUR_ANGLES, flux, np.diag(flux))
    assert fit.q == pytest.approx((flux[1] - flux[3]) / (flux[1] + flux[3]), rel=1e-12)
    assert fit.u == pytest.approx((flux[2] - flux[0]) / (flux[2] + flux[0]), rel=1e-12)
    assert fit.intensity == pytest.approx(2 * flux.mean(), rel=1e-12)


@pytest.mark.parametrize(
    ("angles", "flux", "missing"),
    [
        ([0, 90], [1, 1], "three distinct angles, there are 2: 0, 90"),
        ([0, 45, 180, -135], [1, 1, 1, 1], "three distinct angles, there are 2: 0, 45"),
        ([0, 45, 90], [1, math.nan, 1], r"no flux or no error at the angle\(s\) 45"),
        ([0, 45, 90], [-1, -1, -1], "not positive"),
        ([0, 45, 90], [1, 1], "disagree"),
    ],
)
def test_what_cannot_be_fitted_is_refused_with_what_is_missing(angles, flux, missing):
    with pytest.raises(ValueError, match=missing):
        fit_polarised_filter(angles, flux, np.eye(len(flux)))


def pulls_of_four_angles(n_trials, true_over_quoted, rng):
    truth = fluxes(FOUR_ANGLES, 0.10, -0.06)
    quoted = 0.01 * truth
    pulls = []
    for _ in range(n_trials):
        flux = truth + true_over_quoted * quoted * rng.normal(size=4)
        fit = fit_polarised_filter(FOUR_ANGLES, flux, np.diag(quoted**2))
        pulls.append(
            [
                (fit.q - 0.10) / fit.q_err,
                (fit.u + 0.06) / fit.u_err,
                (fit.intensity - 2e4) / fit.intensity_err,
            ]
        )
    return np.array(pulls)


def test_honest_photon_errors_keep_their_coverage_with_one_degree_of_freedom():
    pulls = pulls_of_four_angles(4000, 1.0, np.random.default_rng(1))
    # 4000 trials measure a width to 0.011 and a coverage to 0.7 %.
    assert np.all(np.abs(pulls.std(axis=0) - 1) < 0.035)
    assert np.all(np.abs((np.abs(pulls) < 1).mean(axis=0) - 0.6827) < 0.03)


def test_scatter_beyond_the_photons_is_caught_with_many_exposures():
    angles = np.tile(FOUR_ANGLES, 6)
    truth = fluxes(angles, 0.10, -0.06)
    rng = np.random.default_rng(2)
    pulls, photon_pulls = [], []
    for _ in range(500):
        flux = truth * (1 + 0.02 * rng.normal(size=angles.size))
        fit = fit_polarised_filter(angles, flux, np.diag((0.01 * truth) ** 2))
        assert fit.dof == 21
        pulls.append((fit.q - 0.10) / fit.q_err)
        photon_pulls.append((fit.q - 0.10) / fit.q_err_photon)
    # 500 trials measure a width to 0.03; the photons alone are wrong by the factor 2 put in.
    assert np.std(pulls) == pytest.approx(1, abs=0.1)
    assert np.std(photon_pulls) == pytest.approx(2, abs=0.2)


def test_errors_carry_the_covariance_between_exposures():
    truth = fluxes(FOUR_ANGLES, 0.05, 0.02)
    common = np.outer(truth, truth) * 0.03**2
    fit = fit_polarised_filter(FOUR_ANGLES, truth, common)
    # A factor common to all exposures is one of the intensity alone.
    assert fit.intensity_err == pytest.approx(0.03 * 2e4)
    assert fit.q_err < 1e-9
    coherent = truth * 0.004 * np.cos(2 * np.radians(FOUR_ANGLES))
    fit = fit_polarised_filter(FOUR_ANGLES, truth, np.outer(coherent, coherent) + np.eye(4) * 1e-6)
    # A change by 0.4 % cos 2t is one of q by 0.4 % (times 1 - q^2/2 and less).
    assert fit.q_err == pytest.approx(0.004, rel=0.01)


def test_the_sky_is_reached_by_a_rotation_that_adds_the_zero_angle():
    sky_angle = 23.7
    for zero in (-18.0, 0.1, 41.0, -1.5, 170.0):
        measured = math.radians(2 * (sky_angle - zero))
        fit = fit_of(0.105 * math.cos(measured) + 0.02, 0.105 * math.sin(measured) - 0.03)
        sky = to_sky(fit, Calibration(0.02, 0, -0.03, 0, zero, 0))
        assert sky.p == pytest.approx(0.105, rel=1e-12)
        assert sky.chi_deg == pytest.approx(sky_angle, rel=1e-12)
        assert (sky.q_instr, sky.u_instr) == (fit.q, fit.u)


def test_efficiency_scales_degree_and_error_alike():
    calibration = Calibration(0, 0, 0, 0, 12.0, 0, efficiency=0.8)
    sky = to_sky(fit_of(0.03, 0.04, 0.001, 0.001), calibration)
    assert sky.p == pytest.approx(0.05 / 0.8)
    assert sky.p_err == pytest.approx(0.001 / 0.8)


def test_statistical_covariance_turns_with_the_vector():
    rng = np.random.default_rng(3)
    cov = np.array([[4e-6, 1.5e-6], [1.5e-6, 1e-6]])
    q, u = rng.multivariate_normal([0.1, 0.05], cov, 20000).T
    sky = [to_sky(fit_of(a, b), T90) for a, b in zip(q[:4000], u[:4000], strict=True)]
    expected = to_sky(fit_of(0.1, 0.05, 2e-3, 1e-3, 1.5e-6), T90)
    found = np.cov([s.q for s in sky], [s.u for s in sky])
    # 4000 draws measure a variance to 2.2 %.
    assert math.sqrt(found[0, 0]) == pytest.approx(expected.q_err, rel=0.05)
    assert math.sqrt(found[1, 1]) == pytest.approx(expected.u_err, rel=0.05)
    assert found[0, 1] == pytest.approx(expected.qu_cov, abs=0.1 * expected.q_err * expected.u_err)
    assert np.std([s.p for s in sky]) == pytest.approx(expected.p_err, rel=0.05)
    assert np.std([s.chi_deg for s in sky]) == pytest.approx(expected.chi_err_deg, rel=0.05)


def test_calibration_errors_are_apart_from_the_statistical_ones():
    calibration = Calibration(0.01, 0.003, -0.02, 0.002, 25.0, 3.0, 0.95, 0.02)
    fit = fit_of(0.11, 0.03, 0.0005, 0.0005)
    sky = to_sky(fit, calibration)
    assert sky.q_err == pytest.approx(0.0005 / 0.95)
    rng = np.random.default_rng(4)
    drawn = [
        to_sky(fit, Calibration(0.01 + a, 0, -0.02 + b, 0, 25 + c, 0, 0.95 + d))
        for a, b, c, d in rng.normal(size=(4000, 4)) * [0.003, 0.002, 3.0, 0.02]
    ]
    for name in ("q", "u", "p", "chi"):
        suffix = "_deg" if name == "chi" else ""
        spread = np.std([getattr(s, name + suffix) for s in drawn])
        assert spread == pytest.approx(getattr(sky, f"{name}_sys{suffix}"), rel=0.06), name


def test_stars_of_the_same_frames_take_away_the_error_of_the_instrumental_polarisation():
    plain = to_sky(fit_of(0.11, 0.03), T90)
    ensemble = to_sky(fit_of(0.11, 0.03), T90, ensemble_corrected=True)
    assert plain.p_sys > 0.002
    # What is left is the zero angle's 0.001 deg, which cannot change p.
    assert ensemble.p_sys < 1e-12
    assert ensemble.chi_sys_deg == pytest.approx(0.001)


def test_nothing_diverges_without_polarisation():
    calibration = Calibration(0.01, 0.003, 0.02, 0.003, 0, 1)
    sky = to_sky(fit_of(0.01, 0.02, 0.004, 0.004), calibration)
    assert sky.p == 0
    assert sky.p_err == pytest.approx(0.004)
    assert sky.p_sys == pytest.approx(0.003)
    assert 51 < sky.chi_err_deg < 62


def test_chi2_survival_is_that_of_the_tables():
    # 1 sigma, and the 5 % and 1 % points of printed tables (three decimals).
    assert chi2_survival(1.0, 1) == pytest.approx(1 - 0.682689, abs=1e-6)
    for dof, at_5, at_1 in [(1, 3.841, 6.635), (2, 5.991, 9.210), (3, 7.815, 11.345), (10, 18.307, 23.209)]:
        assert chi2_survival(at_5, dof) == pytest.approx(0.05, abs=2e-5)
        assert chi2_survival(at_1, dof) == pytest.approx(0.01, abs=1e-5)
    assert chi2_survival(0.0, 3) == chi2_survival(0.0, 4) == 1


def test_a_small_scatter_never_shrinks_an_error():
    assert error_inflation(0.01, 1) == error_inflation(0.5, 13) == error_inflation(None, 0) == 1
    assert error_inflation(52.0, 13) == pytest.approx(2)


@pytest.mark.parametrize("sky_e", [0.0, 400.0])
def test_errors_from_the_measured_fluxes_do_not_make_a_faint_star_fainter(sky_e):
    angles, rng = np.tile(FOUR_ANGLES, 4), np.random.default_rng(6)
    truth = fluxes(angles, 0.10, -0.06, intensity=200.0)
    pulls = []
    for _ in range(1500):
        flux = rng.poisson(truth + sky_e) - sky_e
        covariance = np.diag(np.maximum(flux, 1.0) + sky_e)
        fits = [fit_polarised_filter(angles, flux, covariance, shot_noise=shot_noise) for shot_noise in (0.0, 1.0)]
        pulls.append([(fit.intensity - 200.0) / fit.intensity_err for fit in fits])
    # 1500 trials measure the mean to 0.026. Without it 13/16 of an electron of 100 is missing, the error being 2.5.
    plain, mended = np.mean(pulls, axis=0)
    assert abs(mended) < 0.08
    if sky_e == 0:
        assert plain == pytest.approx(-13 / 16 / 2.5, abs=0.1)
