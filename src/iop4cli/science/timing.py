"""Times: mid-exposure UTC and barycentric dynamical time, without network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def barycentric(
    mjd_utc: Sequence[float] | np.ndarray, ra_deg: float, dec_deg: float,
    longitude_deg: float, latitude_deg: float, elevation_m: float,
) -> np.ndarray:
    """BJD_TDB of light that arrived at the observatory at MJD (UTC), for a source at ICRS ra, dec.

    Uses the bundled IERS table and the built-in ephemeris: good to about 0.1 ms against JPL's, far below what
    exposure times allow.
    """  # fmt: skip
    import warnings

    from astropy import units
    from astropy.coordinates import EarthLocation, SkyCoord
    from astropy.time import Time
    from astropy.utils import iers

    with (
        iers.conf.set_temp("auto_download", False),
        iers.conf.set_temp("iers_degraded_accuracy", "ignore"),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        site = EarthLocation.from_geodetic(longitude_deg, latitude_deg, elevation_m)
        times = Time(np.asarray(mjd_utc, float), format="mjd", scale="utc", location=site)
        source = SkyCoord(ra_deg, dec_deg, unit=units.deg)
        delay = times.light_travel_time(source, kind="barycentric", ephemeris="builtin")
        return np.asarray((times.tdb + delay).jd)
