"""Curve of growth: the share of a star's light within a radius, and the aperture that measures best."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from iop4cli.frames.quality import Pixel, byte
from iop4cli.science.distances import squared_distance
from iop4cli.science.monotone import monotone_curve
from iop4cli.science.sky import LEVEL_VARIANCE, sky_of
from iop4cli.science.zeropoint import MAG_PER_RELATIVE_FLUX

# All light is what lies within the last of these, which must stay inside the annulus of the sky.
RADII_FWHM = (0.4, 0.55, 0.7, 0.85, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5)
_SKY_FWHM = (4.0, 7.0)
_MOST_STARS, _FEWEST_STARS = 30, 3
# No other image of more than this share of a star's light may lie within so many FWHM of it.
_CLEAR_SHARE, _CLEAR_FWHM = 0.005, 5.0
# Stars are compared by the light within so much: beyond, faint neighbours differ more than the stars.
_COMPARED_FWHM = 2.0
_MOST_NOISE = 0.05
_OUTLIER_SIGMAS = 4.0
_FEWEST_SKY_PX = 50
_LIKELY_RADII_FWHM = (0.75, 3.0)


@dataclass(frozen=True)
class GrowthCurve:
    """Share of the light within each of `radius_fwhm` (n,), its error, and what stars differ beyond their noise.

    The share is of the light within 3.5 FWHM. `share_err` is that of the mean of `n_stars` stars; `scatter` is the
    standard deviation from star to star of the light relative to that within 2 FWHM, where it is significant: focus,
    guiding and optics that change over the field.
    """

    radius_fwhm: np.ndarray
    share: np.ndarray
    share_err: np.ndarray
    scatter: np.ndarray
    n_stars: int

    def at(self, radius_fwhm: np.ndarray | float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(share, error, scatter) at any radii; NaN beyond the last. A smooth curve through the measured points."""
        radius = np.asarray(radius_fwhm, float)
        known = np.concatenate([[0.0], self.radius_fwhm])
        share = monotone_curve(radius, known, np.concatenate([[0.0], self.share]))
        inside = np.isfinite(share)
        error = np.where(inside, np.interp(radius, self.radius_fwhm, self.share_err), np.nan)
        scatter = np.where(inside, np.interp(radius, self.radius_fwhm, self.scatter), np.nan)
        return share, error, scatter

    def correction_mag(self, radius_fwhm: float) -> tuple[float, float]:
        """What to add to a magnitude measured within the radius to have that of all light (negative), and its error.

        In a magnitude against calibrators measured with the same aperture it cancels, but for the scatter.
        """
        share, error, _ = self.at(radius_fwhm)
        if not share > 0:
            return math.nan, math.nan
        return 2.5 * math.log10(float(share)), MAG_PER_RELATIVE_FLUX * float(error / share)


def measure_growth(
    electrons: np.ndarray, dq: np.ndarray, stars_px: np.ndarray, bits: np.ndarray, fwhm_px: float
) -> GrowthCurve | None:
    """Curve of growth of a frame (height, width) in electrons from its good stars; None with fewer than three.

    `stars_px` (n, 3) is x, y and flux of all detections, brightest first, `bits` (n,) their pixel bits. Good is an
    image without bits or flagged pixels, away from others and the edge, whose light within 3.5 FWHM is known to
    5 %. The sky of each is that of 4 to 7 FWHM, so that wings beyond are taken for sky. Stars
    that disagree with the others (blends) do not count. Wrong where most stars are blends.
    """
    if not fwhm_px > 0:
        return None
    measured = []
    for index in _good_stars(stars_px, bits, electrons.shape, fwhm_px):
        found = _of_star(electrons, dq, stars_px[index, 0], stars_px[index, 1], fwhm_px)
        if found is not None:
            measured.append(found)
        if len(measured) == _MOST_STARS:
            break
    if len(measured) < _FEWEST_STARS:
        return None
    shares = [star.share_of(len(RADII_FWHM) - 1) for star in measured]
    share, variance = (np.array(column) for column in zip(*shares, strict=True))
    compared = [star.share_of(RADII_FWHM.index(_COMPARED_FWHM)) for star in measured]
    relative, relative_variance = (np.array(column) for column in zip(*compared, strict=True))
    mean, error = _robust_mean(share, variance)
    scatter = np.sqrt(_excess(relative, relative_variance)) * mean[RADII_FWHM.index(_COMPARED_FWHM)]
    return GrowthCurve(np.array(RADII_FWHM), np.maximum.accumulate(mean), error, scatter, len(measured))


def mean_curve(curves: Sequence[GrowthCurve]) -> GrowthCurve | None:
    """The curve of several frames with one aperture, radii in the FWHM of each: medians, for a group to share."""
    if not curves:
        return None
    share, error, scatter = (
        np.median([getattr(curve, name) for curve in curves], axis=0) for name in ("share", "share_err", "scatter")
    )
    return GrowthCurve(curves[0].radius_fwhm, share, error, scatter, min(curve.n_stars for curve in curves))


