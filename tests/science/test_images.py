"""Masters, reduction, detection and apertures on images whose truth is known."""

import numpy as np
import pytest

from iop4cli.frames.quality import Pixel, Quality
from iop4cli.science.apertures import ApertureSizes, Scene, measure
from iop4cli.science.cosmics import flag_cosmic_rays
from iop4cli.science.detection import detect
from iop4cli.science.masters import combine
from iop4cli.science.reduction import reduce_image
from iop4cli.simulate.stars import add_stars

FWHM_PX = 5.0
SIZES = ApertureSizes(7.5, 20.0, 35.0)


def star(shape, x, y, flux, fwhm=FWHM_PX):
    """A Gaussian star that keeps its flux: the mean over a 5 x 5 grid in each pixel."""
    sigma = fwhm / 2.3548
    image = np.zeros(shape)
    offsets = (np.arange(5) - 2) / 5
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    for dy in offsets:
        for dx in offsets:
            image += np.exp(-0.5 * ((xx + dx - x) ** 2 + (yy + dy - y) ** 2) / sigma**2)
    return flux * image / (2 * np.pi * sigma**2) / 25


def scene(image, dq=None, stars=()):
    return Scene(
        image.astype(np.float32), np.zeros(image.shape, np.uint8) if dq is None else dq, None,
        np.array(stars, float).reshape(-1, 3), FWHM_PX,
    )  # fmt: skip


def test_a_master_bias_is_the_mean_with_its_error_and_drops_a_cosmic_ray():
    rng = np.random.default_rng(1)
    frames = [(1000 + 3 * rng.standard_normal((300, 200))).astype(np.float32) for _ in range(9)]
    frames[4][17, 23] += 4000
    master = combine(frames)
    assert abs(master.image[17, 23] - 1000) < 5 * 3 / np.sqrt(8)
    assert master.scatter == pytest.approx(3.0, rel=0.05)
    residual = (master.image - 1000) / master.uncertainty
    # 60,000 pixels: the width of unit pulls is known to 0.3 %, the noise itself to about 1 %.
    assert residual.std() == pytest.approx(1.0, abs=0.03)
    assert abs(residual.mean()) < 5 / np.sqrt(residual.size)


def test_a_master_flat_is_normalised_and_undoes_the_vignetting():
    rng = np.random.default_rng(2)
    y, x = np.mgrid[:256, :256] / 128 - 1
    response = 1 - 0.18 * (x**2 + y**2) / 2
    levels = (20000, 26000, 31000, 23000, 28000)
    frames = [(500 + rng.poisson(level * response * 4.5) / 4.5).astype(np.float32) for level in levels]
    master = combine(frames, bias=np.full((256, 256), 500, np.float32), normalise=True)
    expected = response / np.median(response)
    pulls = (master.image - expected) / master.uncertainty
    assert np.median(master.image) == pytest.approx(1.0, abs=1e-3)
    assert pulls.std() == pytest.approx(1.0, abs=0.1)


def test_a_dark_is_a_rate():
    frames = [np.full((50, 50), 100 + 2.5 * t, np.float32) for t in (10.0, 20.0, 40.0)]
    master = combine(frames, bias=np.full((50, 50), 100, np.float32), exptimes_s=[10, 20, 40], per_second=True)
    assert np.allclose(master.image, 2.5)


def test_reduction_is_the_formula_and_marks_pixels():
    adu = np.full((40, 40), 1500.0, np.float32)
    adu[3, 4], adu[5, 6] = 65000, 60000
    bias, flat = np.full((40, 40), 1000, np.float32), np.full((40, 40), 0.8, np.float32)
    flat[7, 8] = 0.01
    known = np.zeros(adu.shape, np.uint8)
    known[9, 10] = Pixel.HOT
    reduced = reduce_image(
        adu, exptime_s=20, gain_e_per_adu=4.5, saturation_adu=64000, linear_limit_adu=55000, bias=bias,
        dark_adu_per_s=np.full((40, 40), 2.0, np.float32), flat=flat, defects=known,
    )  # fmt: skip
    assert reduced.electrons[0, 0] == pytest.approx((1500 - 1000 - 40) * 4.5 / 0.8)
    assert reduced.electrons.dtype == np.float32
    assert reduced.dq[3, 4] == Pixel.SATURATED
    assert reduced.dq[5, 6] == Pixel.NONLINEAR
    assert reduced.dq[7, 8] == Pixel.DEAD
    assert reduced.dq[9, 10] == Pixel.HOT
    assert np.isfinite(reduced.electrons).all()


