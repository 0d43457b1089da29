"""Barycentric times against astropy's own, which takes another road (its frames, its IERS tables)."""

import numpy as np
import pytest

from iop4cli.science.timing import barycentric

OSN = (-3.3847, 37.0642, 2896.0)
SECOND_DAYS = 1 / 86400


@pytest.mark.parametrize("mjd", [52275.0, 57753.99999, 59830.9, 60310.00001, 60676.25])
@pytest.mark.parametrize(("ra_deg", "dec_deg"), [(330.680, 42.278), (266.4, -29.0), (10.0, 89.0)])
def test_bjd_agrees_with_astropy_to_a_tenth_of_a_millisecond(mjd, ra_deg, dec_deg):
    from astropy.coordinates import EarthLocation, SkyCoord
    from astropy.time import Time
    from astropy.utils import iers

    with iers.conf.set_temp("auto_download", False), iers.conf.set_temp("iers_degraded_accuracy", "ignore"):
        site = EarthLocation.from_geodetic(*OSN)
        time = Time(mjd, format="mjd", scale="utc", location=site)
        delay = time.light_travel_time(SkyCoord(ra_deg, dec_deg, unit="deg"), ephemeris="builtin")
        expected = time.tdb + delay
    ours = barycentric(mjd, ra_deg, dec_deg, *OSN)[0]
    # A double holds a Julian date of this size to 40 microseconds.
    assert abs(ours - expected.jd) < 1e-4 * SECOND_DAYS + 5e-10


def test_a_leap_second_is_counted():
    before, after = barycentric([57753.5, 57754.5], 100.0, 20.0, *OSN)
    without = barycentric([57755.5, 57756.5], 100.0, 20.0, *OSN)
    extra_s = ((after - before) - (without[1] - without[0])) * 86400
    # The delay changes by some seconds a day, and its change from day to day by less than a tenth of one.
    assert extra_s == pytest.approx(1.0, abs=0.2)


def test_many_sources_at_one_time_are_the_same_as_one_by_one():
    ra, dec = np.array([10.0, 200.0, 330.0]), np.array([-40.0, 0.0, 70.0])
    together = barycentric(59000.3, ra, dec, *OSN)
    alone = [barycentric(59000.3, a, d, *OSN)[0] for a, d in zip(ra, dec, strict=True)]
    assert np.array_equal(together, alone)
