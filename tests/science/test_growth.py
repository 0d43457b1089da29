"""Curves of growth, the radius they recommend, and what nested circles say of a result."""

import math

import numpy as np
import pytest

from iop4cli.frames.quality import Quality
from iop4cli.science.apertures import ApertureSizes, Scene, measure
from iop4cli.science.growth import GrowthCurve, best_radius_fwhm, mean_curve, measure_growth
from iop4cli.science.nested import Circles, magnitude_change, stokes_change_err, unstable
from iop4cli.simulate.stars import add_stars

FWHM, SKY, READ = 5.0, 400.0, 7.0
RADII = tuple(factor * 1.5 * FWHM for factor in (0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 1.8))
SIZES = ApertureSizes(1.5 * FWHM, 4 * FWHM, 7 * FWHM, RADII)


def true_share(radius_fwhm):
    """Light of the painted stars, blurred by the pixels as they are, within a radius: relative to 3.5 FWHM."""
    from photutils.aperture import CircularAperture

    radii = np.append(np.atleast_1d(np.asarray(radius_fwhm, float)), 3.5)
    sums = np.zeros(len(radii))
    for place in np.random.default_rng(0).uniform(60, 61, (9, 2)):
        image = np.zeros((121, 121))
        add_stars(image, place[:1], place[1:], [1.0], FWHM)
        sums += [CircularAperture(place, r * FWHM).do_photometry(image)[0][0] for r in radii]
    return sums[:-1] / sums[-1]


def frame(rng, x, y, electrons, size=600, fwhm=FWHM):
    image = np.full((size, size), SKY, np.float32)
    add_stars(image, x, y, electrons, fwhm)
    noisy = rng.poisson(image) + rng.normal(0, READ, image.shape)
    return noisy.astype(np.float32)


def scene_of(image, stars=()):
    stars = np.array(stars, float).reshape(-1, 3)
    return Scene(image, np.zeros(image.shape, np.uint8), None, stars, FWHM)


@pytest.fixture(scope="module")
def star_field():
    rng = np.random.default_rng(1)
    x, y = (grid.ravel() + rng.uniform(-3, 3, 25) for grid in np.meshgrid(*[np.linspace(70, 530, 5)] * 2))
    flux = rng.uniform(4e4, 4e5, 25)
    return frame(rng, x, y, flux), np.column_stack([x, y, flux])


def test_the_curve_of_growth_is_that_of_the_stars(star_field):
    image, stars = star_field
    curve = measure_growth(image, np.zeros(image.shape, np.uint8), stars, np.zeros(25, int), FWHM)
    assert curve.n_stars >= 23
    # The wings within the annulus are taken for sky: 0.25 % of the light spread over it, of which an area of 3.5 FWHM
    # takes 40 %, so that shares near the core are too large by 0.1 %.
    pull = (curve.share - true_share(curve.radius_fwhm))[:-1] / np.hypot(curve.share_err[:-1], 0.001)
    assert np.abs(pull).max() < 4
    assert np.all(np.diff(curve.share) >= 0)
    between, error, _ = curve.at(1.1)
    assert between == pytest.approx(true_share(1.1)[0], abs=4 * math.hypot(float(error), 0.002))
    mag, err = curve.correction_mag(1.5)
    assert mag == pytest.approx(2.5 * math.log10(true_share(1.5)[0]), abs=4 * math.hypot(err, 0.001))
    assert mag < 0 < err < 0.01
    assert np.isnan(curve.at(4.0)[0])


def test_blends_and_flagged_stars_do_not_count(star_field):
    image, stars = star_field
    spoiled = image.copy()
    for i in (3, 8):
        add_stars(spoiled, stars[i : i + 1, 0] + 1.2 * FWHM, stars[i : i + 1, 1], stars[i : i + 1, 2] * 0.5, FWHM)
    bits = np.zeros(25, int)
    bits[12] = 8
    curve = measure_growth(spoiled, np.zeros(image.shape, np.uint8), stars, bits, FWHM)
    assert curve.n_stars <= 24
    assert curve.share[4] == pytest.approx(true_share(1.0)[0], abs=4 * math.hypot(curve.share_err[4], 0.001))
    assert measure_growth(image, np.zeros(image.shape, np.uint8), stars[:2], bits[:2], FWHM) is None