@pytest.mark.parametrize("shape", [(300, 500), (500, 300)])
def test_stars_are_found_where_they_are_and_hot_pixels_are_not_stars(shape):
    rng = np.random.default_rng(3)
    truth = [(60.3, 50.7), (150.2, 200.9), (220.0, 120.5), (90.5, 250.4)]
    image = 200.0 + sum(star(shape, x, y, 40000) for x, y in truth)
    image = rng.poisson(image).astype(np.float32)
    image[100, 30] += 5000
    image[33, 200] += 20000
    found = detect(image, np.zeros(shape, np.uint8))
    assert len(found) == len(truth)
    for x, y in truth:
        # A star of 40,000 electrons is centred to about sigma / sqrt(N) = 0.011 pixels.
        assert np.hypot(found.x_px - x, found.y_px - y).min() < 0.1
    assert found.typical_fwhm_px == pytest.approx(FWHM_PX, rel=0.05)
    assert found.sky_e == pytest.approx(200, rel=0.01)


def test_without_noise_the_aperture_sum_is_exact():
    image = 300.0 + star((120, 140), 70.25, 61.5, 1e6)
    wide = ApertureSizes(17.0, 30.0, 45.0)
    measured = measure(scene(image), 70.0, 61.0, wide, box_px=4)
    # Beyond 8 sigma a Gaussian has 1e-14 of its flux; float32 pixels of 3e4 carry 2e-3 each.
    assert measured.flux_e == pytest.approx(1e6, rel=2e-6)
    assert np.hypot(measured.x_px - 70.25, measured.y_px - 61.5) < 1e-3
    assert measured.bits == 0


def test_errors_of_apertures_are_those_of_repeated_exposures():
    rng = np.random.default_rng(4)
    sky, read_noise, flux = 120.0, 8.0, 8000.0
    ideal = sky + star((100, 100), 50.3, 49.6, flux)
    inside = measure(scene(ideal), 50.3, 49.6, SIZES, box_px=3, find=False).flux_e
    pulls = []
    for _ in range(400):
        image = rng.poisson(ideal) + read_noise * rng.standard_normal(ideal.shape)
        measured = measure(scene(image), 50.3, 49.6, SIZES, box_px=3, find=False)
        pulls.append((measured.flux_e - inside) / measured.flux_err_e)
    assert abs(np.mean(pulls)) < 4 / np.sqrt(400)
    assert np.std(pulls) == pytest.approx(1.0, abs=4 / np.sqrt(800))


def test_a_weak_flat_counts_in_the_photon_noise():
    ideal = star((100, 100), 50.0, 50.0, 50000.0) + 1.0
    plain = measure(scene(ideal), 50, 50, SIZES, box_px=3)
    behind = scene(ideal)
    vignetted = Scene(behind.electrons, behind.dq, np.full((100, 100), 0.5, np.float32), behind.stars_px, FWHM_PX)
    ratio = measure(vignetted, 50, 50, SIZES, box_px=3).flux_err_e / plain.flux_err_e
    assert ratio == pytest.approx(np.sqrt(2), rel=0.02)


