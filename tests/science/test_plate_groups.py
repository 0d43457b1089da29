"""Sequences of a half-wave plate: DIPOL turns through 16 positions, CAFOS through four."""

from dataclasses import replace

import numpy as np
import pytest

from iop4cli.science.groups import Exposure, group_exposures
from iop4cli.science.retarder import fit_retarder

PLATE = tuple(22.5 * position for position in range(16))
CAFOS = (0.0, 22.48, 44.98, 67.48)
EXPTIME_S, STEP_S = 30.0, 33.0


def sequence(positions, *, start_s=0.0, prefix="a", exptime_s=EXPTIME_S):
    """Exposures at these positions of the plate, one after another."""
    return [
        Exposure(
            name=f"{prefix}{number}", target="BLLac", instrument="DIPOL", band="R", exptime_s=exptime_s,
            angle_deg=22.5 * position, mjd_utc=60200.0 + (start_s + number * STEP_S) / 86400, setup="1120x896",
        )
        for number, position in enumerate(positions)
    ]  # fmt: skip


def group(exposures, **options):
    """As the instrument's file should have it."""
    settings = {"gap_s": 300.0, "period_deg": 360.0, "min_angles": 4, "modulation_period_deg": 90.0}
    return group_exposures(exposures, PLATE, **settings | options)


def sizes(grouping):
    return [len(found.exposures) for found in grouping.groups]


@pytest.mark.parametrize(
    ("positions", "expected"),
    [
        (range(16), [16]),
        ([*range(16)] * 3, [16, 16, 16]),
        ([*range(8)] * 2, [8, 8]),
        ([*range(8), *range(8, 16)], [16]),
        ([*range(8, 16), *range(8)], [16]),
        ([*range(5, 16), *range(16), *range(5)], [16, 16]),
        ([*range(15, -1, -1)], [16]),
        # Broken off and begun again; then an exposure repeated half way.
        ([*range(6), *range(16)], [6, 16]),
        ([*range(8), *range(7, 16)], [8, 9]),
    ],
)
def test_rotations_full_half_repeated_and_interrupted(positions, expected):
    found = group(sequence(positions))
    assert sizes(found) == expected
    assert found.leftovers == ()
    for members in found.groups:
        assert len(members.exposures) + len(members.missing_angles) == 16


def test_positions_a_quarter_turn_apart_are_two_positions():
    found = group(sequence([0, 1, 2, 3, 4, 5, 6, 7]))
    assert sizes(found) == [8]
    # A plate of which only four positions are known takes them for the same.
    assert sizes(group_exposures(sequence(range(8)), CAFOS, gap_s=300.0, period_deg=90.0)) == [4, 4]


def test_angles_that_measure_the_same_are_not_enough():
    found = group(sequence([0, 4, 8, 12, 2, 6]))
    assert found.groups == ()
    assert {reason for _, reason in found.leftovers} == {
        "only 2 of the 3 angles modulo 90 that are needed: 0, 90, 180, 270, 45, 135"
    }
    assert sizes(group(sequence([0, 4, 8, 12, 2, 5]))) == [6]


def test_a_fragment_is_left_over_with_the_reason():
    found = group(sequence([0, 1, 2, *range(16)]))
    assert sizes(found) == [16]
    assert [(exposure.name, reason) for exposure, reason in found.leftovers] == [
        (name, "only 3 of the 4 angles that are needed: 0, 22.5, 45") for name in ("a0", "a1", "a2")
    ]


def test_a_lost_frame_shifts_nothing_in_a_long_run():
    exposures = sequence([*range(16)] * 3)
    del exposures[20]
    found = group(exposures)
    assert sizes(found) == [16, 15, 16]
    assert found.groups[1].missing_angles == (90.0,)


@pytest.mark.parametrize(
    ("positions", "even"),
    [
        (range(16), True),
        (range(8), True),
        (range(3, 11), True),
        (range(4), True),
        ([0, 5, 10, 15], True),
        (range(12), True),
        (range(15), False),
        (range(9), False),
        ([0, 1, 2, 4], False),
        ([0, 1, 2, 4, 5, 6], False),
    ],
)
def test_quarter_turns_are_even_and_what_breaks_one_is_not(positions, even):
    """Even sets give q and u uncorrelated errors, as the fit has them; others do not."""
    [members] = group(sequence(positions)).groups
    assert members.even is even
    angles = [exposure.angle_deg for exposure in members.exposures]
    flux = np.full(len(angles), 1e4)
    fit = fit_retarder(angles, flux, 100.0 + 0 * flux, flux, 100.0 + 0 * flux)
    balanced = abs(fit.qu_cov) < 1e-6 * fit.q_err * fit.u_err and fit.q_err == pytest.approx(fit.u_err, rel=1e-6)
    assert balanced is even


def test_a_pause_divides_and_a_short_one_does_not():
    pause = sequence(range(8)) + sequence(range(8, 16), start_s=7 * STEP_S + EXPTIME_S + 299, prefix="b")
    assert sizes(group(pause)) == [16]
    longer = [replace(e, mjd_utc=e.mjd_utc + 2 / 86400) if e.name[0] == "b" else e for e in pause]
    assert sizes(group(longer)) == [8, 8]


def test_a_change_of_exposure_half_way_makes_two_groups():
    changed = sequence(range(6)) + sequence(range(6, 16), start_s=6 * STEP_S, prefix="b", exptime_s=60.0)
    found = group(changed)
    assert sizes(found) == [6, 10]
    assert {exposure.exptime_s for exposure in found.groups[0].exposures} == {EXPTIME_S}


def test_what_is_grouped_can_be_fitted():
    rng = np.random.default_rng(3)
    for _ in range(200):
        taken = rng.choice(16, rng.integers(1, 9), replace=False)
        for members in group(sequence(taken)).groups:
            angles = [exposure.angle_deg for exposure in members.exposures]
            flux = np.full(len(angles), 1e4)
            assert fit_retarder(angles, flux, 100.0 + 0 * flux, flux, 100.0 + 0 * flux).q == pytest.approx(0)
