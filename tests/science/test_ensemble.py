import math

import numpy as np
import pytest

from iop4cli.science.debias import angle_deg
from iop4cli.science.ensemble import Transparency, correct, transparency
from iop4cli.science.stokes import Calibration, fit_polarised_filter, to_sky

ANGLES = np.array([-45.0, 0.0, 45.0, 90.0])
MODULATION = np.array([np.cos(2 * np.radians(ANGLES)), np.sin(2 * np.radians(ANGLES))])
T90 = Calibration(0.0579, 0.0030, 0.0583, 0.0023, -18.0, 0.001, name="T90")
TRUE_P, TRUE_CHI_DEG = 0.105, 23.7
TRUE_Q, TRUE_U = TRUE_P * np.array([math.cos(math.radians(2 * 23.7)), math.sin(math.radians(2 * 23.7))])
# One component of the field stars' own polarisation.
STAR_SCATTER = 0.003


def target_flux(transmission):
    angle = math.radians(2 * (TRUE_CHI_DEG - T90.zero_angle_deg))
    q, u = TRUE_P * math.cos(angle) + T90.q_inst, TRUE_P * math.sin(angle) + T90.u_inst
    return 1e4 * transmission * (1 + np.array([q, u]) @ MODULATION)


def star_fluxes(transmission, n_stars, snr, rng, star_scatter=STAR_SCATTER):
    """Fluxes and errors (n_stars, 4) of stars brighter and fainter than the given signal to noise."""
    brightness = 10 ** rng.uniform(-0.3, 0.7, n_stars)
    q, u = star_scatter * rng.normal(size=(2, n_stars, 1))
    flux = 1e4 * brightness[:, None] * transmission
    flux = flux * (1 + (q + T90.q_inst) * MODULATION[0] + (u + T90.u_inst) * MODULATION[1])
    err = flux / (snr * np.sqrt(brightness))[:, None]
    return flux + err * rng.normal(size=flux.shape), err


def clouds(rng):
    return 1 + 0.05 * rng.normal(size=4)


def field_transparency(flux, err):
    return transparency(flux, err, ANGLES, q_inst=T90.q_inst, u_inst=T90.u_inst)


def chain(snr, n_stars, rng):
    """One simulated group from fluxes to the sky."""
    transmission = clouds(rng)
    flux = target_flux(transmission)
    err = flux / snr
    measured = field_transparency(*star_fluxes(transmission, n_stars, snr, rng))
    assert measured is not None
    corrected = correct(flux + err * rng.normal(size=4), err, measured)
    return to_sky(fit_polarised_filter(ANGLES, *corrected), T90, ensemble_corrected=True)


def contrast_pulls(measured: Transparency, transmission):
    """How far the measured transparency is from the truth in what looks like q, like u and like neither."""
    contrasts = np.vstack([MODULATION, [1, -1, 1, -1]])
    offset = contrasts @ (measured.relative - transmission / transmission.mean())
    return offset / np.sqrt(np.diag(contrasts @ measured.cov @ contrasts.T))


def test_noise_free_stars_give_the_transparency_itself():
    transmission = np.array([0.7, 1.2, 0.95, 0.4])
    flux = np.array([3e3, 1e4, 7e4])[:, None] * transmission
    flux = flux * (1 + T90.q_inst * MODULATION[0] + T90.u_inst * MODULATION[1])
    measured = field_transparency(flux, flux * 1e-5)
    # The stars are believed to be polarised by 0.3 % each, but these three agree.
    assert measured.relative == pytest.approx(transmission / transmission.mean(), rel=1e-8)
    assert measured.relative.mean() == pytest.approx(1)
    assert measured.used.tolist() == [True] * 3


def test_clouds_ruin_polarisation_without_the_ensemble_and_not_with_it():
    rng = np.random.default_rng(21)
    raw_p, raw_p_err, corrected_pulls, corrected_chi = [], [], [], []
    for _ in range(60):
        transmission = clouds(rng)
        flux = target_flux(transmission) * (1 + 0.004 * rng.normal(size=4))
        err = 0.004 * flux
        raw = to_sky(fit_polarised_filter(ANGLES, flux, np.diag(err**2)), T90)
        raw_p.append(raw.p)
        raw_p_err.append(math.hypot(raw.q - TRUE_Q, raw.u - TRUE_U))
        measured = field_transparency(*star_fluxes(transmission, 20, 250, rng))
        sky = to_sky(fit_polarised_filter(ANGLES, *correct(flux, err, measured)), T90)
        corrected_pulls.append((sky.p - TRUE_P) / sky.p_err)
        corrected_chi.append((sky.chi_deg - TRUE_CHI_DEG) / sky.chi_err_deg)
    # Two ratios of fluxes that differ by 5 % each: 3.5 % in each of q and u, ten times the photon error.
    assert np.median(raw_p_err) > 0.03
    assert np.std(raw_p) > 0.02
    # 60 pulls measure a width to 0.09 and a mean to 0.13.
    assert np.std(corrected_pulls) == pytest.approx(1, abs=0.32)
    assert np.std(corrected_chi) == pytest.approx(1, abs=0.32)
    assert abs(np.mean(corrected_pulls)) < 0.45


