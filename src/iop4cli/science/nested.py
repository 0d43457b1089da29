"""Does a result depend on the radius of its aperture? Fluxes in nested circles share most of their noise."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from iop4cli.science.excess import chi2_survival
from iop4cli.science.zeropoint import MAG_PER_RELATIVE_FLUX

Array = np.ndarray
# A change that noise alone makes less often than this, of all radii of one result together, is real.
CHANCE = 1e-4


@dataclass(frozen=True)
class Circles:
    """Fluxes of one star in `n_radii` circles in each of `n_exp` exposures (and beams): shape (n_exp, n_radii).

    `share` is the frame's curve of growth at these radii relative to the aperture in use (column `used`), with its
    error and what stars differ from it; 1 and 0 where it cancels. `sky_err` (n_exp,) is the error of the sky a
    pixel, in the fluxes' unit.
    """

    radius_px: Array
    used: int
    flux: Array
    flux_err: Array
    share: Array
    share_err: Array
    share_scatter: Array
    sky_err: Array

    @property
    def corrected(self) -> Array:
        """The fluxes as they would be in the aperture in use, if the star is like the others of its frame."""
        return np.asarray(self.flux / self.share)

    def change_variance(self) -> Array:
        """Variance of `corrected` less the flux in the aperture in use, shape (n_exp, n_radii).

        What lies in the smaller of two circles is part of both; the sky's level is off for both by the same, in
        proportion to their areas. So cov(f1, f2) = var(f1) - (A1 s)^2 + A1 A2 s^2 for the smaller f1, of area A1,
        with s the error of the sky; without s var(f2 - f1) = var(f2) - var(f1). Too large, by up to a half, for circles
        that lie within a pixel or two of each other, because both have a share in the pixels between. Wrong where a
        star's own light is lost at the rim by bad centring, which is no noise.
        """
        area = math.pi * self.radius_px**2
        smaller = np.minimum(area, area[self.used])
        larger = np.maximum(area, area[self.used])
        variance, own = self.flux_err**2, self.flux_err[:, [self.used]] ** 2
        of_smaller = np.where(area <= area[self.used], variance, own)
        sky = self.sky_err[:, None] ** 2
        common = of_smaller - smaller**2 * sky + smaller * larger * sky
        noise = variance / self.share**2 + own - 2 * common / self.share
        curve = (self.flux[:, [self.used]] * self.share_err / self.share) ** 2
        return np.asarray(np.maximum(noise, 0.0) + curve)


def magnitude_change(circles: Circles) -> tuple[Array, Array]:
    """(change of the magnitude from the aperture in use, its error) at each radius, of the mean over exposures.

    The error holds what stars of a frame differ from the mean curve of growth, alike in all exposures.
    """
    total = circles.corrected.sum(axis=0)
    reference = total[circles.used]
    differ = np.mean(circles.share_scatter / circles.share, axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        change = np.where(total > 0, -2.5 * np.log10(total / reference), np.nan)
    relative = np.hypot(np.sqrt(circles.change_variance().sum(axis=0)) / abs(reference), differ)
    return change, MAG_PER_RELATIVE_FLUX * relative


def stokes_change_err(circles: Circles, q_err: float, u_err: float) -> tuple[Array, Array]:
    """Errors (n_radii,) of the change of q and u with the radius, from their errors by photons alone.

    q and u are the same linear function of the relative fluxes at each radius, so that the variance of a change is
    that of q times the mean ratio of var(change of flux) to var(flux). Exact if that ratio is alike in all exposures.
    """
    ratio = np.sqrt(np.mean(circles.change_variance() / circles.flux_err[:, [circles.used]] ** 2, axis=0))
    return q_err * ratio, u_err * ratio


def unstable(changes: Array, change_errs: Array, quoted_errs: Array) -> bool:
    """Whether numbers (n_quantities) of a result change with the radius (n_radii) by what matters and is no noise.

    changes and change_errs: (n_quantities, n_radii); quoted_errs (n_quantities,). A change counts if chance gives
    one as large in less than 1 result of 10,000 and if it is larger than the quoted error.
    """
    measured = np.isfinite(changes).all(axis=0) & (change_errs > 0).all(axis=0)
    if not measured.any():
        return False
    change, noise = changes[:, measured], change_errs[:, measured]
    chi2 = np.sum((change / noise) ** 2, axis=0)
    chance = np.array([chi2_survival(float(value), len(change)) for value in chi2])
    matters = np.sqrt(np.sum((change / quoted_errs[:, None]) ** 2, axis=0)) > 1.0
    return bool((matters & (chance * measured.sum() < CHANCE)).any())
