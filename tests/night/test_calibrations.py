"""Standards and a target through the whole command line: the calibration that was put in comes out."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from iop4cli.simulate.compare import compare, read_truth
from iop4cli.simulate.night import NightRecipe
from tests.night.archives import Archive, make_archive

pytestmark = pytest.mark.night

# Far from the shipped figures of CAFOS (0, 0, -1.5 deg, 1) in each of the four.
Q_MIRROR, U_MIRROR, ZERO_ANGLE_DEG, EFFICIENCY = 0.0062, -0.0113, 17.3, 0.96
# The analyser leaves as much of the instrument's own polarisation as of any other.
TRUTH = np.array([EFFICIENCY * Q_MIRROR, EFFICIENCY * U_MIRROR, ZERO_ANGLE_DEG, EFFICIENCY])
STANDARDS = ("Hiltner 960", "HD 204827", "BD+64 106", "BD+28 4211", "BD+32 3739", "HD 212311")
BEFORE, STANDARD_NIGHT, AFTER = "2022-09-09", "2022-09-10", "2022-09-11"


def recipe(night: str, targets: tuple[str, ...], groups: int, **other: Any) -> NightRecipe:
    return NightRecipe(
        "CAFOS", "pol", night, 5, targets=targets, groups_per_target=groups, n_bias=4, n_flats=3,
        instrument_polarisation=(Q_MIRROR, U_MIRROR, ZERO_ANGLE_DEG, EFFICIENCY), beam_imbalance=0.02, **other,
    )  # fmt: skip


@pytest.fixture(scope="module")
def archive(module_folder: Callable[[str], Path]) -> Archive:
    """Standards, and BL Lac on the night before and four times on the night after, reduced as shipped."""
    made = make_archive(
        module_folder("calibrations") / "archive",
        recipe(BEFORE, ("2200+420",), 1, target_p=0.12, target_chi_deg=33.0),
        recipe(STANDARD_NIGHT, STANDARDS, 2),
        recipe(AFTER, ("2200+420",), 4, target_p=0.12, target_chi_deg=33.0),
    )
    # Standards have no comparison stars, which is said of each.
    made.iop4("run", "-j2", code=3)
    return made


@pytest.fixture(scope="module")
def fitted(archive: Archive) -> dict[str, Any]:
    (row,) = archive.iop4("calib", "fit", "--instrument", "CAFOS", "--json").rows
    return row


def groups_of(archive: Archive, night: str) -> set[str]:
    rows = archive.sql(f"select distinct origin from results where mode = 'pol' and night = '{night}'")
    return {row["origin"] for row in rows}


def pulls_of_target(archive: Archive) -> tuple[np.ndarray, list[Any]]:
    """Mean of the target's q and u on the night after, beside the truth, in errors with the calibration's share."""
    rows = [row for row in archive.results().values() if row["mode"] == "pol" and str(row["night"]) == AFTER]
    compared = [c for c in compare(rows, read_truth(archive.root / "truth.csv")) if c.truth["is_target"]]
    off = np.array([[c.result[name] - c.truth[name] for name in ("q", "u")] for c in compared])
    weights = 1 / np.array([[c.result[f"{name}_err"] ** 2 for name in ("q", "u")] for c in compared])
    systematic = np.array([compared[0].result[f"{name}_sys"] for name in ("q", "u")])
    mean = (off * weights).sum(axis=0) / weights.sum(axis=0)
    return mean / np.sqrt(1 / weights.sum(axis=0) + systematic**2), compared


def test_the_fit_recovers_what_was_put_in_to_its_errors(fitted: dict[str, Any]) -> None:
    values = np.array([fitted[name] for name in ("q_inst", "u_inst", "zero_angle_deg", "efficiency")])
    cov = np.array(fitted["covariance"])
    pulls = (values - TRUTH) / np.sqrt(np.diag(cov))
    assert np.all(np.abs(pulls) < 3.5), dict(zip(("q", "u", "Z", "efficiency"), pulls, strict=True))
    off = values - TRUTH
    # Four degrees of freedom exceed 20 in one of 2000.
    assert off @ np.linalg.solve(cov, off) < 20
    # Errors that tell something: a tenth of what the shipped zero angle has, and of the polarisation put in.
    assert fitted["zero_angle_err_deg"] < 0.6
    assert max(fitted["q_inst_err"], fitted["u_inst_err"]) < 0.001
    assert (fitted["n_measurements"], fitted["n_stars"], fitted["held"]) == (12, 6, "")
    assert fitted["dof"] == 2 * 12 - 4
    # One chi2 in a thousand with 20 degrees of freedom is beyond 45.
    assert fitted["chi2"] < 45


def test_the_fit_names_its_measurements(archive: Archive, fitted: dict[str, Any]) -> None:
    known = {row["id"] for row in archive.results().values() if row["source"] in STANDARDS}
    assert {row["id"] for row in fitted["residuals"]} == known
    stored = archive.sql("select residuals, accepted from calibration")[0]
    assert json.loads(stored["residuals"]) == fitted["residuals"]
    assert stored["accepted"] is None
    assert "fit to 12 measurements" in fitted["source"]


def test_a_proposed_calibration_changes_nothing(archive: Archive, fitted: dict[str, Any]) -> None:
    assert archive.due() == {}


def test_a_target_is_biased_before_and_true_after_it_is_accepted(
    archive: Archive, fitted: dict[str, Any], tmp_path
) -> None:
    mine = archive.copy(tmp_path / "archive")
    before, compared = pulls_of_target(mine)
    assert len(compared) == 4
    # Reduced as shipped: 19 degrees and 1 % off, though the quoted error of the angle is 1.5 degrees.
    assert np.abs(before).max() > 5
    mine.iop4("calib", "accept", fitted["name"])
    due = mine.due()
    assert set(due.pop("pol")) == groups_of(mine, STANDARD_NIGHT) | groups_of(mine, AFTER)
    assert set(due) == {"correct"}
    assert not any(BEFORE in item for item in due["correct"])
    mine.iop4("run", "-j2", code=3)
    assert mine.due() == {}
    after, compared = pulls_of_target(mine)
    assert np.all(np.abs(after) < 3.5), after
    for one in compared:
        assert one.result["calibration"] == fitted["name"]
        assert 0 < one.result["chi_sys_deg"] < 0.6
        total = math.hypot(one.result["chi_err_deg"], one.result["chi_sys_deg"])
        assert abs(math.remainder(one.result["chi_deg"] - 33.0, 180.0)) < 4 * total
    unchanged = {row["calibration"] for row in mine.results().values() if str(row["night"]) == BEFORE}
    assert unchanged == {"CAFOS, R"}


def test_a_fit_after_the_new_calibration_is_the_same(archive: Archive, fitted: dict[str, Any], tmp_path) -> None:
    """The values of the instrument's frame do not depend on the calibration that was in force."""
    mine = archive.copy(tmp_path / "archive")
    mine.iop4("calib", "accept", fitted["name"])
    mine.iop4("pol", "-j2", code=3)
    (again,) = mine.iop4("calib", "fit", "--instrument", "CAFOS", "--name", "again", "--json").rows
    for name in ("q_inst", "u_inst", "zero_angle_deg", "efficiency", "chi2"):
        assert again[name] == pytest.approx(fitted[name], rel=1e-6), name
