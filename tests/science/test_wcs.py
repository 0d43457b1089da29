"""The small gnomonic projection against astropy's WCS."""

import numpy as np
import pytest

from iop4cli.science.solving import fit_plate, match_nearest, track
from iop4cli.science.wcs import TanWcs, separation_deg

SCALE_DEG = 0.387 / 3600
MATRICES = {
    "sky as seen": ((-SCALE_DEG, 0.0), (0.0, SCALE_DEG)),
    "turned": ((-SCALE_DEG * 0.8, SCALE_DEG * 0.6), (SCALE_DEG * 0.6, SCALE_DEG * 0.8)),
    "mirrored": ((SCALE_DEG, 0.0), (0.0, SCALE_DEG)),
}


@pytest.mark.parametrize("matrix", MATRICES.values(), ids=MATRICES.keys())
@pytest.mark.parametrize("centre", [(330.68, 42.278), (0.01, -5.0), (120.0, 88.0)])
def test_positions_agree_with_astropy_from_the_cards_we_write(matrix, centre):
    from astropy.io.fits import Header
    from astropy.wcs import WCS

    ours = TanWcs(centre, (1023.5, 900.0), matrix)
    theirs = WCS(Header([(name, value) for name, value, _ in ours.cards()]))
    x, y = np.array([0.0, 1023.5, 2047.0, 300.0]), np.array([0.0, 900.0, 2047.0, 1800.0])
    expected = theirs.all_pix2world(x, y, 0)
    assert np.max(separation_deg(*ours.to_sky(x, y), *expected)) * 3600 < 1e-6
    back = ours.to_pixel(*expected)
    assert np.max(np.hypot(back[0] - x, back[1] - y)) < 1e-6


def test_what_lies_behind_is_nowhere_on_the_frame():
    wcs = TanWcs((10.0, 20.0), (0.0, 0.0), MATRICES["sky as seen"])
    assert np.isnan(wcs.to_pixel(np.array([190.0]), np.array([-20.0]))).all()


def test_the_angle_is_that_of_the_y_axis_from_north_through_east():
    turned = TanWcs((10.0, 20.0), (0.0, 0.0), MATRICES["turned"])
    ra, dec = turned.to_sky(np.array([0.0]), np.array([100.0]))
    east, north = (ra[0] - 10.0) * np.cos(np.radians(20.0)), dec[0] - 20.0
    assert turned.angle_deg == pytest.approx(np.degrees(np.arctan2(east, north)) % 360, abs=0.01)
    assert not turned.mirrored


@pytest.mark.parametrize("n_stars", [3, 5, 8, 60])
@pytest.mark.parametrize("matrix", MATRICES.values(), ids=MATRICES.keys())
def test_a_plate_is_recovered_from_noisy_stars_to_the_noise(n_stars, matrix):
    rng = np.random.default_rng(n_stars)
    truth = TanWcs((330.68, 42.278), (1023.5, 1023.5), matrix)
    x, y = rng.uniform(0, 2047, (2, n_stars))
    ra, dec = truth.to_sky(x, y)
    noise_px = 0.05
    start = TanWcs((330.6805, 42.2785), (1023.5, 1023.5), matrix)
    fitted = fit_plate(
        x + noise_px * rng.standard_normal(n_stars), y + noise_px * rng.standard_normal(n_stars), ra, dec, start
    )
    found_x, found_y = fitted.to_pixel(ra, dec)
    # At the stars themselves the fit cannot be off by much more than the noise of a few of them.
    assert np.max(np.hypot(found_x - x, found_y - y)) < 4 * noise_px


def test_one_wrong_match_among_many_does_not_move_the_plate():
    rng = np.random.default_rng(5)
    truth = TanWcs((330.68, 42.278), (1023.5, 1023.5), MATRICES["turned"])
    x, y = rng.uniform(0, 2047, (2, 30))
    ra, dec = truth.to_sky(x, y)
    spoiled = x.copy()
    spoiled[3] += 4.0
    fitted = fit_plate(spoiled + 0.05 * rng.standard_normal(30), y + 0.05 * rng.standard_normal(30), ra, dec, truth)
    found_x, _ = fitted.to_pixel(ra, dec)
    assert abs(np.median(found_x - x)) < 0.05


def test_only_mutual_nearest_neighbours_match():
    matched = match_nearest(np.array([0.0, 1.0, 50.0]), np.zeros(3), np.array([0.9, 200.0]), np.zeros(2), 3.0)
    assert matched.tolist() == [-1, 0, -1]


def test_tracking_finds_the_shift_of_three_stars_and_refuses_a_chance_alignment():
    rng = np.random.default_rng(2)
    x, y = rng.uniform(0, 2000, (2, 30))
    seen = [3, 11, 20]
    found = track(x[seen] + 40.3, y[seen] - 25.1, x, y, 1000.0, 1.5, 3)
    assert found is not None
    assert np.allclose(found[0], (40.3, -25.1), atol=1e-9)
    strangers = rng.uniform(0, 2000, (2, 3))
    assert track(*strangers, x, y, 1000.0, 1.5, 3) is None


def test_tracking_refuses_a_lattice_that_fits_in_two_ways():
    x, y = (grid.ravel().astype(float) for grid in np.meshgrid(np.arange(5) * 100, np.arange(5) * 100))
    assert track(x[:10] + 7, y[:10] + 7, x, y, 1000.0, 1.5, 3) is None


def test_an_image_that_is_out_of_place_does_not_move_the_plate_if_it_weighs_little():
    rng = np.random.default_rng(8)
    truth = TanWcs((30.0, 40.0), (500.0, 400.0), ((-3.7e-5, 0.0), (0.0, 3.7e-5)))
    x, y = rng.uniform(0, 1000, 6), rng.uniform(0, 800, 6)
    ra, dec = truth.to_sky(x, y)
    x[0] += 14.0
    weight = np.where(np.arange(6) == 0, 1e-4, 1.0)
    fitted = fit_plate(x, y, ra, dec, truth, weight, 40)
    px, py = fitted.to_pixel(ra[1:], dec[1:])
    assert np.hypot(px - x[1:], py - y[1:]).max() < 0.01
    spoiled = fit_plate(x, y, ra, dec, truth, None, 40)
    px, py = spoiled.to_pixel(ra[1:], dec[1:])
    assert np.hypot(px - x[1:], py - y[1:]).max() > 0.1