def test_bits_say_what_is_amiss():
    image = 100 + star((200, 200), 100, 100, 20000)
    dq = np.zeros(image.shape, np.uint8)
    dq[100, 103] = Pixel.SATURATED
    assert measure(scene(image, dq), 100, 100, SIZES, box_px=3).bits & Quality.SATURATED
    assert measure(scene(image), 4, 100, SIZES, box_px=3).bits & Quality.EDGE
    assert measure(scene(image), 40, 40, SIZES, box_px=3).bits & Quality.NOT_CENTRED
    near = scene(image, stars=[(100, 100, 20000), (109, 100, 9000)])
    assert measure(near, 100, 100, SIZES, box_px=3).bits & Quality.NEIGHBOUR
    assert measure(scene(image), -50, 1000, SIZES, box_px=3).bits & Quality.EDGE


def test_a_neighbour_in_the_annulus_does_not_move_the_sky():
    image = 100 + star((200, 200), 100, 100, 20000) + star((200, 200), 126, 100, 80000)
    stars = [(100, 100, 20000), (126, 100, 80000)]
    alone = measure(scene(100 + star((200, 200), 100, 100, 20000)), 100, 100, SIZES, box_px=3).flux_e
    assert measure(scene(image, stars=stars), 100, 100, SIZES, box_px=3).flux_e == pytest.approx(alone, rel=1e-3)


def test_a_cosmic_ray_in_the_aperture_is_found_marked_and_mended():
    rng = np.random.default_rng(6)
    ideal = 120 + star((140, 140), 70.4, 69.7, 30000)
    clean = rng.poisson(ideal).astype(float)
    hit = clean.copy()
    hit[72, 66:69] += (2500, 3000, 1500)
    one, other = scene(clean), scene(hit)
    flag_cosmic_rays(other, 70.4, 69.7, 12.0)
    expected = measure(one, 70.4, 69.7, SIZES, box_px=3)
    mended = measure(other, 70.4, 69.7, SIZES, box_px=3)
    spoiled = measure(scene(hit), 70.4, 69.7, SIZES, box_px=3)
    assert mended.bits & Quality.COSMIC_RAY
    assert abs(mended.flux_e - expected.flux_e) < 2 * expected.flux_err_e
    assert abs(spoiled.flux_e - expected.flux_e) > 5 * expected.flux_err_e


def test_stars_are_not_taken_for_cosmic_rays():
    rng = np.random.default_rng(7)
    hits = 0
    for flux in (3e3, 3e4, 3e5, 3e6):
        for _ in range(10):
            x, y = rng.uniform(69, 71, 2)
            image = rng.poisson(120 + star((140, 140), x, y, flux)).astype(float)
            hits += flag_cosmic_rays(scene(image), x, y, 12.0) > 0
    assert hits <= 1