@pytest.mark.parametrize("n_stars", [5, 20, 60])
@pytest.mark.parametrize("snr", [30, 100, 1000])
def test_the_whole_chain_has_honest_errors(snr, n_stars):
    rng = np.random.default_rng(snr + n_stars)
    n_groups = {5: 60, 20: 30, 60: 12}[n_stars]
    sky = [chain(snr, n_stars, rng) for _ in range(n_groups)]
    pulls = np.array([[(s.q - TRUE_Q) / s.q_err, (s.u - TRUE_U) / s.u_err] for s in sky]).ravel()
    # 3.5 sigma of so many pulls; the night test below is the sharp one.
    assert abs(pulls.mean()) < 3.5 / math.sqrt(pulls.size)
    assert np.sqrt(np.mean(pulls**2)) == pytest.approx(1, abs=3.5 / math.sqrt(2 * pulls.size))


@pytest.mark.night
@pytest.mark.parametrize("n_stars", [5, 20, 60])
@pytest.mark.parametrize("snr", [30, 100, 1000])
def test_the_whole_chain_has_honest_errors_to_a_tenth(snr, n_stars):
    rng = np.random.default_rng(100 * snr + n_stars)
    sky = [chain(snr, n_stars, rng) for _ in range(1000)]
    pulls = np.array([[(s.q - TRUE_Q) / s.q_err, (s.u - TRUE_U) / s.u_err] for s in sky]).ravel()
    # 2000 pulls measure the mean to 0.022 and the width to 0.016.
    assert abs(pulls.mean()) < 0.1
    assert pulls.std() == pytest.approx(1, abs=0.1)
    assert np.mean(np.abs(pulls) < 1) == pytest.approx(0.6827, abs=0.05)


def spoil_nothing(flux, rng):
    return flux


def spoil_variable(flux, rng):
    flux[0] *= [1, 1.15, 1.3, 1.45]
    return flux


def spoil_cosmic_ray(flux, rng):
    flux[0, rng.integers(4)] *= 1.5
    return flux


def spoil_polarised(flux, rng):
    angle = rng.uniform(0, 2 * math.pi)
    flux[0] *= 1 + 0.06 * np.array([math.cos(angle), math.sin(angle)]) @ MODULATION
    return flux


@pytest.mark.parametrize("n_stars", [4, 10])
@pytest.mark.parametrize("spoil", [spoil_variable, spoil_cosmic_ray, spoil_polarised])
def test_one_bad_star_does_not_move_the_transparency(spoil, n_stars):
    rng = np.random.default_rng(31)
    pulls = []
    for _ in range(40):
        transmission = clouds(rng)
        flux, err = star_fluxes(transmission, n_stars, 300, rng)
        measured = field_transparency(spoil(flux, rng), err)
        assert measured is not None
        assert measured.n_stars >= n_stars - 1
        pulls.append(contrast_pulls(measured, transmission))
    # 4 sigma of 120 pulls, and the star itself would be worth 5 to 100 sigma.
    assert np.std(pulls) == pytest.approx(1, abs=0.26)
    assert np.abs(pulls).max() < 4.5


def test_a_cosmic_ray_costs_one_flux_and_not_the_star():
    rng = np.random.default_rng(32)
    flux, err = star_fluxes(np.ones(4), 6, 300, rng)
    flux[2, 1] *= 1.4
    measured = field_transparency(flux, err)
    assert measured.used.all()
    flux[2] *= [1, 0.8, 1.2, 1.5]
    assert field_transparency(flux, err).used.tolist() == [True, True, False, True, True, True]


def test_good_stars_are_kept():
    rng = np.random.default_rng(33)
    left_out = [20 - field_transparency(*star_fluxes(clouds(rng), 20, 300, rng)).n_stars for _ in range(60)]
    # One in 10,000 by the threshold; the scatter the test goes by is itself estimated.
    assert sum(left_out) <= 4


