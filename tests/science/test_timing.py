"""Barycentric times against astropy's, which takes another road (its frames, its tables), and published values."""

import subprocess
import sys
import warnings

import numpy as np
import pytest

from iop4cli.instruments.times import mjd_from_iso, shift_days
from iop4cli.science.timing import barycentric

OSN = (-3.3847, 37.0642, 2896.0)
CAHA = (-2.5461, 37.2236, 2168.0)
SECOND_DAYS = 1 / 86400
MJD_ZERO_JD = 2400000.5
# A double holds a Julian date of this size to 40 microseconds, and adds two such steps at most.
ROUNDING_DAYS = 5e-10


def astropy_bjd(iso, ra_deg, dec_deg, site=OSN):
    """From the words of a clock: an MJD means another moment to astropy on a day with a leap second."""
    from astropy.coordinates import EarthLocation, SkyCoord
    from astropy.time import Time
    from astropy.utils import iers

    with iers.conf.set_temp("auto_download", False), iers.conf.set_temp("iers_degraded_accuracy", "ignore"):
        time = Time(iso, format="isot", scale="utc", location=EarthLocation.from_geodetic(*site))
        delay = time.light_travel_time(SkyCoord(ra_deg, dec_deg, unit="deg"), ephemeris="builtin")
        return (time.tdb + delay).jd


def bjd(iso, ra_deg=330.680, dec_deg=42.278, site=OSN):
    return barycentric(mjd_from_iso(iso), ra_deg, dec_deg, *site)[0]


@pytest.mark.parametrize("site", [OSN, CAHA], ids=["OSN", "CAHA"])
@pytest.mark.parametrize(
    "iso",
    [
        "2002-01-01T00:00:00",
        "2019-12-31T23:59:59.5",
        "2022-09-08T21:36:00",
        "2024-01-01T00:00:00.9",
        "2025-01-01T06:00:00",
    ],
)
@pytest.mark.parametrize(("ra_deg", "dec_deg"), [(330.680, 42.278), (266.4, -29.0), (10.0, 89.0)])
def test_bjd_agrees_with_astropy_to_a_tenth_of_a_millisecond(iso, ra_deg, dec_deg, site):
    off_days = bjd(iso, ra_deg, dec_deg, site) - astropy_bjd(iso, ra_deg, dec_deg, site)
    assert abs(off_days) < 1e-4 * SECOND_DAYS + ROUNDING_DAYS


@pytest.mark.parametrize("day", ["2005-12-31", "2008-12-31", "2012-06-30", "2015-06-30", "2016-12-31"])
@pytest.mark.parametrize("clock", ["00:00:00", "12:00:00", "21:30:00", "23:59:59.9"])
def test_on_days_with_a_leap_second_a_clock_is_read_as_it_shows(day, clock):
    """ERFA's day of 86401 s, given an MJD of 86400 s, would be late by up to the whole second."""
    iso = f"{day}T{clock}"
    assert abs(bjd(iso) - astropy_bjd(iso, 330.680, 42.278)) < 1e-4 * SECOND_DAYS + ROUNDING_DAYS


@pytest.mark.parametrize("day", ["2006-01-01", "2009-01-01", "2012-07-01", "2015-07-01", "2017-01-01", "2021-01-01"])
def test_the_first_moments_after_a_leap_second_or_new_year_agree_too(day):
    for clock in ("00:00:00", "00:00:00.1", "00:00:01"):
        iso = f"{day}T{clock}"
        assert abs(bjd(iso) - astropy_bjd(iso, 330.680, 42.278)) < 1e-4 * SECOND_DAYS + ROUNDING_DAYS


@pytest.mark.parametrize(
    ("before", "after", "seconds"),
    [
        ("2016-12-31T23:59:59", "2017-01-01T00:00:01", 3),
        ("2015-06-30T23:55:00", "2015-07-01T00:05:00", 601),
        ("2019-12-31T23:59:59", "2020-01-01T00:00:01", 2),
        ("2023-12-31T23:55:00", "2024-01-01T00:05:00", 600),
        ("2020-02-28T23:55:00", "2020-02-29T00:05:00", 600),
    ],
)
def test_across_midnight_as_much_time_passes_as_passed(before, after, seconds):
    # The delay changes by less than 0.1 ms a second: 30 km/s over the speed of light.
    assert (bjd(after) - bjd(before)) / SECOND_DAYS == pytest.approx(seconds, abs=1e-4 * seconds + 1e-4)


