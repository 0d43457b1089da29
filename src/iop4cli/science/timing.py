"""Times: from UTC at the observatory to barycentric dynamical time, without network and without tables to read."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import ArrayLike

_MJD_ZERO_JD = 2400000.5
_AU_LIGHT_DAYS = 499.004783836 / 86400.0
_AU_M = 149597870700.0
_WGS84 = 1
_TT_MINUS_TAI_S = 32.184


def barycentric(
    mjd_utc: ArrayLike,
    ra_deg: ArrayLike,
    dec_deg: ArrayLike,
    longitude_deg: float,
    latitude_deg: float,
    elevation_m: float,
) -> np.ndarray:
    """BJD_TDB of light that arrived at the observatory at MJD (UTC), for sources at ICRS ra, dec.

    Time and position broadcast; longitude is positive to the east. A day of MJD (UTC) counts 86400 s from midnight, on
    every day, as header times and Julian dates of cameras do: 12:00:00 is .5 on a day with a leap second too (astropy
    and ERFA stretch that day to 86401 s). The leap second itself, 23:59:60, has no MJD of its own.

    Accuracy: 0.1 ms against astropy with the same ephemeris, to which a double holding a Julian date adds 0.04 ms.
    The Earth is IAU 2006/2000A with UT1 = UTC and no polar motion, which moves the observatory by less than 420 m
    (1.4 microseconds); the Earth's place is ERFA's built-in ephemeris, good to some 0.05 ms from 1900 to 2100.
    Left out: parallax (up to 1.2 ms at 1 kpc, 1.2 s at 1 pc), proper motion, Shapiro delay (0.1 ms at the Sun's limb),
    leap seconds that are not decided when ERFA is released (none is announced; each would be a whole second).
    """
    import erfa

    mjd = np.atleast_1d(np.asarray(mjd_utc, float))
    tt1, tt2 = _MJD_ZERO_JD, mjd + (_tai_minus_utc_s(mjd) + _TT_MINUS_TAI_S) / 86400.0
    site_m = np.asarray(erfa.gd2gc(_WGS84, np.radians(longitude_deg), np.radians(latitude_deg), elevation_m))
    offset_s = _tdb_minus_tt(tt1, tt2, mjd % 1.0, np.radians(longitude_deg), site_m)
    to_earth = np.asarray(erfa.c2t06a(tt1, tt2, _MJD_ZERO_JD, mjd, 0.0, 0.0))
    _, earth = erfa.epv00(tt1, tt2)
    observer_au = earth["p"] + np.einsum("...ji,j->...i", to_earth, site_m) / _AU_M
    ra, dec = np.radians(np.asarray(ra_deg, float)), np.radians(np.asarray(dec_deg, float))
    toward = np.stack(np.broadcast_arrays(np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)), axis=-1)
    delay_days = (observer_au * toward).sum(axis=-1) * _AU_LIGHT_DAYS
    # The two parts of the date are added last, so that no digits are lost before.
    return np.asarray(tt1 + (tt2 + offset_s / 86400.0 + delay_days))


def _tai_minus_utc_s(mjd_utc: np.ndarray) -> np.ndarray:
    """Of the leap seconds up to that day; the clock of a day does not change before its end."""
    import erfa

    day = np.floor(mjd_utc)
    with warnings.catch_warnings():
        # ERFA doubts leap seconds of years to come; the difference would be whole seconds, and known then.
        warnings.simplefilter("ignore", erfa.ErfaWarning)
        year, month, day_of_month, _ = erfa.jd2cal(_MJD_ZERO_JD, day)
        return np.asarray(erfa.dat(year, month, day_of_month, mjd_utc - day))


def _tdb_minus_tt(tt1: float, tt2: np.ndarray, ut_days: np.ndarray, longitude: float, site_m: np.ndarray) -> np.ndarray:
    import erfa

    across_km, along_km = np.hypot(site_m[0], site_m[1]) / 1000.0, site_m[2] / 1000.0
    return np.asarray(erfa.dtdb(tt1, tt2, ut_days, longitude, across_km, along_km))
