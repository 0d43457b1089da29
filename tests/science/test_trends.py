"""Airmass and the width of stars against time."""

from __future__ import annotations

import math

import numpy as np
import pytest

from iop4cli.science.trends import airmass, at_zenith, trend


def test_airmass_is_astropys() -> None:
    """Against the full transformation with precession and nutation; sec z differs from the formula below 60 deg."""
    import astropy.units as u
    from astropy.coordinates import AltAz, EarthLocation, SkyCoord
    from astropy.time import Time
    from astropy.utils import iers

    iers.conf.auto_download = False
    mjd = 59830.8 + np.linspace(0.0, 0.35, 40)
    ra, dec = np.full(40, 330.68), np.full(40, 42.28)
    site = EarthLocation.from_geodetic(-3.3847 * u.deg, 37.0642 * u.deg, 2896 * u.m)
    seen = SkyCoord(ra * u.deg, dec * u.deg).transform_to(AltAz(obstime=Time(mjd, format="mjd"), location=site))
    altitude = seen.alt.deg
    expected = 1.0 / np.sin(np.radians(altitude))
    high = altitude > 30.0
    assert high.sum() > 10
    # 0.4 deg of altitude at 30 deg are 1.2 % of sec z.
    assert airmass(mjd, ra, dec, -3.3847, 37.0642)[high] == pytest.approx(expected[high], rel=0.013)


def test_below_the_horizon_there_is_none() -> None:
    assert np.isnan(airmass(np.array([59830.8]), np.array([150.0]), np.array([-80.0]), -3.4, 37.1)).all()


def test_a_setting_star_is_no_bad_focus() -> None:
    """Seeing of 1.5 arcsec through growing airmass looks like a trend, and is none at the zenith."""
    rng = np.random.default_rng(5)
    hours = np.arange(20) / 10.0
    through = 1.2 + 0.5 * hours
    fwhm = 1.5 * through**0.6 * (1.0 + 0.01 * rng.standard_normal(20))
    seen, zenith = trend(hours, fwhm), trend(hours, at_zenith(fwhm, through))
    assert seen is not None and zenith is not None
    assert seen.chance < 1e-4 and seen.last / seen.first > 1.2
    assert zenith.last / zenith.first == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("n", [1000, pytest.param(4000, marks=pytest.mark.night)])
def test_chance_is_what_it_says_without_a_trend(n: int) -> None:
    """Of series without one a share of 0.01 has a chance below 0.01, within 3 sigma; Kendall's is a bit strict."""
    rng = np.random.default_rng(6)
    hours = np.arange(12) / 10.0
    found = [trend(hours, rng.standard_normal(12)) for _ in range(n)]
    share = np.mean([one is not None and one.chance < 0.01 for one in found])
    sigma = math.sqrt(0.01 * 0.99 / n)
    assert max(0.0, 0.009 - 3 * sigma) < share < 0.01 + 3 * sigma


def test_one_wild_value_makes_no_trend() -> None:
    values = np.full(10, 2.0) + 0.01 * np.array([1, -1, 1, 1, -1, -1, 1, -1, 1, -1])
    values[9] = 9.0
    found = trend(np.arange(10.0), values)
    assert found is not None and found.last / found.first < 1.02


@pytest.mark.parametrize("n", [0, 1, 5])
def test_few_values_make_none(n: int) -> None:
    assert trend(np.arange(float(n)), np.arange(float(n))) is None
    assert trend(np.array([1.0, 2.0, np.nan, 4.0, 5.0, 6.0]), np.ones(6)) is None