# TAI - UTC since the date, as the IERS published it (Bulletin C); TT = TAI + 32.184 s.
@pytest.mark.parametrize(
    ("mjd", "tai_minus_utc_s"),
    [
        (51179, 32),
        (53735, 32),
        (53736, 33),
        (54832, 34),
        (56109, 35),
        (57203, 35),
        (57204, 36),
        (57753, 36),
        (57754, 37),
    ],
)
def test_the_clock_is_the_published_one(mjd, tai_minus_utc_s):
    """At right angles to the Earth's path round the Sun the light's delay is all but none; TDB is TT to 2 ms."""
    # The delay towards the ecliptic's pole is what the Sun moves about the barycentre and the observer about the
    # Earth: some seconds. It is taken off by the opposite direction, whose delay has the other sign.
    north, south = barycentric([mjd + 0.5, mjd + 0.5], [270.0, 90.0], [66.56, -66.56], *OSN)
    clock_s = ((north + south) / 2 - MJD_ZERO_JD - (mjd + 0.5)) / SECOND_DAYS
    # 2 ms of TDB - TT, and what a double holds.
    assert clock_s == pytest.approx(tai_minus_utc_s + 32.184, abs=2.1e-3)


def test_the_published_conversion_of_j2000_is_met():
    """2000 January 1, 12:00:00 TT is 11:58:55.816 UTC (IERS): TDB differs from it by 0.1 ms there."""
    mjd_utc = 51544 + (11 * 3600 + 58 * 60 + 55.816) / 86400
    both = barycentric([mjd_utc, mjd_utc], [10.0, 190.0], [30.0, -30.0], *OSN)
    assert both.mean() == pytest.approx(2451545.0, abs=2e-3 * SECOND_DAYS)


def test_over_a_year_the_delay_swings_by_the_width_of_the_earths_orbit():
    """Over a year the delay at ecliptic latitude b swings by 2 * 499.0 s cos b (+- 3 % of the eccentricity)."""
    days = np.arange(59580.0, 59945.0)
    corrected = barycentric(days, 330.680, 42.278, *OSN) - MJD_ZERO_JD - days - 69.184 * SECOND_DAYS
    swing_s = np.ptp(corrected) / SECOND_DAYS
    # Ecliptic latitude of BL Lac, 49.99 deg, from its equatorial place and the obliquity.
    ra, dec, tilt = np.radians([330.680, 42.278, 23.4393])
    latitude = np.arcsin(np.sin(dec) * np.cos(tilt) - np.cos(dec) * np.sin(tilt) * np.sin(ra))
    assert swing_s == pytest.approx(2 * 499.005 * np.cos(latitude), rel=0.03)


@pytest.mark.parametrize("mjd", np.linspace(51544.0, 66474.0, 15))
def test_no_date_up_to_2040_makes_a_warning(mjd):
    import erfa

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(barycentric(mjd, 100.0, 20.0, *OSN)).all()
        warnings.simplefilter("error", erfa.ErfaWarning)
        assert np.isfinite(barycentric(mjd, 100.0, 20.0, *CAHA)).all()


@pytest.mark.parametrize(
    ("start", "exptime_s", "middle", "late_s"),
    [
        ("2022-09-08T23:59:00", 120, "2022-09-09T00:00:00", 0),
        ("2023-12-31T23:50:00", 1800, "2024-01-01T00:05:00", 0),
        ("2016-12-31T23:58:00", 120, "2016-12-31T23:59:00", 0),
        ("2016-12-31T23:59:59", 20, "2017-01-01T00:00:08", 1),
        ("2016-12-31T23:59:00", 300, "2017-01-01T00:01:29", 1),
    ],
)
def test_the_middle_of_an_exposure_over_midnight_is_right_but_for_a_leap_second_before_it(
    start, exptime_s, middle, late_s
):
    """An MJD of 86400 s a day passes over 23:59:60: the middle is that second late if it lies before it."""
    mid = mjd_from_iso(start) + shift_days("start", "mid", exptime_s)
    late = (barycentric(mid, 330.680, 42.278, *OSN)[0] - astropy_bjd(middle, 330.680, 42.278)) / SECOND_DAYS
    assert late == pytest.approx(late_s, abs=3e-4)


def test_it_asks_no_network_and_reads_no_table():
    """In a process where no socket can be opened and astropy's tables are not even imported."""
    script = (
        "import socket, sys\n"
        "def refuse(*a, **k): raise AssertionError('network')\n"
        "socket.socket.connect = refuse; socket.getaddrinfo = refuse\n"
        "from iop4cli.science.timing import barycentric\n"
        "print(barycentric(59830.9, 330.68, 42.278, -3.3847, 37.0642, 2896.0)[0])\n"
        "assert not [name for name in sys.modules if name.startswith('astropy')]\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == barycentric(59830.9, 330.68, 42.278, *OSN)[0]


def test_many_sources_at_one_time_are_the_same_as_one_by_one():
    ra, dec = np.array([10.0, 200.0, 330.0]), np.array([-40.0, 0.0, 70.0])
    together = barycentric(59000.3, ra, dec, *OSN)
    alone = [barycentric(59000.3, a, d, *OSN)[0] for a, d in zip(ra, dec, strict=True)]
    assert np.array_equal(together, alone)