def test_too_few_stars_give_no_transparency():
    rng = np.random.default_rng(34)
    flux, err = star_fluxes(np.ones(4), 3, 300, rng)
    assert field_transparency(flux, err) is not None
    assert field_transparency(flux[:2], err[:2]) is None
    assert field_transparency(np.empty((0, 4)), np.empty((0, 4))) is None
    # Three of which one contradicts the other two are not three.
    assert field_transparency(flux * [[1, 1.1, 1.2, 1.3], [1] * 4, [1] * 4], err) is None
    # An exposure in which nobody was measured has no transparency.
    flux[:, 2] = np.nan
    assert field_transparency(flux, err) is None


def test_faint_and_missing_stars_are_no_harm():
    rng = np.random.default_rng(35)
    pulls = []
    for _ in range(60):
        transmission = clouds(rng)
        flux, err = star_fluxes(transmission, 12, 200, rng)
        noise = rng.normal(size=(5, 4))
        flux = np.vstack([flux, 0.5 + noise])
        err = np.vstack([err, np.ones((5, 4))])
        flux[rng.random(flux.shape) < 0.15] = np.nan
        measured = field_transparency(flux, err)
        assert not measured.used[12:].any()
        pulls.append(contrast_pulls(measured, transmission))
    assert np.std(pulls) == pytest.approx(1, abs=0.21)


def test_the_stars_own_polarisation_is_a_coherent_error():
    rng = np.random.default_rng(36)
    measured = field_transparency(*star_fluxes(np.ones(4), 9, 1e4, rng))
    like_q, like_u, like_neither = np.diag(
        (contrasts := np.vstack([MODULATION, [1, -1, 1, -1]]) / 2) @ measured.cov @ contrasts.T
    )
    # Nine stars of 0.3 % leave 0.1 % in q, and q moves its contrast by sum cos^2 / 2 = 1.
    for variance in (like_q, like_u):
        assert math.sqrt(variance) == pytest.approx(STAR_SCATTER / 3, rel=0.5)
    assert math.sqrt(like_neither) < 1e-4


@pytest.mark.parametrize("truth", [0.0005, 0.003, 0.012])
def test_many_bright_stars_tell_their_own_scatter(truth):
    rng = np.random.default_rng(37)
    found = [
        field_transparency(*star_fluxes(clouds(rng), 40, 1000, rng, star_scatter=truth)).star_scatter for _ in range(10)
    ]
    # The assumed 0.003 weighs as much as 4 of 80 measured components; photons add 0.0007.
    assert np.mean(found) == pytest.approx(math.hypot(truth, 0.2 * 0.003), rel=0.25, abs=0.0004)


def test_noise_beyond_the_photons_is_found_and_reaches_the_target():
    rng = np.random.default_rng(38)
    flux, err = star_fluxes(np.ones(4), 40, 1000, rng)
    quiet = field_transparency(flux, err)
    noisy = field_transparency(flux * (1 + 0.01 * rng.normal(size=flux.shape)), err)
    assert quiet.excess_noise == 0
    assert noisy.excess_noise == pytest.approx(0.01, rel=0.4)
    _, cov = correct(np.full(4, 100.0), np.full(4, 0.1), noisy)
    assert np.sqrt(np.diag(cov)) == pytest.approx(100 * noisy.excess_noise, rel=0.2)


def test_a_wrong_instrumental_polarisation_cancels():
    rng = np.random.default_rng(39)
    transmission = clouds(rng)
    stars = star_fluxes(transmission, 20, 1000, rng, star_scatter=1e-6)
    flux = target_flux(transmission)
    results = []
    for q_inst, u_inst in [(T90.q_inst, T90.u_inst), (T90.q_inst + 0.01, T90.u_inst - 0.01)]:
        measured = transparency(*stars, ANGLES, q_inst=q_inst, u_inst=u_inst)
        fit = fit_polarised_filter(ANGLES, *correct(flux, 1e-4 * flux, measured))
        results.append(to_sky(fit, Calibration(q_inst, 0.01, u_inst, 0.01, T90.zero_angle_deg, 0)))
    right, wrong = results
    # To second order, 0.01 of 0.105: a hundredth of the error put in would be 1e-4.
    assert math.hypot(right.q - wrong.q, right.u - wrong.u) < 0.002
    assert angle_deg(wrong.q, wrong.u) == pytest.approx(TRUE_CHI_DEG, abs=0.5)
