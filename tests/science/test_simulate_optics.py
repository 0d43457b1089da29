"""The forward model: light through filters and mirrors, stars on pixels, sky on the detector."""

import numpy as np
import pytest

from iop4cli.simulate.cameras import Calibration
from iop4cli.simulate.optics import light, transmitted
from iop4cli.simulate.pointing import Pointing, moved
from iop4cli.simulate.stars import add_stars, moffat_alpha_px, peak_fraction

CLEAN = Calibration(0.0, 0.0, 0.0)


def test_a_polariser_halves_unpolarised_light():
    assert transmitted(light(0.0, 0.0), CLEAN, 45) == pytest.approx(0.5, abs=1e-15)


@pytest.mark.parametrize("filter_angle", [-45, 0, 45, 90])
def test_fully_polarised_light_obeys_the_law_of_malus(filter_angle):
    chi = np.arange(0.0, 180.0, 7.5)
    expected = np.cos(np.radians(chi - filter_angle)) ** 2
    assert transmitted(light(1.0, chi), CLEAN, filter_angle) == pytest.approx(expected, abs=1e-14)


def test_a_filter_along_chi_minus_the_angle_zero_passes_most():
    """chi on the sky = angle in the instrument + Z."""
    instrument = Calibration(0.0, 0.0, -18.0)
    angles = np.arange(-90, 90)
    through = [float(transmitted(light(0.3, 30.0), instrument, a)) for a in angles]
    assert angles[np.argmax(through)] == 30 + 18


def test_the_instrument_adds_its_own_polarisation():
    instrument = Calibration(0.0579, 0.0583, -18.0)
    f0, f45, f90, fm45 = (float(transmitted(light(0.0, 0.0), instrument, a)) for a in (0, 45, 90, -45))
    assert (f0 - f90) / (f0 + f90) == pytest.approx(0.0579, abs=1e-14)
    assert (f45 - fm45) / (f45 + fm45) == pytest.approx(0.0583, abs=1e-14)


def test_without_a_filter_all_light_arrives():
    assert transmitted(light(0.5, 12.0), Calibration(0.06, 0.06, 10.0), None) == pytest.approx(1.0, abs=1e-15)


@pytest.mark.parametrize("fwhm_px", [1.8, 3.0, 5.2, 8.6])
def test_a_star_keeps_its_light_wherever_it_falls_in_a_pixel(fwhm_px):
    size = int(15 * fwhm_px) + 8
    for x, y in ((0.0, 0.0), (0.5, 0.5), (0.21, -0.37)):
        image = np.zeros((size, size))
        add_stars(image, [size // 2 + x], [size // 2 + y], [1e6], fwhm_px)
        assert image.sum() == pytest.approx(1e6, rel=1e-4)


def test_a_star_is_centred_where_it_should_be():
    image = np.zeros((121, 121))
    add_stars(image, [60.3], [59.8], [1.0], 5.0)
    y, x = np.indices(image.shape)
    # The stamp is cut on whole pixels: the centroid may be off by the share of light at its edge.
    assert (image * x).sum() / image.sum() == pytest.approx(60.3, abs=1e-3)
    assert (image * y).sum() / image.sum() == pytest.approx(59.8, abs=1e-3)


def test_half_the_peak_is_reached_at_half_the_fwhm():
    image = np.zeros((401, 401))
    add_stars(image, [200.0], [200.0], [1.0], 40.0)
    assert image[200, 220] / image[200, 200] == pytest.approx(0.5, abs=2e-3)
    assert image.max() == pytest.approx(peak_fraction(40.0), rel=2e-3)
    assert moffat_alpha_px(40.0) > 40.0


def test_a_star_at_the_edge_or_outside_loses_only_what_falls_outside():
    image = np.zeros((60, 60))
    add_stars(image, [-0.5, -500.0], [30.0, 30.0], [1.0, 1.0], 3.0)
    assert image.sum() == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("angle_deg", [0.0, 33.0, 136.7, 271.0])
def test_the_projection_is_the_tangent_plane_of_the_fits_standard(angle_deg):
    from astropy.wcs import WCS

    pointing = Pointing(330.68, 42.28, angle_deg, 0.387, 2048)
    turn, step = np.radians(angle_deg), 0.387 / 3600
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix = [330.68, 42.28], [1024.5, 1024.5]
    wcs.wcs.cd = step * np.array([[-np.cos(turn), np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    rng = np.random.default_rng(3)
    ra, dec = 330.68 + rng.uniform(-0.2, 0.2, 50), 42.28 + rng.uniform(-0.15, 0.15, 50)
    x, y = pointing.pixels(ra, dec)
    expected_x, expected_y = wcs.all_world2pix(ra, dec, 0)
    assert np.hypot(x - expected_x, y - expected_y).max() < 1e-6


def test_north_is_up_and_east_is_left_at_angle_zero():
    pointing = Pointing(10.0, 60.0, 0.0, 1.0, 101)
    north = pointing.pixels(*moved(10.0, 60.0, 0, 20))
    east = pointing.pixels(*moved(10.0, 60.0, 20, 0))
    assert np.allclose(north, (50, 70), atol=0.01)
    assert np.allclose(east, (30, 50), atol=0.01)