def test_the_radius_recommended_is_where_simulated_stars_scatter_least():
    rng = np.random.default_rng(2)
    curve = GrowthCurve(np.linspace(0.1, 3.5, 30), true_share(np.linspace(0.1, 3.5, 30)), np.zeros(30), np.zeros(30), 9)
    sigma = math.hypot(math.sqrt(SKY), READ)
    chosen = {}
    for flux in (2e3, 1e6):
        best = best_radius_fwhm(curve, flux, sigma, FWHM, (4 * FWHM, 7 * FWHM))
        chosen[flux] = best
        scatter = {}
        for factor in (0.6, 1.0, 1.7):
            sizes = ApertureSizes(factor * best * FWHM, 4 * FWHM, 7 * FWHM)
            values = []
            for _ in range(300):
                x, y = rng.uniform(39, 41, 2)
                image = frame(rng, [x], [y], [flux], size=80)
                values.append(measure(scene_of(image), x, y, sizes, box_px=3.0, find=False).flux_e)
            scatter[factor] = np.std(values) / np.mean(values)
        # 300 values measure a scatter to 4 %; for the bright star the optimum is flat.
        assert scatter[1.0] < 1.06 * min(scatter[0.6], scatter[1.7])
        if flux == 2e3:
            assert scatter[1.0] < 0.9 * scatter[1.7]
    assert 0.75 <= chosen[2e3] < 0.9
    assert chosen[1e6] > 1.3


def test_stars_that_differ_ask_for_a_larger_aperture():
    radius = np.linspace(0.1, 3.5, 30)
    steady = GrowthCurve(radius, true_share(radius), np.zeros(30), np.zeros(30), 9)
    uneven = GrowthCurve(radius, true_share(radius), np.zeros(30), 0.05 * (1 - true_share(radius)), 9)
    args = (1e5, 20.0, FWHM, (4 * FWHM, 7 * FWHM))
    assert best_radius_fwhm(uneven, *args) > best_radius_fwhm(steady, *args)
    assert mean_curve([steady, steady]).share.tolist() == steady.share.tolist()
    assert mean_curve([]) is None


def circles_of(measured, shares=None, share_err=0.0):
    """Circles of one star in several exposures, as `measure` gave them."""
    shape = (len(measured), len(RADII))
    return Circles(
        np.array(RADII), 3, np.array([m.growth_e for m in measured]), np.array([m.growth_err_e for m in measured]),
        np.ones(shape) if shares is None else np.tile(shares, (len(measured), 1)), np.full(shape, share_err),
        np.zeros(shape), np.array([m.background_err_e for m in measured]),
    )  # fmt: skip


def exposures(rng, flux, neighbour=0.0, fluxes=(1.0, 1.0, 1.0, 1.0), away=1.9):
    found = []
    for factor in fluxes:
        x, y = rng.uniform(79, 81, 2)
        image = frame(rng, [x, x + away * FWHM], [y, y], [flux * factor, neighbour], size=160)
        found.append(measure(scene_of(image), x, y, SIZES, box_px=3.0, find=False))
    return found


SHARES = true_share(np.array(RADII) / FWHM) / true_share(1.5)


