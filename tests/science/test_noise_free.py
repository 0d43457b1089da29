"""Light through matrices of telescope, plate and polarisers, without noise, comes back as it was sent."""

import math

import numpy as np
import pytest
from honest_errors.optics import Instrument, starlight

from iop4cli.science.debias import polarisation
from iop4cli.science.ensemble import correct, transparency
from iop4cli.science.magnitudes import FieldSource, calibrate
from iop4cli.science.retarder import METHODS, fit_retarder
from iop4cli.science.stokes import Calibration, fit_polarised_filter, to_sky

ZERO_POINT = 24.3
FILTERS = {
    "four": [-45.0, 0.0, 45.0, 90.0],
    "three": [0.0, 45.0, 90.0],
    "eight evenly": 22.5 * np.arange(8),
    "eight of four": [-45.0, 0.0, 45.0, 90.0] * 2,
    "sixteen": 22.5 * np.arange(16),
}
PLATES = {"CAFOS": [0.0, 22.48, 44.98, 67.48], "eight": 22.5 * np.arange(8), "sixteen": 22.5 * np.arange(16)}
DEGREES_AND_ANGLES = [(0.0, 0.0), (0.01, 12.0), (0.1, 91.0), (0.3, 178.5)]
STAR_MAGS = np.array([13.0, 14.2, 15.1, 16.3, 17.0])
CLOUDS = np.exp(0.3 * np.random.default_rng(7).normal(size=16))


def instrument_and_calibration(name):
    """A telescope, and the numbers that its calibration would have found."""
    zero, q, u, efficiency = {"T90": (-18.0, 0.0579, 0.0583, 0.93), "DIPOL": (41.0, 0.0004, -0.0455, 1.0)}[name]
    instrument = Instrument(zero, q / efficiency, u / efficiency, efficiency)
    return instrument, Calibration(q, 0.0, u, 0.0, zero, 0.0, efficiency)


def light_of(mag, p, chi_deg):
    return starlight(10 ** (-0.4 * (np.asarray(mag) - ZERO_POINT)), p, chi_deg)


def sky_of(fit, calibration, ensemble_corrected=False):
    sky = to_sky(fit, calibration, ensemble_corrected=ensemble_corrected)
    degree = polarisation(sky.q, sky.u, sky.q_err, sky.u_err, sky.qu_cov)
    return sky.q, sky.u, degree.p


def close(p, chi_deg):
    double = math.radians(2 * chi_deg)
    return pytest.approx((p * math.cos(double), p * math.sin(double), p), abs=1e-9)


def target_mag(target_total, star_totals):
    stars = [
        FieldSource(f"star {i}", total, 0.0, True, mag, 0.01, ("target",))
        for i, (total, mag) in enumerate(zip(star_totals, STAR_MAGS, strict=True))
    ]
    return calibrate([FieldSource("target", target_total, 0.0, True), *stars], "target", "R")["target"].mag


@pytest.mark.parametrize("name", ["T90", "DIPOL"])
@pytest.mark.parametrize("angles", FILTERS)
@pytest.mark.parametrize(("p", "chi_deg"), DEGREES_AND_ANGLES)
@pytest.mark.parametrize("cloudy", [False, True])
def test_a_polarised_filter_gives_the_truth_through_clouds(name, angles, p, chi_deg, cloudy):
    angles_deg = np.array(FILTERS[angles])
    instrument, calibration = instrument_and_calibration(name)
    clouds = CLOUDS[: angles_deg.size] if cloudy else np.ones(angles_deg.size)
    target = instrument.behind_polariser(light_of(15.5, p, chi_deg), angles_deg) * clouds
    stars = instrument.behind_polariser(light_of(STAR_MAGS, 0.0, 0.0), angles_deg) * clouds
    # The error only says how much each star counts.
    ensemble = transparency(stars, 1e-3 * stars, angles_deg, q_inst=calibration.q_inst, u_inst=calibration.u_inst)
    assert ensemble is not None
    assert ensemble.n_stars == len(STAR_MAGS)
    fit = fit_polarised_filter(angles_deg, *correct(target, 1e-3 * target, ensemble))
    assert sky_of(fit, calibration, ensemble_corrected=True) == close(p, chi_deg)
    fits = [fit_polarised_filter(angles_deg, *correct(star, 1e-3 * star, ensemble)) for star in stars]
    assert target_mag(fit.intensity, [star.intensity for star in fits]) == pytest.approx(15.5, abs=1e-9)
    if not cloudy:
        alone = fit_polarised_filter(angles_deg, target, np.diag(target))
        assert sky_of(alone, calibration) == close(p, chi_deg)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["T90", "DIPOL"])
