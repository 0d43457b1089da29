import math
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iop4cli.science.groups import Exposure, group_exposures

FOUR = (-45.0, 0.0, 45.0, 90.0)
PLATE = tuple(22.5 * step for step in range(16))
START_MJD = 59830.9
EXPTIME_S = 60.0


def sequence(angles, *, start_s=0.0, step_s=75.0, target="BLLac", band="R", prefix="a", **others):
    """Exposures one after another with a dead time of 15 s."""
    common = {"instrument": "AndorT90", "exptime_s": EXPTIME_S, "setup": "2048x2048"} | others
    return [
        Exposure(
            name=f"{prefix}{i}",
            target=target,
            band=band,
            angle_deg=angle,
            mjd_utc=START_MJD + (start_s + i * step_s) / 86400,
            **common,
        )
        for i, angle in enumerate(angles)
    ]


def names(grouping):
    return [[exposure.name for exposure in group.exposures] for group in grouping.groups]


def group(exposures, angles=FOUR, gap_s=300.0, **options):
    return group_exposures(exposures, angles, gap_s=gap_s, **options)


def test_a_rotation_is_one_group_in_order_of_time():
    exposures = sequence([0, 45, 90, -45])
    found = group(exposures[::-1])
    assert names(found) == [["a0", "a1", "a2", "a3"]]
    assert found.groups[0].missing_angles == ()
    assert found.leftovers == ()


def test_a_repeated_angle_starts_a_new_group():
    found = group(sequence([0, 45, 90, -45] * 3))
    assert names(found) == [[f"a{i}" for i in range(n, n + 4)] for n in (0, 4, 8)]


def test_a_lost_frame_costs_one_angle_and_shifts_nothing():
    found = group(sequence([0, 45, 90, 0, 45, 90, -45]))
    assert names(found) == [["a0", "a1", "a2"], ["a3", "a4", "a5", "a6"]]
    assert [g.missing_angles for g in found.groups] == [(-45.0,), ()]


def test_too_few_angles_are_left_over_with_the_reason():
    found = group(sequence([0, 45]))
    assert found.groups == ()
    assert [reason for _, reason in found.leftovers] == ["only 2 of the 3 angles that are needed: 0, 45"] * 2
    assert group(sequence([0, 45]), min_angles=2).leftovers == ()


def test_interleaved_targets_and_bands_stay_apart():
    mixed = []
    for i, angle in enumerate([0, 45, 90, -45]):
        start = 300.0 * i
        mixed += sequence([angle], start_s=start, prefix=f"r{i}-")
        mixed += sequence([angle], start_s=start + 75, band="V", prefix=f"v{i}-")
        mixed += sequence([angle], start_s=start + 150, target="OJ248", prefix=f"o{i}-")
    found = group(mixed)
    assert names(found) == [[f"{letter}{i}-0" for i in range(4)] for letter in "rvo"]


@pytest.mark.parametrize(
    "other",
    [
        {"instrument": "AndorT150"},
        {"exptime_s": 61.0},
        {"setup": "1024x1024"},
        {"band": "I"},
        {"target": "x"},
    ],
)
def test_what_differs_is_not_grouped(other):
    exposures = sequence([0, 45, 90, -45])
    exposures[2] = replace(exposures[2], **other)
    found = group(exposures)
    assert names(found) == [["a0", "a1", "a3"]]
    assert found.groups[0].missing_angles == (90.0,)
    assert [exposure.name for exposure, _ in found.leftovers] == ["a2"]


def test_the_gap_counts_from_the_end_of_an_exposure():
    # The last exposure of the first part ends 300 s before the other part begins.
    split = sequence([0, 45, 90]) + sequence([-45], start_s=150 + EXPTIME_S + 300, prefix="b")
    assert names(group(split, gap_s=299.0)) == [["a0", "a1", "a2"]]
    assert names(group(split, gap_s=301.0)) == [["a0", "a1", "a2", "b0"]]


def test_angles_are_equal_modulo_the_period():
    found = group(sequence([180.0, -135.0, -90.0, 134.7]))
    assert names(found) == [["a0", "a1", "a2", "a3"]]
    assert found.groups[0].missing_angles == ()
    # 0 and 180 degrees are two positions of a half-wave plate.
    assert group(sequence([0, 180, 90]), PLATE, period_deg=360.0).groups[0].missing_angles == tuple(
        angle for angle in PLATE if angle not in (0, 90, 180)
    )


def test_the_real_angles_of_a_plate_fit_the_nominal_ones():
    found = group(sequence([0, 22.48, 44.98, 67.48]), (0.0, 22.5, 45.0, 67.5), period_deg=90.0)
    assert found.groups[0].missing_angles == ()


def test_sixteen_plate_angles_make_one_group_and_eight_suffice():
    found = group(sequence([*PLATE, *PLATE[:8], *PLATE[:7]]), PLATE, period_deg=360.0, min_angles=8)
    assert [len(g.exposures) for g in found.groups] == [16, 8]
    assert len(found.leftovers) == 7


def test_an_angle_of_no_set_is_left_over():
    found = group(sequence([0, 45, 30, 90, math.nan]))
    assert names(found) == [["a0", "a1", "a3"]]
    assert [reason for _, reason in found.leftovers] == [
        "angle 30 is none of -45, 0, 45, 90",
        "has no analyser angle",
    ]


def test_a_copy_of_a_frame_breaks_no_group():
    exposures = sequence([0, 45, 90, -45])
    copies = [replace(exposure, name=f"copy-{exposure.name}") for exposure in exposures]
    found = group(exposures + copies)
    assert names(found) == [["a0", "a1", "a2", "a3"]]
    assert [reason for _, reason in found.leftovers] == [f"has the time and the angle of a{i}" for i in range(4)]


def test_frames_of_the_same_time_at_other_angles_are_kept():
    exposures = [replace(exposure, mjd_utc=START_MJD) for exposure in sequence([0, 45, 90, -45])]
    assert names(group(exposures)) == [["a0", "a1", "a2", "a3"]]


def test_a_frame_without_a_time_is_left_over():
    exposures = sequence([0, 45, 90, -45])
    exposures[1] = replace(exposures[1], mjd_utc=math.nan)
    found = group(exposures)
    assert names(found) == [["a0", "a2", "a3"]]
    assert [(exposure.name, reason) for exposure, reason in found.leftovers] == [("a1", "has no time")]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*FOUR, 135.0, 20.0]),
            st.sampled_from(["BLLac", "OJ248"]),
            st.integers(0, 40),
            st.booleans(),
        ),
        max_size=30,
    ),
    st.randoms(use_true_random=False),
)
def test_every_exposure_is_in_one_place_whatever_the_order(frames, shuffler: random.Random):
    exposures = [
        sequence([angle], start_s=100.0 * slot, target=target, prefix=f"f{i}-", band="R" if red else "V")[0]
        for i, (angle, target, slot, red) in enumerate(frames)
    ]
    found = group(exposures)
    placed = [name for members in names(found) for name in members] + [e.name for e, _ in found.leftovers]
    assert sorted(placed) == sorted(exposure.name for exposure in exposures)
    for members in found.groups:
        angles = [exposure.angle_deg % 180 for exposure in members.exposures]
        assert len(set(angles)) == len(angles) == 4 - len(members.missing_angles) >= 3
    shuffled = exposures[:]
    shuffler.shuffle(shuffled)
    assert group(shuffled) == found
