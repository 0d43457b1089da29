"""A night reduced again: what moved, by how much, and the input or parameter that did it."""

from __future__ import annotations

from typing import Any

import pytest

from iop4cli.archive.people import add_flags
from iop4cli.pipeline.steps import step_named
from tests.night.archives import Archive
from tests.night.test_plans import EPOCH, FIRST, SECOND, _another, instrument_with

pytestmark = pytest.mark.night


def differences(archive: Archive, *arguments: str) -> list[dict[str, Any]]:
    return archive.iop4("diff", "--all", "--json", *arguments).rows


def texts(rows: list[dict[str, Any]]) -> set[str]:
    return {cause["text"] for row in rows for cause in row["causes"]}


def changed(step: str, parameter: str, value: float) -> str:
    return f"{step}.{parameter} {step_named(step).parameter(parameter).default} -> {value}"


def test_a_wider_aperture_moves_results_and_is_named(reduced: Archive) -> None:
    before = reduced.results()
    flagged = sorted(before)[0]
    add_flags(reduced.store, [flagged], "a satellite", "ana")
    reduced.iop4("run", "-j1", "--param", "phot.radius_fwhm=2.0")
    after = reduced.results()
    rows = differences(reduced)
    assert {row["id"] for row in rows} == set(before) == set(after)
    assert texts(rows) - {"flags of people"} == {changed("phot", "radius_fwhm", 2.0)}
    assert after[flagged]["flags"] == "a satellite"
    for row in rows:
        for name, change in row["changes"].items():
            assert (change["before"], change["after"]) == (before[row["id"]][name], after[row["id"]][name])
    reduced.iop4("run", "-j1")  # the parameter as it was
    runs = [row["id"] for row in reduced.sql("select id from run order by started")]
    assert [row["status"] for row in differences(reduced, runs[0], "last") if row["id"] != flagged] == []


def test_a_calibration_that_turned_moves_every_angle_by_as_much(reduced: Archive) -> None:
    instrument_with(reduced, "zero_angle_deg = -18.0", "zero_angle_deg = -17.0")
    reduced.iop4("run", "-j1")
    rows = differences(reduced, "--mode", "pol")
    [name] = {row["calibration"] for row in reduced.results().values() if row["mode"] == "pol"}
    assert rows and texts(rows) == {f"numbers of the calibration {name}"}
    for row in rows:
        assert row["changes"]["chi_deg"]["difference"] == pytest.approx(1.0, abs=1e-6)
        assert "mag" not in row["changes"]
    assert differences(reduced, "--mode", "phot") == []


def test_one_more_flat_is_found_behind_the_groups_that_it_reached(reduced: Archive) -> None:
    folder = reduced.root / "raw" / EPOCH
    _another(folder / "Flat-0001R45.fit", folder / "Flat-0004R45.fit")
    reduced.iop4("run", "-j1")
    rows = differences(reduced)
    assert {row["mode"] for row in rows} == {"pol"}
    flat = f"{EPOCH}/flat-AndorT90-R-+45deg-700x700"
    for row in rows:
        assert {"text": "frames of a master: 1 more, 0 fewer", "item": flat} in row["causes"]


def test_a_gain_and_a_parameter_changed_in_two_runs_are_told_apart(reduced: Archive) -> None:
    instrument_with(reduced, "gain_e_per_adu = 4.5", "gain_e_per_adu = 4.6")
    reduced.iop4("run", "-j1")
    reduced.iop4("run", "-j1", "--param", "pol.min_stars=99")
    by_stars = changed("pol", "min_stars", 99)
    assert texts(differences(reduced)) == {by_stars}
    by_gain = texts(differences(reduced, "last-2", "last-1"))
    assert "detector in the instrument's file" in by_gain and by_stars not in by_gain
    both = texts(differences(reduced, "last-2", "last", "--mode", "pol"))
    assert {"detector in the instrument's file", by_stars} <= both


def test_a_person_who_overrides_a_header_is_named(reduced: Archive) -> None:
    frame = f"{EPOCH}/{FIRST}-0001R.fit"
    reduced.iop4("classify", "--set", "exptime_s=59", frame)
    reduced.iop4("run", "-j1")
    first = reduced.sql("select id from run order by started")[0]["id"]
    rows = differences(reduced, first, "last", "--mode", "phot")
    assert rows and not any(SECOND in str(row["causes"]) for row in rows)
    assert {"text": "header as people overrode it", "item": frame} in rows[0]["causes"]
