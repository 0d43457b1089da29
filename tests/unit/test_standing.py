"""Which masters are good enough beside those of other nights."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np

from iop4cli.pipeline.standing import Standing, standings

LIMITS = {
    "compare_days": 60, "max_flat_change": 0.02, "max_level_change": 20.0, "max_structure_change": 1.0,
    "max_scatter_ratio": 1.5,
}  # fmt: skip


def flat(night: str, tilt: float = 0.0, **said: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    row = {
        "name": night, "kind": "flat", "telescope": "T", "instrument": "A", "band": "R", "angle_deg": 0.0,
        "night": f"2022-{night}", "width_px": 100, "height_px": 100, "binning_x": 1, "binning_y": 1,
        "window_x0": 0, "window_y0": 0, "path": "x", "level": 1.0, "scatter": 0.003, **said,
    }  # fmt: skip
    cells = 1 + tilt * np.linspace(-1, 1, 256)
    return row, {"master": night, "cells": cells.tolist(), "cell_noise": 1e-4}


def judged(*flats: tuple[dict[str, Any], dict[str, Any]], **said: str) -> dict[str, Standing]:
    words = {name.replace("_", "-"): {"value": value, "who": "ann"} for name, value in said.items()}
    return standings([row for row, _ in flats], {shape["master"]: shape for _, shape in flats}, words, LIMITS)


def accepted(*flats: tuple[dict[str, Any], dict[str, Any]], **said: str) -> list[bool]:
    return [standing.accepted for _, standing in sorted(judged(*flats, **said).items())]


def test_one_that_differs_is_rejected_and_the_next_is_held_beside_the_last_good_one():
    found = judged(flat("03-01"), flat("03-02", 0.1), flat("03-03"))
    assert [found[night].accepted for night in ("03-01", "03-02", "03-03")] == [True, False, True]
    assert found["03-03"].compared_with == "03-01"
    assert "03-01, the last good one" in str(found["03-02"].reason)


def test_a_change_that_lasts_is_the_cameras():
    found = judged(flat("03-01"), flat("03-02", 0.1), flat("03-03", 0.1), flat("03-04", 0.1), flat("03-05"))
    assert [found[f"03-0{day}"].accepted for day in range(1, 6)] == [True, True, True, True, False]
    assert "the camera has changed" in str(found["03-02"].note)


def test_two_that_differ_each_in_its_own_way_confirm_nothing():
    assert accepted(flat("03-01"), flat("03-02", 0.1), flat("03-03", -0.1), flat("03-04")) == [True, False, False, True]


def test_the_order_in_which_they_came_does_not_matter():
    nights = [flat("03-01"), flat("03-02", 0.1), flat("03-03", 0.1), flat("03-04"), flat("03-05", 0.1)]
    assert judged(*nights) == judged(*reversed(nights))


def test_people_are_right():
    nights = flat("03-01"), flat("03-02", 0.1), flat("03-03")
    # Of an accepted one the next differs.
    assert accepted(*nights, **{"03_02": "yes"}) == [True, True, False]
    assert accepted(*nights, **{"03_01": "no"}) == [False, True, False]
    found = judged(*nights, **{"03_01": "no"})
    assert found["03-01"].reason == "rejected by ann"
    # A rejected one confirms nothing.
    assert accepted(flat("03-01"), flat("03-02", 0.1), flat("03-03", 0.1), **{"03_02": "no"}) == [True, False, False]


def test_masters_of_long_ago_of_other_angles_bands_and_sizes_are_no_measure():
    assert accepted(flat("03-01"), flat("05-20", 0.1)) == [True, True]
    assert accepted(flat("03-01"), flat("03-02", 0.1, angle_deg=45.0)) == [True, True]
    assert accepted(flat("03-01"), flat("03-02", 0.1, band="V")) == [True, True]
    assert accepted(flat("03-01"), flat("03-02", 0.1, width_px=50)) == [True, True]


def test_from_a_night_on_the_standing_is_that_beside_all_that_ever_were():
    """What the rows of earlier nights say stands for the history that led to it."""
    rng = np.random.default_rng(3)
    n_rejected = 0
    for _ in range(40):
        tilts = np.repeat(rng.choice([0.0, 0.0, 0.1, -0.1], 8), rng.integers(1, 3, 8))
        nights = [f"03-{day:02d}" for day in range(1, len(tilts) + 1)]
        flats = [flat(night, float(tilt)) for night, tilt in zip(nights, tilts, strict=True)]
        said = {nights[int(rng.integers(len(nights)))]: {"value": str(rng.choice(["yes", "no"])), "who": "ann"}}
        shapes = {shape["master"]: shape for _, shape in flats}
        whole = standings([row for row, _ in flats], shapes, said, LIMITS)
        recorded = [
            row | {"accepted": whole[row["name"]].accepted, "reason": whole[row["name"]].reason} for row, _ in flats
        ]
        first = int(rng.integers(len(nights)))
        since = {"T": datetime.date.fromisoformat(f"2022-{nights[first]}")}
        later = standings(recorded, shapes, said, LIMITS, since)
        for night in nights[first:]:
            assert (later[night].accepted, later[night].reason) == (whole[night].accepted, whole[night].reason)
        n_rejected += sum(not one.accepted for one in whole.values())
    assert n_rejected > 20
