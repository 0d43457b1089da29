"""Curve of growth: the share of a star's light within a radius, and the aperture that measures best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from iop4cli.frames.quality import Pixel, byte
from iop4cli.science.sky import LEVEL_VARIANCE, sky_of
from iop4cli.science.zeropoint import MAG_PER_RELATIVE_FLUX, mean_with_intrinsic_scatter

# All light is what lies within the last of these, which must stay inside the annulus of the sky.
RADII_FWHM = (0.4, 0.55, 0.7, 0.85, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5)
_SKY_FWHM = (4.0, 7.0)
_MOST_STARS, _FEWEST_STARS = 30, 3
# No other image of more than this share of a star's light may lie within so many FWHM of it.
_CLEAR_SHARE, _CLEAR_FWHM = 0.005, 5.0
_MOST_NOISE = 0.05
_OUTLIER_SIGMAS = 4.0
_FEWEST_SKY_PX = 50
_LIKELY_RADII_FWHM = (0.6, 3.0)


@dataclass(frozen=True)
class GrowthCurve:
    """Share of the light within each of `radius_fwhm` (n,), its error, and what stars differ beyond their noise.

    The share is of the light within 3.5 FWHM. `share_err` is that of the mean of `n_stars` stars; `scatter` is the
    standard deviation from star to star: focus, guiding and optics that change over the field.
    """

    radius_fwhm: np.ndarray
    share: np.ndarray
    share_err: np.ndarray
    scatter: np.ndarray
    n_stars: int

    def at(self, radius_fwhm: np.ndarray | float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(share, error, scatter) at any radii; NaN beyond the last. A smooth curve through the measured points."""
        from scipy.interpolate import PchipInterpolator

        radius = np.asarray(radius_fwhm, float)
        known = np.concatenate([[0.0], self.radius_fwhm])
        share = PchipInterpolator(known, np.concatenate([[0.0], self.share]), extrapolate=False)(radius)
        inside = np.isfinite(share)
        error = np.where(inside, np.interp(radius, self.radius_fwhm, self.share_err), np.nan)
        scatter = np.where(inside, np.interp(radius, self.radius_fwhm, self.scatter), np.nan)
        return np.asarray(share), error, scatter

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
    that disagree with the others (blends) are left out. Wrong where all stars are blends.
    """
    if not fwhm_px > 0:
        return None
    shares, variances = [], []
    for index in _good_stars(stars_px, bits, electrons.shape, fwhm_px):
        found = _of_star(electrons, dq, stars_px[index, 0], stars_px[index, 1], fwhm_px)
        if found is not None:
            shares.append(found[0])
            variances.append(found[1])
        if len(shares) == _MOST_STARS:
            break
    if len(shares) < _FEWEST_STARS:
        return None
    share, variance = np.array(shares), np.array(variances)
    kept = _agreeing(share, variance)
    if kept.sum() < _FEWEST_STARS:
        return None
    columns = [_mean(share[kept, i], variance[kept, i]) for i in range(len(RADII_FWHM))]
    mean, error, scatter = (np.array(column) for column in zip(*columns, strict=True))
    return GrowthCurve(np.array(RADII_FWHM), np.maximum.accumulate(mean), error, scatter, int(kept.sum()))


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
    (from the annulus), and the scatter of the share from star to star. Between 0.6 and 3 FWHM.
    """
    radius = np.arange(_LIKELY_RADII_FWHM[0], _LIKELY_RADII_FWHM[1] + 0.005, 0.01)
    share, _, scatter = curve.at(radius)
    area_px = math.pi * (radius * fwhm_px) ** 2
    annulus_area_px = math.pi * (annulus_px[1] ** 2 - annulus_px[0] ** 2)
    sky = area_px * sky_sigma_e**2 * (1.0 + LEVEL_VARIANCE * area_px / annulus_area_px)
    variance = (flux_e * share + sky) / share**2 + (flux_e * scatter / share) ** 2
    return float(radius[int(np.nanargmin(variance))])


