"""Cosmic rays on stars of all sizes and lights: found, and the flux what it was; nothing else is taken for one."""

from __future__ import annotations

import numpy as np
import pytest

from iop4cli.frames.quality import Pixel, Quality
from iop4cli.science.apertures import ApertureSizes, Measured, Scene, measure
from iop4cli.science.cosmics import flag_cosmic_rays, mend
from iop4cli.science.profile import StarProfile, star_profile

SKY_E, READ_NOISE_E = 200.0, 7.0
FWHMS_PX = [3.8, 5.2, 8.6]


def moffat(size: int, x: float, y: float, flux: float, fwhm: float, beta: float = 3.0) -> np.ndarray:
    """A star with the wings of the seeing, the mean over a 5 x 5 grid in each pixel."""
    image, offsets = np.zeros((size, size)), (np.arange(5) - 2) / 5
    yy, xx = np.mgrid[:size, :size]
    core = 4 * (2 ** (1 / beta) - 1) / fwhm**2
    for dy in offsets:
        for dx in offsets:
            image += (1 + core * ((xx + dx - x) ** 2 + (yy + dy - y) ** 2)) ** -beta
    return flux * image * (beta - 1) * core / np.pi / 25


def exposed(ideal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return rng.poisson(ideal) + READ_NOISE_E * rng.standard_normal(ideal.shape)


def scene(image: np.ndarray, stars: list[tuple[float, float, float]], fwhm: float) -> Scene:
    return Scene(
        image.astype(np.float32), np.zeros(image.shape, np.uint8), None, np.array(stars), fwhm,
        mended_variance=np.zeros(image.shape, np.float32),
    )  # fmt: skip


def profile_of_field(fwhm: float, rng: np.random.Generator, spread: float = 0.02) -> StarProfile:
    """From twelve stars whose FWHM differs by 2 % over the frame."""
    cell = int(10 * fwhm)
    image, stars = np.full((3 * cell, 4 * cell), SKY_E), []
    for number in range(12):
        row, column = divmod(number, 4)
        x, y = cell / 2 + rng.uniform(-2, 2), cell / 2 + rng.uniform(-2, 2)
        flux = 10 ** rng.uniform(4.5, 6)
        corner = slice(row * cell, (row + 1) * cell), slice(column * cell, (column + 1) * cell)
        image[corner] += moffat(cell, x, y, flux, fwhm * (1 + spread * rng.standard_normal()))
        stars.append((x + column * cell, y + row * cell, flux))
    found = star_profile(scene(exposed(image, rng), stars, fwhm), reach(fwhm))
    assert found is not None
    return found


def reach(fwhm: float) -> float:
    return 2.3 * fwhm + 2.0


def measured(one: Scene, x: float, y: float, fwhm: float) -> Measured:
    return measure(one, x, y, ApertureSizes(1.5 * fwhm, 4 * fwhm, 7 * fwhm), box_px=0.8 * fwhm)


@pytest.mark.parametrize("flux_e", [1e4, 1e5, 1e6])
@pytest.mark.parametrize("fwhm", FWHMS_PX)
def test_a_hit_that_matters_is_found_and_the_flux_is_what_it_was(fwhm, flux_e):
    rng = np.random.default_rng(int(flux_e * fwhm))
    profile, size = profile_of_field(fwhm, rng), int(16 * fwhm) | 1
    off, n_found, n_clean = [], 0, 0
    for _ in range(20):
        x, y = size // 2 + rng.uniform(-0.5, 0.5, 2)
        clean = exposed(SKY_E + moffat(size, x, y, flux_e, fwhm * (1 + 0.02 * rng.standard_normal())), rng)
        hit = clean.copy()
        away, direction = rng.uniform(0.6, 1.3) * fwhm, rng.uniform(0, 2 * np.pi)
        column, row = round(x + away * np.cos(direction)), round(y + away * np.sin(direction))
        hit[row, column : column + 3] += rng.dirichlet([3, 3, 3]) * 10000
        one, other = (scene(image, [(x, y, flux_e)], fwhm) for image in (clean, hit))
        before = measured(one, x, y, fwhm)
        n_clean += mend(one, profile, x, y, reach(fwhm)) == 0
        mend(other, profile, x, y, reach(fwhm))
        after = measured(other, x, y, fwhm)
        n_found += bool(after.bits & Quality.COSMIC_RAY)
        off.append((after.flux_e - before.flux_e) / after.flux_err_e)
    assert n_clean == 20
    assert n_found == 20
    # What is replaced loses its own photons' noise: a part of the aperture's, so less than one sigma.
    assert np.sqrt(np.mean(np.square(off))) < 0.6


def test_a_second_star_in_the_aperture_is_no_cosmic_ray():
    rng = np.random.default_rng(2)
    for fwhm in FWHMS_PX:
        profile, size = profile_of_field(fwhm, rng), int(16 * fwhm) | 1
        middle = size // 2
        for share in (0.02, 0.1, 0.3):
            ideal = (
                SKY_E
                + moffat(size, middle, middle, 1e5, fwhm)
                + moffat(size, middle + 1.3 * fwhm, middle, share * 1e5, fwhm)
            )
            one = scene(exposed(ideal, rng), [(middle, middle, 1e5)], fwhm)
            assert mend(one, profile, middle, middle, reach(fwhm)) == 0


@pytest.mark.parametrize("fwhm", FWHMS_PX)
def test_a_detected_neighbour_is_not_eaten_though_it_is_as_bright_and_a_hot_pixel_lies_beside_it(fwhm):
    rng = np.random.default_rng(6)
    profile, size = profile_of_field(fwhm, rng), int(16 * fwhm) | 1
    middle = size // 2
    for away in (1.4, 1.8, 2.2):
        for share in (0.5, 1.0, 2.0):
            x = middle + away * fwhm
            ideal = SKY_E + moffat(size, middle, middle, 2e4, fwhm) + moffat(size, x, middle, share * 2e4, fwhm)
            image = exposed(ideal, rng)
            hot_y = middle + round(1.2 * fwhm)
            image[hot_y, middle] += 2000
            one = scene(image, [(middle, middle, 2e4), (x, middle, share * 2e4)], fwhm)
            mend(one, profile, middle, middle, reach(fwhm))
            rows, columns = np.nonzero(one.dq & Pixel.COSMIC_RAY)
            assert (rows.tolist(), columns.tolist()) == ([hot_y], [middle])


@pytest.mark.parametrize("fwhm", FWHMS_PX)
def test_dead_pixels_get_the_light_that_the_star_has_there(fwhm):
    rng = np.random.default_rng(3)
    profile, size = profile_of_field(fwhm, rng), int(16 * fwhm) | 1
    off = []
    for _ in range(20):
        x, y = size // 2 + rng.uniform(-0.5, 0.5, 2)
        clean = exposed(SKY_E + moffat(size, x, y, 3e5, fwhm), rng)
        spoiled = clean.copy()
        row, column = round(y + rng.uniform(-fwhm, fwhm)), round(x + rng.uniform(-fwhm, fwhm))
        spoiled[row, column : column + 2] = 0
        one, other = (scene(image, [(x, y, 3e5)], fwhm) for image in (clean, spoiled))
        other.dq[row, column : column + 2] = Pixel.DEAD
        mend(other, profile, x, y, reach(fwhm))
        before, after = measured(one, x, y, fwhm), measured(other, x, y, fwhm)
        assert after.bits & Quality.BAD_PIXEL and not after.bits & Quality.COSMIC_RAY
        off.append((after.flux_e - before.flux_e) / after.flux_err_e)
    assert np.sqrt(np.mean(np.square(off))) < 0.8


def test_too_few_stars_give_no_profile_and_lacosmic_serves():
    rng = np.random.default_rng(4)
    fwhm, size = 15.0, 241
    clean = exposed(SKY_E + moffat(size, 120.3, 119.8, 1e5, fwhm), rng)
    hit = clean.copy()
    hit[125, 110:113] += (2500, 4500, 3000)
    one = scene(hit, [(120.3, 119.8, 1e5)], fwhm)
    assert star_profile(one, reach(fwhm)) is None
    assert flag_cosmic_rays(one, 120.3, 119.8, reach(fwhm)) >= 3
    before = measured(scene(clean, [(120.3, 119.8, 1e5)], fwhm), 120.3, 119.8, fwhm)
    after = measured(one, 120.3, 119.8, fwhm)
    assert abs(after.flux_e - before.flux_e) < before.flux_err_e


def test_the_flats_uncertainty_counts_under_a_bright_star():
    """A flat of three frames of 36,000 electrons: each of many flats as good changes the flux by what is said."""
    rng = np.random.default_rng(5)
    fwhm, size, flux_e = 3.8, 61, 6e6
    ideal = SKY_E + moffat(size, 30.2, 29.9, flux_e, fwhm)
    error = np.full((size, size), 1 / np.sqrt(3 * 36000), np.float32)
    fluxes = []
    for _ in range(300):
        flat = 1 + error * rng.standard_normal(error.shape)
        one = Scene((ideal / flat).astype(np.float32), np.zeros(ideal.shape, np.uint8), None, np.empty((0, 3)), fwhm)
        sizes = ApertureSizes(1.5 * fwhm, 4 * fwhm, 7 * fwhm)
        fluxes.append(measure(one, 30.2, 29.9, sizes, box_px=3, find=False).flux_e)
    plain = Scene(
        ideal.astype(np.float32), np.zeros(ideal.shape, np.uint8), np.ones_like(error), np.empty((0, 3)), fwhm
    )
    told = Scene(plain.electrons, plain.dq, plain.flat, plain.stars_px, fwhm, error)
    without, with_flat = (measure(s, 30.2, 29.9, sizes, box_px=3, find=False).flux_err_e for s in (plain, told))
    part = np.sqrt(with_flat**2 - without**2)
    assert np.std(fluxes) == pytest.approx(part, rel=4 / np.sqrt(600))
    # Then it is as large as the photons' noise.
    assert 0.8 < part / np.sqrt(flux_e) < 1.2


@pytest.mark.parametrize("fwhm", [1.8, 2.4])
def test_stars_too_sharp_to_be_told_from_hits_are_left_alone(fwhm):
    rng = np.random.default_rng(7)
    size, stars = 120, [(20.0 + 20 * (n % 5) + rng.uniform(-0.5, 0.5), 20.0 + 20 * (n // 5), 4e5) for n in range(20)]
    image = np.full((size, size), SKY_E)
    for x, y, flux in stars:
        image += moffat(size, x, y, flux, fwhm)
    one = scene(exposed(image, rng), stars, fwhm)
    assert star_profile(one, reach(fwhm)) is None
    assert [flag_cosmic_rays(one, x, y, reach(fwhm)) for x, y, _ in stars] == [0] * len(stars)
    assert not (one.dq & Pixel.COSMIC_RAY).any()
