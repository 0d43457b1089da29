"""Which stars of a survey may calibrate a field, and their Johnson-Cousins magnitudes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iop4cli.science.transforms import FROM_SDSS, TONRY_2012, Transformed, ps1_through_sdss, transform

Array = NDArray[np.float64]
BANDS = ("g", "r", "i")
# Positions of the survey and of the source's catalogue entry differ by proper motion and old epochs.
_SAME_ARCSEC = 3.0

SYSTEMS: Mapping[str, str] = {
    "tonry": "Tonry et al. 2012 (ApJ 750, 99)",
    "lupton": "Lupton 2005 through Tonry et al. 2012",
    "jester": "Jester et al. 2005 (AJ 130, 873) through Tonry et al. 2012",
    "jordi": "Jordi et al. 2006 (A&A 460, 339) through Tonry et al. 2012",
}
_SDSS_SETS = {"lupton": "lupton2005", "jester": "jester2005", "jordi": "jordi2006"}


@dataclass(frozen=True)
class SurveyStars:
    """n mean objects: ICRS degrees (n,); by band g, r, i magnitudes, errors of the mean and scatter (n,).

    What is not known is NaN.
    """

    ra_deg: Array
    dec_deg: Array
    n_detections: Array
    mag: Mapping[str, Array]
    mag_err: Mapping[str, Array]
    scatter_mag: Mapping[str, Array]


@dataclass(frozen=True)
class Limits:
    """What a calibrator must be; magnitudes are r.

    A neighbour disturbs within `isolation_arcsec` if it is less than `neighbour_mag` fainter: 4 mag is 2.5 % of the
    light, and an aperture gets but a small part of that.
    """

    radius_deg: float = 0.12
    min_detections: int = 10
    max_scatter_mag: float = 0.01
    brightest_mag: float = 13.0
    faintest_mag: float = 18.0
    isolation_arcsec: float = 6.0
    neighbour_mag: float = 4.0


def why_not(stars: SurveyStars, ra_deg: float, dec_deg: float, limits: Limits) -> NDArray[np.object_]:
    """For each star (n,) why it may not calibrate the source at that place; empty for those that may.

    The scatter of the single exposures in *every* of g, r and i must be below the limit (and known: a scatter of 0
    is that of one exposure), so that variables are out. Wrong for galaxies, which are steady too.
    """
    apart_arcsec = 3600.0 * separations_deg(stars.ra_deg, stars.dec_deg, ra_deg, dec_deg)
    r_mag = stars.mag["r"]
    tests = [
        ("the source itself", apart_arcsec <= _SAME_ARCSEC),
        ("outside the radius", apart_arcsec > 3600.0 * limits.radius_deg),
        ("no magnitude in g, r or i", ~np.all([np.isfinite(stars.mag[band]) for band in BANDS], axis=0)),
        ("too few detections", ~(stars.n_detections >= limits.min_detections)),
        ("too bright", ~(r_mag > limits.brightest_mag)),
        ("too faint", ~(r_mag < limits.faintest_mag)),
        ("too much scatter", ~np.all([_steady(stars.scatter_mag[band], limits) for band in BANDS], axis=0)),
        ("a neighbour", _crowded(stars, limits)),
    ]
    reason = np.full(len(r_mag), "", dtype=object)
    for words, wrong in reversed(tests):
        reason[wrong] = words
    return reason


def _steady(scatter_mag: Array, limits: Limits) -> NDArray[np.bool_]:
    return (scatter_mag > 0) & (scatter_mag < limits.max_scatter_mag)


def _crowded(stars: SurveyStars, limits: Limits) -> NDArray[np.bool_]:
    """Whether another object within the limit is bright enough to matter, in r or else in what is known of it."""
    from scipy.spatial import cKDTree

    crowded = np.zeros(len(stars.ra_deg), dtype=bool)
    if len(crowded) < 2 or limits.isolation_arcsec <= 0:
        return crowded
    known = np.array([stars.mag["r"], stars.mag["i"], stars.mag["g"]])
    has_any = np.isfinite(known).any(axis=0)
    light = known[np.argmax(np.isfinite(known), axis=0), np.arange(known.shape[1])]
    light = np.where(has_any, light, np.inf)
    chord = 2.0 * np.sin(np.radians(limits.isolation_arcsec / 3600.0) / 2.0)
    pairs = cKDTree(_directions(stars.ra_deg, stars.dec_deg)).query_pairs(chord, output_type="ndarray")
    for one, other in (pairs.T, pairs.T[::-1]):
        disturbed = (light[other] < light[one] + limits.neighbour_mag) & np.isfinite(light[one])
        crowded[one[disturbed]] = True
    return crowded


def _directions(ra_deg: Array, dec_deg: Array) -> Array:
    ra, dec = np.radians(ra_deg), np.radians(dec_deg)
    return np.column_stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])


def separations_deg(ra_deg: Array, dec_deg: Array, centre_ra_deg: float, centre_dec_deg: float) -> Array:
    """Angles (n,) between directions and one place (haversine: exact when small)."""
    ra, dec, ra0, dec0 = (np.radians(angle) for angle in (ra_deg, dec_deg, centre_ra_deg, centre_dec_deg))
    square = np.sin((dec - dec0) / 2) ** 2 + np.cos(dec) * np.cos(dec0) * np.sin((ra - ra0) / 2) ** 2
    return np.asarray(np.degrees(2 * np.arcsin(np.minimum(1.0, np.sqrt(square)))))


def johnson_cousins(stars: SurveyStars, system: str) -> Transformed:
    """B, V, R, I of PS1 stars by one of SYSTEMS; the errors hold those of the survey's means and of the relations.

    Wrong for anything but stars, and for stars whose reddening is unlike that of the relations' own (see transforms).
    """
    if system == "tonry":
        return transform(TONRY_2012, stars.mag, stars.mag_err)
    return ps1_through_sdss(FROM_SDSS[_SDSS_SETS[system]], stars.mag, stars.mag_err)
