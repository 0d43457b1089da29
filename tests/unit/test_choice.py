"""Which master serves a frame, and what is said of those passed over."""

from __future__ import annotations

from typing import Any

import pytest

from iop4cli.pipeline.choice import choose_master, why_none, window_in

WHOLE = {"width_px": 4144, "height_px": 2822, "binning_x": 2, "binning_y": 2, "window_x0": 0, "window_y0": 0}
CUT = WHOLE | {"width_px": 1120, "height_px": 896, "window_x0": 1500, "window_y0": 1000}


def frame(**said: Any) -> dict[str, Any]:
    return {
        "instrument": "AndorT90", "telescope": "OSN-T090", "night": "2022-09-08", "band": "R", "angle_deg": 45.0,
        **WHOLE, **said,
    }  # fmt: skip


def master(name: str, kind: str = "flat", **said: Any) -> dict[str, Any]:
    return frame() | {"name": name, "key": name, "kind": kind, "accepted": True, "reason": None, "n_frames": 5} | said


def test_the_same_night_and_angle_come_first():
    masters = [
        master("other angle", angle_deg=0.0),
        master("yesterday", night="2022-09-07"),
        master("right"),
        master("other angle yesterday", night="2022-09-07", angle_deg=0.0),
    ]
    choice = choose_master("flat", frame(), masters, 30)
    assert choice.name == "right"
    assert choice.notes == ()
    names = [candidate.master["name"] for candidate in choice.candidates]
    assert names == ["right", "other angle", "yesterday", "other angle yesterday"]


def test_a_flat_of_another_angle_or_night_says_so():
    assert "flat of angle 0 deg for 45 deg" in choose_master("flat", frame(), [master("a", angle_deg=0.0)], 30).notes
    assert "flat of 1 day after" in choose_master("flat", frame(), [master("a", night="2022-09-09")], 30).notes


def test_behind_a_plate_one_flat_does_for_all_angles():
    choice = choose_master("flat", frame(), [master("a", angle_deg=None)], 30, angle_matters=False)
    assert (choice.name, choice.notes) == ("a", ())


@pytest.mark.parametrize("night", ["2022-08-01", "2022-10-20"])
def test_the_age_limit_counts_both_ways(night):
    choice = choose_master("flat", frame(), [master("old", night=night)], 30)
    assert choice.master is None
    assert "the limit is 30" in why_none("flat", frame(), choice)


def test_of_equal_age_the_older_is_taken():
    masters = [master("after", night="2022-09-10"), master("before", night="2022-09-06")]
    assert choose_master("flat", frame(), masters, 30).name == "before"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"band": "V"}, "its band is V"),
        ({"accepted": False, "reason": "2 usable frames"}, "not accepted (2 usable frames)"),
        ({"binning_x": 1}, "its geometry is"),
        ({"width_px": 1000}, "its geometry is"),
    ],
)
def test_what_a_master_fails_by_is_told(said, reason):
    choice = choose_master("flat", frame(), [master("bad", **said)], 30)
    assert choice.master is None
    assert reason in why_none("flat", frame(), choice)


def test_a_subframe_takes_its_cut_of_a_whole_master_but_prefers_its_own():
    assert window_in(WHOLE, CUT) == (1500, 1000)
    assert window_in(CUT, WHOLE) is None
    assert window_in(WHOLE, CUT | {"window_x0": 3500}) is None
    whole, own = master("whole"), master("own", **CUT)
    assert choose_master("flat", frame(**CUT), [whole], 30).name == "whole"
    assert choose_master("flat", frame(**CUT), [whole, own], 30).name == "own"


def test_another_instrument_is_no_candidate():
    choice = choose_master("flat", frame(), [master("x", instrument="RoperT90")], 30)
    assert choice.candidates == ()
    assert "there is none of this instrument" in why_none("flat", frame(), choice)
