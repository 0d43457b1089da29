"""Aperture photometry with a local sky whose uncertainty counts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from iop4cli.frames.quality import Pixel, Quality, byte
from iop4cli.science.distances import squared_distance
from iop4cli.science.medians import median_of
from iop4cli.science.sky import sky_of

# Pixels whose value says nothing of the star: in an aperture they get that of others at the same distance.
_REPLACED = Pixel.BAD | Pixel.DEAD | Pixel.HOT | Pixel.COSMIC_RAY
# Around another star the annulus is left out to where its light falls below this share of the sky's noise, taking
# the wings to fall as the fifth power of the distance (a star's fall faster, the instrument's haze more slowly).
_WING_SHARE, _WING_POWER = 0.3, 5.0
_MASK_FWHM = (1.5, 4.0)
# A circle's rim crosses pixels: the sum of their squared shares is less than the area by so much a pixel of rim.
_RIM_LOSS = 1.0 / 6.0


@dataclass(frozen=True)
class ApertureSizes:
    """Radii in pixels: of the aperture, of the annulus' inner and outer edge, and of more circles to measure."""

    radius_px: float
    annulus_in_px: float
    annulus_out_px: float
    growth_px: tuple[float, ...] = ()


@dataclass(frozen=True)
class Measured:
    """One star: sum in the aperture above the sky (electrons), its error, the sky a pixel, where, and what is amiss.

    `growth_e` and `growth_err_e` are the same for each of the other radii asked for.
    """

    x_px: float
    y_px: float
    flux_e: float
    flux_err_e: float
    background_e: float
    background_err_e: float
    offset_px: float
    bits: int
    growth_e: tuple[float, ...] = ()
    growth_err_e: tuple[float, ...] = ()


@dataclass(frozen=True)
class Scene:
    """A frame ready to be measured: electrons (of any byte order) and pixel bits (height, width).

    `flat` (or None) is the master that the electrons were divided by, `flat_err` its uncertainty; `stars_px` (n, 3)
    holds x, y and flux of the detections, for neighbours. `mended_variance` (height, width) is above 0 where a
    spoiled pixel has been given what its star's profile makes expect (science/cosmics.py).
    """

    electrons: np.ndarray
    dq: np.ndarray
    flat: np.ndarray | None
    stars_px: np.ndarray
    fwhm_px: float
    flat_err: np.ndarray | None = None
    mended_variance: np.ndarray | None = None


def measure(
    scene: Scene, x_px: float, y_px: float, sizes: ApertureSizes, *, box_px: float, find: bool = True
) -> Measured:
    """Measure a star expected at (x, y), after recentring within `box_px`.

    flux = sum of (pixel - sky) weighted by the exact overlap of circle and pixel. Its variance is the star's own
    photons (electrons over the flat, for a pixel behind a weak flat was multiplied up), plus the sky's measured
    scatter for each pixel, plus the uncertainty of the sky's level (see `sky_of`) times the area squared. Read noise
    and the sky's photons are in the measured scatter, once.

    The scatter has the masters' noise in it too, and each exposure is given it as its own. A star that keeps its
    pixels through a group has it in common, and in q and u it cancels: their errors are then too large, never too
    small, by 1 / sqrt(1 - f) at most, f being the masters' share of the variance. Where read noise alone matters,
    n_b biases and n_d darks make f = s / (1 + s), s = 1 / n_b + 1 / n_d: true deviations are 0.77 of the errors or
    more for three and three, 0.88 for seven and seven, 0.99 for a hundred. Where the sky is brighter than the read
    noise nothing of it is left. Of simulated nights of DIPOL, whose pixels are small and its sky dark, three and
    three make q and u scatter by 0.95 +- 0.02 of their errors. With fifteen and fifteen the errors of the same
    exposures are 0.94 of what they were, as if q and u had lost 0.35 of an error of noise; they move by 0.24.
    """
    x, y, centred = _recentred(scene, x_px, y_px, box_px) if find else (x_px, y_px, True)
    bits = 0 if centred else int(Quality.NOT_CENTRED)
    window = _window(scene.electrons.shape, x, y, sizes.annulus_out_px)
    if window is None:
        return Measured(x, y, np.nan, np.nan, np.nan, np.nan, 0.0, int(Quality.EDGE) | bits)
    rows, columns = window
    distance = np.sqrt(squared_distance(rows, columns, x, y))
    pixels, dq = scene.electrons[rows, columns].astype(np.float64), scene.dq[rows, columns]
    weights = _overlap(distance.shape, x - columns.start, y - rows.start, sizes.radius_px)
    sky, sky_err, sky_sigma = _annulus(scene, pixels, dq, distance, (x, y), rows, columns, sizes)
    bits |= _pixel_bits(dq, weights) | _edge_bit(scene.electrons.shape, x, y, sizes.radius_px)
    bits |= _neighbour_bit(scene, x, y, sizes)
    bad = (dq & byte(_REPLACED)) != 0
    mended = None if scene.mended_variance is None else scene.mended_variance[rows, columns]
    if mended is not None:
        bad &= ~(mended > 0)
    spoiled = bad & (distance <= max(sizes.radius_px, *sizes.growth_px, 0.0) + 1.0)
    if spoiled.any():
        pixels = _mended(pixels, spoiled, bad, distance, sky)
    area = float(weights.sum())
    flux = float((weights * (pixels - sky)).sum())
    flat = 1.0 if scene.flat is None else float(np.clip(median_of(scene.flat[rows, columns]), 0.3, 3.0))
    variance = max(flux, 0.0) / flat + float((weights**2).sum()) * sky_sigma**2 + (area * sky_err) ** 2
    variance += _beyond_photons(scene, mended, pixels - sky, weights, rows, columns)
    if not flux > 0:
        bits |= int(Quality.NEGATIVE_FLUX)
    offset = float(np.hypot(x - x_px, y - y_px))
    growth = _growth(pixels - sky, x - columns.start, y - rows.start, sizes, flat, sky_sigma, sky_err)
    return Measured(x, y, flux, float(np.sqrt(variance)), sky, sky_err, offset, bits, *growth)


