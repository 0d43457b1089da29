"""Whether something changes with time: the width of stars in the course of a night."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_SIDEREAL_DEG_PER_DAY = 360.98564736629
_GMST_AT_J2000_DEG = 280.46061837
_MJD_J2000 = 51544.5
# Kolmogorov turbulence: width grows with airmass to this power (Roddier 1981, Progress in Optics 19, 281).
_SEEING_POWER = 0.6


@dataclass(frozen=True)
class Trend:
    """A monotonic change: values at the first and last moment on the Theil-Sen line, and its chance without any."""

    n: int
    first: float
    last: float
    hours: float
    chance: float


def airmass(
    mjd_utc: np.ndarray, ra_deg: np.ndarray, dec_deg: np.ndarray, longitude_deg: float, latitude_deg: float
) -> np.ndarray:
    """Airmass (n,) by Kasten & Young 1989, Applied Optics 28, 4735; NaN below the horizon.

    From mean sidereal time and the coordinates as they are given: within 0.4 deg of the apparent altitude (precession
    since 2000, nutation, refraction), which is nothing for the width of stars.
    """
    turned = _GMST_AT_J2000_DEG + _SIDEREAL_DEG_PER_DAY * (np.asarray(mjd_utc, float) - _MJD_J2000) + longitude_deg
    hour_angle, dec, latitude = np.radians(turned - ra_deg), np.radians(dec_deg), np.radians(latitude_deg)
    sine = np.sin(latitude) * np.sin(dec) + np.cos(latitude) * np.cos(dec) * np.cos(hour_angle)
    altitude_deg = np.degrees(np.arcsin(np.clip(sine, -1.0, 1.0)))
    above = np.where(altitude_deg > 0.0, altitude_deg, np.nan)
    return np.asarray(1.0 / (np.sin(np.radians(above)) + 0.50572 * (above + 6.07995) ** -1.6364))


def at_zenith(fwhm: np.ndarray, at_airmass: np.ndarray) -> np.ndarray:
    """Widths (n,) of stars as the seeing would make them at the zenith: FWHM / airmass^0.6."""
    return np.asarray(fwhm / at_airmass**_SEEING_POWER)


def trend(hours: np.ndarray, values: np.ndarray) -> Trend | None:
    """The monotonic trend of values (n,) against time by Kendall's tau and Theil and Sen's line; None below six.

    `chance` is the two-sided probability of such an order among values that do not change, if they are independent;
    values that wander slowly look like trends more often than it says.
    """
    from scipy.stats import kendalltau, theilslopes

    known = np.isfinite(hours) & np.isfinite(values)
    hours, values = np.asarray(hours, float)[known], np.asarray(values, float)[known]
    if hours.size < 6 or np.ptp(hours) == 0.0:
        return None
    slope, intercept, _, _ = theilslopes(values, hours)
    first, last = (float(intercept + slope * at) for at in (hours.min(), hours.max()))
    return Trend(int(hours.size), first, last, float(np.ptp(hours)), float(kendalltau(hours, values).pvalue))
