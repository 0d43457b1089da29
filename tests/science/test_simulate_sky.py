"""The simulated sky: stars that stay, magnitudes that scatter by what the catalogue says."""

import numpy as np
import pytest

from iop4cli.simulate.errors import SimulationError
from iop4cli.simulate.fields import (
    calibrators_of,
    field_stars,
    find_target,
    galactic_latitude_deg,
    read_catalogue,
    separation_arcsec,
    targets_of,
)
from iop4cli.simulate.truth import TargetWish, true_calibrator, true_target

CATALOGUE = read_catalogue()
TARGETS = targets_of(CATALOGUE)


def test_the_catalogue_has_twenty_fields_with_comparison_stars():
    assert len(TARGETS) == 20
    assert all(len(calibrators_of(target, CATALOGUE)) >= 3 for target in TARGETS)


@pytest.mark.parametrize("name", ["BL Lac", "bllacertae", "2200+420", "BL Lacertae"])
def test_a_target_is_found_by_any_of_its_names(name):
    assert find_target(name, CATALOGUE).name == "2200+420"


def test_an_unknown_target_is_refused_by_name():
    with pytest.raises(SimulationError, match="no target 'M31'"):
        find_target("M31", CATALOGUE)


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: t.name)
def test_made_up_stars_are_the_same_each_time_and_keep_clear_of_catalogued_ones(target):
    stars, again = field_stars(target, CATALOGUE), field_stars(target, CATALOGUE)
    assert np.array_equal(stars.ra_deg, again.ra_deg)
    known = [target, *calibrators_of(target, CATALOGUE)]
    nearest = [separation_arcsec(s.ra_deg, s.dec_deg, stars.ra_deg, stars.dec_deg).min() for s in known]
    assert min(nearest) > 12.0


def test_star_counts_follow_the_galactic_latitude():
    """Between 30 and 300 brighter than R = 18 in 13.2 arcmin, give or take four sigmas of Poisson."""
    counts = {}
    for target in TARGETS:
        stars = field_stars(target, CATALOGUE)
        counts[target.name] = int((stars.mags["R"] < 18).sum() * (13.2 / 36) ** 2)
    assert min(counts.values()) > 30 - 4 * np.sqrt(30)
    assert max(counts.values()) < 300 + 4 * np.sqrt(300)
    assert counts["2200+420"] > 3 * counts["1219+285"]
    assert galactic_latitude_deg(330.680412, 42.277664) == pytest.approx(-10.44, abs=0.01)


def test_true_magnitudes_of_comparison_stars_scatter_by_the_quoted_errors():
    stars = [s for t in TARGETS for s in calibrators_of(t, CATALOGUE)]
    pulls = np.array(
        [
            (true_calibrator(star, seed, 0.0).mags[band] - mag) / err
            for seed in range(30)
            for star in stars
            for band, (mag, err) in star.mags.items()
        ]
    )
    assert abs(pulls.mean()) < 4 / np.sqrt(pulls.size)
    assert pulls.std() == pytest.approx(1.0, abs=4 / np.sqrt(2 * pulls.size))


def test_a_comparison_star_does_not_vary_and_a_target_does():
    star, target = CATALOGUE[1], TARGETS[0]
    assert true_calibrator(star, 5, 0.002) == true_calibrator(star, 5, 0.002)
    nights = [true_target(target, 5, night, TargetWish()) for night in ("2022-09-08", "2022-09-09")]
    assert nights[0].mags["R"] != nights[1].mags["R"]


def test_targets_are_drawn_from_what_blazars_do_unless_fixed():
    drawn = [true_target(t, seed, "2022-09-08", TargetWish()) for t in TARGETS for seed in range(10)]
    assert all(13.0 <= t.mags["R"] <= 15.5 and 0 <= t.p <= 0.2 and 0 <= t.chi_deg < 180 for t in drawn)
    assert all(0.2 < t.mags["V"] - t.mags["R"] < 0.6 < t.mags["B"] - t.mags["R"] for t in drawn)
    fixed = true_target(TARGETS[0], 1, "2022-09-08", TargetWish(mag_r=14.2, p=0.0, chi_deg=190.0))
    assert (fixed.mags["R"], fixed.p, fixed.chi_deg) == (14.2, 0.0, 10.0)