def _beyond_photons(
    scene: Scene,
    mended: np.ndarray | None,
    light: np.ndarray,
    weights: np.ndarray,
    rows: slice,
    columns: slice,
) -> float:
    """Variance of a sum from the flat's uncertainty under the star, and from pixels that were mended.

    What the masters' noise does on the sky is in the sky's measured scatter. The flat's part is that of one exposure:
    if the star stands on the same pixels in all of a group it is common to them, and partly cancels in p.
    """
    variance = 0.0
    if scene.flat is not None and scene.flat_err is not None:
        flat = np.clip(scene.flat[rows, columns], 0.3, None)
        variance += float(((weights * light * scene.flat_err[rows, columns] / flat) ** 2).sum())
    if mended is not None and mended.any():
        # The profile's error has one sign over neighbouring pixels.
        variance += float((weights * np.sqrt(mended)).sum()) ** 2
    return variance


def _growth(
    light: np.ndarray,
    x: float,
    y: float,
    sizes: ApertureSizes,
    flat: float,
    sky_sigma: float,
    sky_err: float,
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(sum, error) in circles around the same centre, of a cut-out above the sky: see `measure` for the errors.

    Circles that reach over the edge of the frame hold less, as the aperture does.
    """
    if not sizes.growth_px:
        return (), ()
    import sep

    radius_px = np.array(sizes.growth_px)
    at = np.full(len(radius_px), x), np.full(len(radius_px), y)
    flux, _, _ = sep.sum_circle(np.ascontiguousarray(light), *at, radius_px, subpix=0)
    area_px = math.pi * radius_px**2
    squares_px = area_px - _RIM_LOSS * 2.0 * math.pi * radius_px
    variance = np.maximum(flux, 0.0) / flat + squares_px * sky_sigma**2 + (area_px * sky_err) ** 2
    return tuple(flux.tolist()), tuple(np.sqrt(variance).tolist())


def _recentred(scene: Scene, x_px: float, y_px: float, box_px: float) -> tuple[float, float, bool]:
    """The windowed centroid nearest to the position if it lies within the box, else the position itself."""
    import sep

    height, width = scene.electrons.shape
    if not (box_px < x_px < width - 1 - box_px and box_px < y_px < height - 1 - box_px):
        return x_px, y_px, False
    start_x, start_y = x_px, y_px
    if len(scene.stars_px):
        away = np.hypot(scene.stars_px[:, 0] - x_px, scene.stars_px[:, 1] - y_px)
        nearest = int(away.argmin())
        if away[nearest] <= box_px:
            start_x, start_y = float(scene.stars_px[nearest, 0]), float(scene.stars_px[nearest, 1])
    sigma_px = max(scene.fwhm_px / 2.3548, 0.6)
    window = _window(scene.electrons.shape, start_x, start_y, box_px + 4.0 * scene.fwhm_px)
    if window is None:
        return x_px, y_px, False
    rows, columns = window
    cut = np.ascontiguousarray(scene.electrons[rows, columns], np.float32)
    masked = (scene.dq[rows, columns] & byte(_REPLACED | Pixel.SATURATED)) != 0
    cut = cut - median_of(cut)
    noise = 1.4826 * median_of(np.abs(cut))
    mask = masked & ((scene.dq[rows, columns] & byte(Pixel.SATURATED)) == 0)
    at_x, at_y = np.array([start_x - columns.start]), np.array([start_y - rows.start])
    x, y, flag = sep.winpos(cut, at_x, at_y, np.array([sigma_px]), mask=mask)
    found_x, found_y = float(x[0]) + columns.start, float(y[0]) + rows.start
    near = np.isfinite(found_x) and np.isfinite(found_y) and np.hypot(found_x - x_px, found_y - y_px) <= box_px
    signal, _, _ = sep.sum_circle(cut, at_x, at_y, max(0.6 * scene.fwhm_px, 1.0), mask=mask)
    seen = float(signal[0]) > 3.0 * noise * max(scene.fwhm_px, 1.0)
    return (found_x, found_y, True) if near and seen and not int(flag[0]) & sep.APER_ALLMASKED else (x_px, y_px, False)


def _window(shape: tuple[int, int], x: float, y: float, reach_px: float) -> tuple[slice, slice] | None:
    height, width = shape
    if not (np.isfinite(x) and np.isfinite(y)) or not (0 <= x <= width - 1 and 0 <= y <= height - 1):
        return None
    top, bottom = max(0, int(np.floor(y - reach_px))), min(height, int(np.ceil(y + reach_px)) + 1)
    left, right = max(0, int(np.floor(x - reach_px))), min(width, int(np.ceil(x + reach_px)) + 1)
    return slice(top, bottom), slice(left, right)


def _overlap(shape: tuple[int, int], x: float, y: float, radius_px: float) -> np.ndarray:
    """The exact area of each pixel inside the circle, of a cut-out with this shape.

    What `photutils.aperture.CircularAperture` asks for its masks, without making one of these for each star.
    """
    from photutils.geometry import circular_overlap_grid

    height, width = shape
    edges = -0.5 - x, width - 0.5 - x, -0.5 - y, height - 0.5 - y
    return np.asarray(circular_overlap_grid(*edges, width, height, radius_px, 1, 1))


def _annulus(
    scene: Scene,
    pixels: np.ndarray,
    dq: np.ndarray,
    distance: np.ndarray,
    centre: tuple[float, float],
    rows: slice,
    columns: slice,
    sizes: ApertureSizes,
) -> tuple[float, float, float]:
    """(sky a pixel, its uncertainty, scatter of one pixel) of the annulus, clipped, stars left out."""  # fmt: skip
    use = (distance >= sizes.annulus_in_px) & (distance <= sizes.annulus_out_px) & ((dq & ~byte(Pixel.NO_FLAT)) == 0)
    stars = _stars_near(scene, centre, sizes.annulus_out_px + _MASK_FWHM[1] * scene.fwhm_px)
    masked = use.copy()
    if len(stars) and use.any():
        values = pixels[use]
        noise = 1.4826 * median_of(np.abs(values - median_of(values)))
        for star_x, star_y, star_e in stars:
            reach_px = _reach_px(star_e, noise, scene.fwhm_px)
            masked &= squared_distance(rows, columns, star_x, star_y) > reach_px**2
    values = pixels[masked if masked.sum() >= 50 else use]
    if len(values) < 8:
        values = pixels[distance > sizes.radius_px]
    if len(values) < 3:
        return 0.0, np.inf, np.inf
    sky = sky_of(values)
    return sky.level_e, sky.level_err_e, sky.sigma_e


def _reach_px(flux_e: float, noise_e: float, fwhm_px: float) -> float:
    """How far from another star the sky is not to be trusted: its light a pixel falls as flux / FWHM^2 (FWHM / r)^5."""
    peak = max(flux_e, 0.0) / fwhm_px**2
    return fwhm_px * float(np.clip((peak / max(_WING_SHARE * noise_e, 1e-6)) ** (1 / _WING_POWER), *_MASK_FWHM))


def _stars_near(scene: Scene, centre: tuple[float, float], reach_px: float) -> np.ndarray:
    """Detections around a position, itself left out: rows of x, y, flux."""
    if len(scene.stars_px) == 0:
        return scene.stars_px
    away = np.hypot(scene.stars_px[:, 0] - centre[0], scene.stars_px[:, 1] - centre[1])
    return scene.stars_px[(away <= reach_px) & (away > max(1.0, 0.7 * scene.fwhm_px))]


def _neighbour_bit(scene: Scene, x: float, y: float, sizes: ApertureSizes) -> int:
    near = _stars_near(scene, (x, y), sizes.radius_px + scene.fwhm_px)
    return int(Quality.NEIGHBOUR) if len(near) else 0


def _edge_bit(shape: tuple[int, int], x: float, y: float, radius_px: float) -> int:
    height, width = shape
    inside = radius_px <= x + 0.5 <= width - radius_px and radius_px <= y + 0.5 <= height - radius_px
    return 0 if inside else int(Quality.EDGE)


def _pixel_bits(dq: np.ndarray, weights: np.ndarray) -> int:
    together = int(np.bitwise_or.reduce(dq[weights > 0])) if (weights > 0).any() else 0
    bits = 0
    for pixel_bit, quality_bit in (
        (Pixel.SATURATED, Quality.SATURATED),
        (Pixel.NONLINEAR, Quality.NONLINEAR),
        (Pixel.COSMIC_RAY, Quality.COSMIC_RAY),
        (Pixel.BAD | Pixel.DEAD | Pixel.HOT, Quality.BAD_PIXEL),
    ):
        if together & pixel_bit:
            bits |= int(quality_bit)
    return bits


def _mended(pixels: np.ndarray, spoiled: np.ndarray, bad: np.ndarray, distance: np.ndarray, sky: float) -> np.ndarray:
    """Spoiled pixels get the mean of those that are not bad at about the same distance from the star."""
    mended = pixels.copy()
    for row, column in zip(*np.nonzero(spoiled), strict=True):
        ring = (np.abs(distance - distance[row, column]) <= 0.7) & ~bad
        mended[row, column] = np.mean(pixels[ring]) if ring.any() else sky
    return mended