def _good_stars(stars_px: np.ndarray, bits: np.ndarray, shape: tuple[int, ...], fwhm_px: float) -> list[int]:
    """Unflagged images with room around them, brightest first."""
    if len(stars_px) == 0:
        return []
    x, y, flux = stars_px.T
    room = _SKY_FWHM[1] * fwhm_px
    inside = (x > room) & (x < shape[1] - 1 - room) & (y > room) & (y < shape[0] - 1 - room)
    good = []
    for index in np.flatnonzero(inside & (bits == 0) & (flux > 0)):
        away = np.hypot(x - x[index], y - y[index])
        disturbing = (away < _CLEAR_FWHM * fwhm_px) & (flux > _CLEAR_SHARE * flux[index])
        if disturbing.sum() == 1:
            good.append(int(index))
    return good


def _of_star(
    electrons: np.ndarray, dq: np.ndarray, x: float, y: float, fwhm_px: float
) -> tuple[np.ndarray, np.ndarray] | None:
    """(share at each radius, variance) of one star; None if it is faint or has flagged pixels."""
    import sep

    reach = math.ceil(_SKY_FWHM[1] * fwhm_px)
    top, left = round(y) - reach, round(x) - reach
    rows, columns = slice(max(top, 0), top + 2 * reach + 1), slice(max(left, 0), left + 2 * reach + 1)
    cut = electrons[rows, columns].astype(np.float64)
    distance = np.hypot(
        np.arange(cut.shape[1])[None, :] + columns.start - x, np.arange(cut.shape[0])[:, None] + rows.start - y
    )
    flagged = (dq[rows, columns] & ~byte(Pixel.NO_FLAT)) != 0
    if (flagged & (distance <= RADII_FWHM[-1] * fwhm_px + 1.0)).any():
        return None
    around = cut[(distance >= _SKY_FWHM[0] * fwhm_px) & (distance <= _SKY_FWHM[1] * fwhm_px) & ~flagged]
    if len(around) < _FEWEST_SKY_PX:
        return None
    sky = sky_of(around)
    radius_px = np.array(RADII_FWHM) * fwhm_px
    at = np.full(len(radius_px), x - columns.start), np.full(len(radius_px), y - rows.start)
    flux, _, _ = sep.sum_circle(np.ascontiguousarray(cut - sky.level_e), *at, radius_px, subpix=0)
    area_px = math.pi * radius_px**2
    variance = np.maximum(flux, 0.0) + area_px * sky.sigma_e**2
    level = sky.level_err_e**2
    total = flux[-1]
    if not total > 0 or math.sqrt(variance[-1] + level * area_px[-1] ** 2) > _MOST_NOISE * total:
        return None
    share = flux / total
    # What lies within the smaller circle is part of the larger one's light and noise; the sky's level is common.
    apart = variance * (1 - 2 * share) + share**2 * variance[-1] + level * (area_px - share * area_px[-1]) ** 2
    return share, np.maximum(apart, 0.0) / total**2


def _agreeing(share: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Which stars (n,) lie near the median at all radii but the last, where all are 1."""
    middle = np.median(share, axis=0)
    sigma = 1.4826 * np.median(np.abs(share - middle), axis=0)
    off = np.abs(share - middle)[:, :-1] / np.sqrt(variance + sigma**2 + 1e-12)[:, :-1]
    return np.asarray(off.max(axis=1) <= _OUTLIER_SIGMAS)


def _mean(share: np.ndarray, variance: np.ndarray) -> tuple[float, float, float]:
    """(weighted mean, error, scatter beyond the noise) over stars; at the last radius all are 1 by definition."""
    if not variance.any():
        return float(share.mean()), 0.0, 0.0
    mean, error, excess = mean_with_intrinsic_scatter(share, np.maximum(variance, 1e-12))
    return mean, error, math.sqrt(excess)