def wide_stars(rng, shape, fwhm_px, fluxes, sky_rms_e=8.0):
    """Round Gaussian stars on flat sky, with cosmic rays: short tracks of one and two pixels' width."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    places = np.array([(150.0 + 300 * (k % 3), 150.0 + 250 * (k // 3)) for k in range(len(fluxes))])
    sigma_px = fwhm_px / 2.3548
    image = rng.normal(0, sky_rms_e, shape)
    for (px, py), flux in zip(places, fluxes, strict=True):
        image += flux / (2 * np.pi * sigma_px**2) * np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * sigma_px**2))
    for _ in range(25):
        start, turn = rng.uniform(20, [shape[1] - 20, shape[0] - 20]), rng.uniform(0, np.pi)
        steps = np.arange(rng.integers(1, 9))
        columns, rows = (start[0] + steps * np.cos(turn)).astype(int), (start[1] + steps * np.sin(turn)).astype(int)
        image[rows, columns] += rng.uniform(500, 3000)
        if rng.random() < 0.3:
            image[rows, columns + 1] += rng.uniform(500, 3000)
    return image.astype(np.float32), places


def test_cosmic_rays_among_few_wide_stars_are_not_taken_for_stars():
    rng = np.random.default_rng(3)
    for _ in range(5):
        image, places = wide_stars(rng, (600, 900), 15.0, [30_000, 9_000, 5_000, 20_000])
        dq = np.zeros(image.shape, np.uint8)
        found = detect(image, dq, threshold_sigmas=5.0, usual_fwhm_px=15.0)
        away = np.hypot(found.x_px[:, None] - places[:, 0], found.y_px[:, None] - places[:, 1])
        assert (away.min(axis=0) < 1.0).all()
        assert len(found) == len(places)
        assert found.typical_fwhm_px == pytest.approx(15.0, rel=0.15)
        # Without the usual width most of the images are cosmic rays, and the stars' width is theirs.
        assert len(detect(image, dq, threshold_sigmas=5.0)) > 2 * len(places)


def test_a_smoothing_kernel_finds_stars_fainter_than_the_noise_of_a_pixel_allows():
    rng = np.random.default_rng(4)
    # The peak is at 1.5 sky sigmas, the whole star at some 10.
    image, places = wide_stars(rng, (600, 900), 15.0, [3_200, 3_200, 3_200])
    found = detect(image, np.zeros(image.shape, np.uint8), threshold_sigmas=5.0, usual_fwhm_px=15.0)
    away = np.hypot(found.x_px[:, None] - places[:, 0], found.y_px[:, None] - places[:, 1])
    assert (away.min(axis=0) < 3.0).sum() >= 2


@pytest.mark.parametrize("apart_px", [60.0, 100.0])
def test_a_faint_star_beside_a_much_brighter_one_is_found(apart_px):
    rng = np.random.default_rng(6)
    for _ in range(5):
        light = np.zeros((300, 400), np.float32)
        # The fainter one is at 40 sigmas.
        add_stars(light, [150.0, 150.0 + apart_px], [150.0, 170.0], [100_000.0, 3_000.0], 18.0)
        image = (rng.poisson(light) + rng.normal(0, 4, light.shape)).astype(np.float32)
        found = detect(image, np.zeros(image.shape, np.uint8), usual_fwhm_px=15.0)
        away = np.hypot(found.x_px[:, None] - [150.0, 150.0 + apart_px], found.y_px[:, None] - [150.0, 170.0])
        assert (away.min(axis=0) < [1.0, 3.0]).all()


@pytest.mark.parametrize(("row", "column"), [(188, 197), (148, 180), (128, 128), (177, 164)])
def test_a_hot_pixel_in_two_stars_that_touch_does_not_make_them_one(row, column):
    rng = np.random.default_rng(5)
    places = [(150.0, 150.0), (177.0, 197.0)]
    light = np.zeros((300, 400), np.float32)
    add_stars(light, *np.transpose(places), [230_000.0, 76_000.0], 14.5)
    image = (rng.poisson(light) + rng.normal(0, 4, light.shape)).astype(np.float32)
    dq = np.zeros(image.shape, np.uint8)
    dq[row, column] = int(Pixel.HOT)
    found = detect(image, dq, threshold_sigmas=5.0, usual_fwhm_px=15.0)
    assert len(found) == 2
    away = np.hypot(found.x_px[:, None] - [150.0, 177.0], found.y_px[:, None] - [150.0, 197.0])
    assert away.min(axis=0).max() < 1.0


@pytest.mark.parametrize("radius_px", [0.4, 1.0, 7.5, 12.3])
def test_the_flux_is_what_an_aperture_of_photutils_sums(radius_px):
    from photutils.aperture import CircularAperture

    rng = np.random.default_rng(3)
    pixels = rng.normal(500.0, 20.0, (90, 80)).astype(np.float32)
    scene = Scene(pixels, np.zeros(pixels.shape, np.uint8), None, np.empty((0, 3)), FWHM_PX)
    for x, y in (*rng.uniform(38, 52, (5, 2)), (45.0, 45.0), (44.5, 40.5), (3.2, 4.7), (78.6, 60.1)):
        found = measure(scene, x, y, ApertureSizes(radius_px, 20.0, 35.0), box_px=3.0, find=False)
        aperture = CircularAperture((x, y), radius_px)
        area_px = aperture.do_photometry(np.ones(pixels.shape))[0][0]
        total_e = aperture.do_photometry(pixels.astype(np.float64))[0][0]
        assert found.flux_e == pytest.approx(total_e - area_px * found.background_e, abs=1e-9 * total_e)