@pytest.mark.parametrize("angles", PLATES)
@pytest.mark.parametrize(("p", "chi_deg"), DEGREES_AND_ANGLES)
@pytest.mark.parametrize("cloudy", [False, True])
def test_every_method_for_the_plate_gives_the_truth_through_clouds(method, name, angles, p, chi_deg, cloudy):
    plate_deg = np.array(PLATES[angles])
    instrument, calibration = instrument_and_calibration(name)
    # Only the plain difference takes the beams for equally bright.
    k = 0.0 if method == "difference" else 0.04
    instrument = Instrument(instrument.zero_angle_deg, instrument.q_added, instrument.u_added, instrument.efficiency, k)
    clouds = CLOUDS[: plate_deg.size] if cloudy else np.ones(plate_deg.size)
    target = [beam * clouds for beam in instrument.behind_plate(light_of(15.5, p, chi_deg), plate_deg)]
    stars = [beam * clouds for beam in instrument.behind_plate(light_of(STAR_MAGS, 0.0, 0.0), plate_deg)]

    def fit_of(ordinary, extraordinary, ensemble):
        return fit_retarder(
            plate_deg, ordinary, 1e-3 * ordinary, extraordinary, 1e-3 * extraordinary, method=method,
            transparency=ensemble,
        )  # fmt: skip

    ensemble = None
    if method in ("O only", "E only"):
        # One beam behind a plate at t is a filter at 2 t, at right angles for the other; the stars carry what the
        # telescope adds.
        number, turn = (0, 0.0) if method == "O only" else (1, 90.0)
        ensemble = transparency(
            stars[number], 1e-3 * stars[number], 2 * plate_deg + turn, q_inst=calibration.q_inst,
            u_inst=calibration.u_inst,
        )  # fmt: skip
        assert ensemble is not None
    fit = fit_of(*target, ensemble)
    assert fit.used.all()
    assert sky_of(fit, calibration) == close(p, chi_deg)
    star_fits = [fit_of(ordinary, extraordinary, ensemble) for ordinary, extraordinary in zip(*stars, strict=True)]
    mag = target_mag(fit.intensity, [star.intensity for star in star_fits])
    assert mag == pytest.approx(15.5, abs=1e-9)


@pytest.mark.parametrize("p", [0.01, 0.1, 0.3])
def test_a_telescope_that_dims_what_it_does_not_polarise_is_off_by_less_than_stated(p):
    """The calibration is subtracted, as published ones are; a weak polariser in full does a little more."""
    angles_deg = np.array(FILTERS["four"])
    q_inst, u_inst = 0.0579, 0.0583
    calibration = Calibration(q_inst, 0.0, u_inst, 0.0, 0.0, 0.0)
    worst = 0.0
    for chi_deg in range(0, 180, 5):
        light = light_of(15.5, p, chi_deg)
        flux = Instrument(0.0, q_inst, u_inst, diattenuates=True).behind_polariser(light, angles_deg)
        sky = to_sky(fit_polarised_filter(angles_deg, flux, np.diag(flux)), calibration)
        double = math.radians(2 * chi_deg)
        worst = max(worst, math.hypot(sky.q - p * math.cos(double), sky.u - p * math.sin(double)))
    p_inst = math.hypot(q_inst, u_inst)
    bound = p * p_inst * (p + p_inst) / (1 - p * p_inst)
    # The bound is reached where both lie along the same direction.
    assert 0.9 * bound < worst <= bound