def best_radius_fwhm(
    curve: GrowthCurve, flux_e: float, sky_sigma_e: float, fwhm_px: float, annulus_px: tuple[float, float]
) -> float:
    """The radius, in FWHM, at which a star of `flux_e` electrons (0: far below the sky's noise) has the least error.

    Counted are its photons, the noise of the sky in the aperture (`sky_sigma_e` a pixel), that of the sky's level
    (from the annulus), and the scatter of the share from star to star. Between 3 and 0.75 FWHM, below which nothing
    is gained (the least error lies at 0.6 for the faintest and is 2 % smaller) and light is lost by bad centring.
    """
    radius = np.arange(_LIKELY_RADII_FWHM[0], _LIKELY_RADII_FWHM[1] + 0.005, 0.01)
    share, _, scatter = curve.at(radius)
    area_px = math.pi * (radius * fwhm_px) ** 2
    annulus_area_px = math.pi * (annulus_px[1] ** 2 - annulus_px[0] ** 2)
    sky = area_px * sky_sigma_e**2 * (1.0 + LEVEL_VARIANCE * area_px / annulus_area_px)
    variance = (flux_e * share + sky) / share**2 + (flux_e * scatter / share) ** 2
    return float(radius[int(np.nanargmin(variance))])


def _good_stars(stars_px: np.ndarray, bits: np.ndarray, shape: tuple[int, ...], fwhm_px: float) -> Iterator[int]:
    """Unflagged images with room around them, brightest first."""
    if len(stars_px) == 0:
        return
    x, y, flux = stars_px.T
    room = _SKY_FWHM[1] * fwhm_px
    inside = (x > room) & (x < shape[1] - 1 - room) & (y > room) & (y < shape[0] - 1 - room)
    for index in np.flatnonzero(inside & (bits == 0) & (flux > 0)):
        away = np.hypot(x - x[index], y - y[index])
        disturbing = (away < _CLEAR_FWHM * fwhm_px) & (flux > _CLEAR_SHARE * flux[index])
        if disturbing.sum() == 1:
            yield int(index)


@dataclass(frozen=True)
class _Star:
    """Light of one star within each radius, and its variance: of pixels, and of the sky's level with the area."""

    flux: np.ndarray
    variance: np.ndarray
    area_px: np.ndarray
    level_variance: float

    def share_of(self, reference: int) -> tuple[np.ndarray, np.ndarray]:
        """(share of the light within one of the radii, variance) at each.

        What lies within the smaller of two circles is part of the larger one's light and noise; the sky's level is
        common to both.
        """
        share = self.flux / self.flux[reference]
        inner = np.minimum(self.variance, self.variance[reference])
        pixels = self.variance + share**2 * self.variance[reference] - 2 * share * inner
        level = self.level_variance * (self.area_px - share * self.area_px[reference]) ** 2
        return share, (np.maximum(pixels, 0.0) + level) / self.flux[reference] ** 2


def _of_star(electrons: np.ndarray, dq: np.ndarray, x: float, y: float, fwhm_px: float) -> _Star | None:
    """One star; None if it is faint or has flagged pixels."""
    import sep

    reach = math.ceil(_SKY_FWHM[1] * fwhm_px)
    rows, columns = (
        slice(max(middle - reach, 0), min(middle + reach + 1, extent))
        for middle, extent in zip((round(y), round(x)), electrons.shape, strict=True)
    )
    away2 = squared_distance(rows, columns, x, y)
    flagged = (dq[rows, columns] & ~byte(Pixel.NO_FLAT)) != 0
    if flagged.any() and (flagged & (away2 <= (RADII_FWHM[-1] * fwhm_px + 1.0) ** 2)).any():
        return None
    cut = electrons[rows, columns]
    around = cut[(away2 >= (_SKY_FWHM[0] * fwhm_px) ** 2) & (away2 <= (_SKY_FWHM[1] * fwhm_px) ** 2) & ~flagged]
    if len(around) < _FEWEST_SKY_PX:
        return None
    sky = sky_of(around)
    radius_px = np.array(RADII_FWHM) * fwhm_px
    at = np.full(len(radius_px), x - columns.start), np.full(len(radius_px), y - rows.start)
    flux, _, _ = sep.sum_circle(np.subtract(cut, sky.level_e, dtype=np.float64), *at, radius_px, subpix=0)
    area_px = math.pi * radius_px**2
    variance = np.maximum(flux, 0.0) + area_px * sky.sigma_e**2
    noise = math.sqrt(variance[-1] + (sky.level_err_e * area_px[-1]) ** 2)
    if not (flux > 0).all() or noise > _MOST_NOISE * flux[-1]:
        return None
    return _Star(flux, variance, area_px, sky.level_err_e**2)


def _robust_mean(share: np.ndarray, variance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(mean over stars, error) at each radius of shares (n_stars, n_radii).

    Each radius leaves out the stars beyond four times the scatter and their noise: a faint neighbour or a cosmic ray
    disturbs only the larger circles. At the last radius all are 1 by definition.
    """
    off = share - np.median(share, axis=0)
    spread = (1.4826 * np.median(np.abs(off), axis=0)) ** 2
    excess = np.maximum(spread - np.median(variance, axis=0), 0.0)
    weight = (off**2 <= _OUTLIER_SIGMAS**2 * (variance + spread) + 1e-20) / (variance + excess + 1e-12)
    mean = (weight * share).sum(axis=0) / weight.sum(axis=0)
    return mean, np.where(variance.any(axis=0), weight.sum(axis=0) ** -0.5, 0.0)


def _excess(share: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Variance from star to star beyond the noise at each radius, 0 unless it is significant.

    From the median deviation, for disturbed stars are not what is asked for: the variance that it tells is known
    to 1.65 / sqrt(n), and counts if it is three times that above the noise.
    """
    off = share - np.median(share, axis=0)
    spread, noise = (1.4826 * np.median(np.abs(off), axis=0)) ** 2, np.median(variance, axis=0)
    significant = spread > noise * (1.0 + 3.0 * 1.65 / math.sqrt(len(share)))
    return np.where(significant, spread - noise, 0.0)