@pytest.mark.parametrize("flux", [3e3, 1e5])
def test_changes_between_nested_circles_have_their_own_small_error(flux):
    rng = np.random.default_rng(3)
    pulls, q_pulls = [], []
    for _ in range(120):
        circles = circles_of(exposures(rng, flux), SHARES)
        change, error = magnitude_change(circles)
        use = np.arange(len(RADII)) != 3
        pulls.append(change[use] / error[use])
        totals = circles.corrected
        q = (totals[0] - totals[2]) / (totals[0] + totals[2])
        own = math.sqrt(0.5) * np.mean(circles.flux_err[:, 3] / circles.flux[:, 3])
        q_err, _ = stokes_change_err(circles, own, own)
        q_pulls.append(((q - q[3]) / np.where(use, q_err, 1))[use])
    # 120 draws measure a width to 6.5 %. Of neighbouring small circles the pixels on both rims make it too large.
    for found in (np.array(pulls), np.array(q_pulls)):
        assert np.abs(found.std(axis=0)[[0, 4, 5]] - 1).max() < 0.25
        assert found.std(axis=0).max() < 1.25
        assert found.std(axis=0).min() > 0.6
        assert np.abs(found.mean(axis=0)).max() < 0.36
    # They are smaller than the error of the magnitude at that radius.
    assert error[4] < 1.0857 * np.hypot(*circles.flux_err[0, [3, 4]]) / circles.flux[0, 3] / 2


def judged(circles, q_err, mag_err):
    change, error = magnitude_change(circles)
    totals = circles.corrected
    q = (totals[0] - totals[2]) / (totals[0] + totals[2])
    u = (totals[1] - totals[3]) / (totals[1] + totals[3])
    errors = stokes_change_err(circles, q_err, q_err)
    changes = np.array([q - q[3], u - u[3]])
    return unstable(change[None], error[None], np.array([mag_err])), unstable(
        changes, np.array(errors), np.array([q_err, q_err])
    )


def test_a_neighbour_in_the_outer_circles_makes_a_result_unstable_and_noise_does_not():
    rng = np.random.default_rng(4)
    q_err = math.sqrt(0.5) * np.mean([one.flux_err_e / one.flux_e for one in exposures(rng, 2e4)])
    alone = [judged(circles_of(exposures(rng, 2e4), SHARES), q_err, 0.01) for _ in range(60)]
    # One in ten thousand by chance.
    assert alone == [(False, False)] * 60
    with_star = circles_of(exposures(rng, 2e4, neighbour=1e4), SHARES)
    assert judged(with_star, q_err, 0.01)[0]
    # An unpolarised neighbour moves the q of a polarised star: 0.2 at the aperture, less further out.
    polarised = circles_of(exposures(rng, 2e5, 1e5, (1.2, 1.0, 0.8, 1.0)), SHARES)
    assert judged(polarised, 0.002, 0.01)[1]


def test_a_change_smaller_than_the_error_of_the_result_is_no_matter():
    changes, errors = np.array([[0.0, 0.002]]), np.array([[0.0, 0.0001]])
    assert unstable(changes, errors, np.array([0.001]))
    assert not unstable(changes, errors, np.array([0.003]))
    assert not unstable(np.array([[0.0, 0.002]]), np.array([[0.0, 0.001]]), np.array([0.001]))
    assert not unstable(np.array([[0.0, np.nan]]), errors, np.array([0.001]))


@pytest.mark.parametrize("share", [0.1, 1.0, 100.0])
def test_a_star_in_the_annulus_does_not_move_the_sky(share):
    """Its own other image and neighbours are detections; their wings reach farther the brighter they are."""
    rng = np.random.default_rng(5)
    pulls = []
    for _ in range(40):
        x, y = rng.uniform(79, 81, 2)
        flux = 3e4
        image = frame(rng, [x, x + 5.0 * FWHM], [y, y + FWHM], [flux, share * flux], size=160)
        sizes = ApertureSizes(1.0 * FWHM, 4 * FWHM, 7 * FWHM)
        stars = [(x, y, flux), (x + 5.0 * FWHM, y + FWHM, share * flux)]
        found = measure(scene_of(image, stars), x, y, sizes, box_px=3.0, find=False)
        pulls.append((found.background_e - SKY) / found.background_err_e)
        assert not found.bits & Quality.NEIGHBOUR
    # The star's own wings lift the sky by 0.25 % of its light over 2600 pixels: 0.06 of its error. A hundred times
    # brighter neighbour leaves 1e-4 of its light beyond four of its FWHM.
    assert abs(np.mean(pulls)) < 0.7
