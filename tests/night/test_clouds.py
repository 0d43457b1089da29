"""Clouds do not move what two-beam polarimeters measure, from raw frames to results.

A night of clouds has other photons than a clear one, whose noise would hide the shift. So the stars' photons come as
expected, and every other noise (sky, dark, read-out, calibration frames) is the same in both nights. The targets are
bright: what that noise adds to a star does not pass through the clouds, so they change its share.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from iop4cli.simulate.night import NightRecipe, simulate_night
from tests.night.archives import Archive, make_archive

pytestmark = pytest.mark.night

CAFOS = NightRecipe(
    "CAFOS", "pol", "2022-03-10", 7, targets=("3C 66A",), groups_per_target=3, target_mag=11.0, target_p=0.12,
    beam_imbalance=0.04, n_bias=5, n_flats=3, star_noise=False, cosmic_rays=False, hot_pixels=False,
    transparency_rms=0.35,
)  # fmt: skip
DIPOL = replace(
    CAFOS, instrument="DIPOL", night="2023-11-08", targets=("2200+420",), target_mag=8.5, target_p=0.18,
    beam_imbalance=0.03, n_darks=4,
)  # fmt: skip
RECIPES = {
    "CAFOS": CAFOS,
    "DIPOL, 4 angles": replace(DIPOL, n_angles=4),
    "DIPOL, 16 angles": replace(DIPOL, n_angles=16, groups_per_target=1),
}


@dataclass(frozen=True)
class Nights:
    """The target's polarimetry by group, under clouds and without them, and the transparency of each exposure."""

    cloudy: Mapping[str, Mapping[str, Any]]
    clear: Mapping[str, Mapping[str, Any]]
    transparency: np.ndarray

    def shifts(self, name: str) -> np.ndarray:
        """What the clouds added, in the errors quoted under them."""
        return np.array(
            [(row[name] - self.clear[key][name]) / row[f"{name}_err"] for key, row in self.cloudy.items()]
        )  # fmt: skip


@pytest.fixture(scope="module", params=RECIPES)
def nights(request: pytest.FixtureRequest, module_folder: Callable[[str], Path]) -> Nights:
    recipe = RECIPES[request.param]
    archive = make_archive(module_folder("clouds") / "archive", recipe)
    archive.iop4("run", "-j1")
    cloudy, transparency = _polarimetry(archive), _transparency(archive)
    # Frames under a clear sky take the places of the cloudy ones; the calibration frames stay.
    simulate_night(archive.root, replace(recipe, transparency_rms=0.0, n_bias=0, n_flats=0, n_darks=0))
    assert set(_transparency(archive)) == {1.0}
    archive.iop4("run", "-j1")
    return Nights(cloudy, _polarimetry(archive), transparency)


def _polarimetry(archive: Archive) -> dict[str, dict[str, Any]]:
    """Of the target: the source that others calibrate."""
    rows = archive.sql("select * from results where mode = 'pol' and source in (select target from calibrates)")
    return {row["origin"]: row for row in rows}


def _transparency(archive: Archive) -> np.ndarray:
    with (archive.root / "frames.csv").open(encoding="utf-8", newline="") as stream:
        return np.array([float(row["transparency"]) for row in csv.DictReader(stream)])


def test_clouds_of_30_percent_move_the_polarisation_by_less_than_a_tenth_of_its_error(nights: Nights) -> None:
    """Root mean square over the groups."""
    assert np.std(np.log(nights.transparency)) > 0.25
    assert nights.cloudy and nights.cloudy.keys() == nights.clear.keys()
    shifts = {name: nights.shifts(name) for name in ("p", "q", "u")}
    for name, shift in shifts.items():
        assert np.any(shift != 0)  # the clouds were there
        assert np.sqrt(np.mean(shift**2)) < 0.1, (name, shifts)
