"""Angles that are known but for multiples of 180 degrees, as a continuous series."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iop4cli.science.position_angles import AMBIGUOUS_SIGMAS, unwrap

ANGLES = st.lists(st.floats(0.0, 180.0, exclude_max=True), min_size=1, max_size=40)
# Sums of angles up to some thousand degrees are exact to this.
ROUNDING_DEG = 1e-9


@given(ANGLES)
def test_no_step_is_larger_than_90_degrees(chi):
    moved, _ = unwrap(chi, np.ones(len(chi)))
    assert np.all(np.abs(np.diff(moved)) <= 90.0 + ROUNDING_DEG)


@given(ANGLES)
def test_angles_stay_the_same_modulo_180_degrees_and_the_first_stays(chi):
    moved, _ = unwrap(chi, np.ones(len(chi)))
    turns = (moved - np.array(chi)) / 180.0
    assert np.allclose(turns, np.round(turns), rtol=0, atol=ROUNDING_DEG)
    assert moved[0] == chi[0]


@given(st.floats(0.0, 179.0), st.lists(st.floats(-89.0, 89.0), max_size=40))
def test_a_rotation_of_less_than_90_degrees_a_step_is_found_again(first, steps):
    true = first + np.concatenate([[0.0], np.cumsum(steps)])
    moved, ambiguous = unwrap(np.mod(true, 180.0), np.full(len(true), 0.1))
    assert np.allclose(moved - moved[0], true - true[0], rtol=0, atol=1e-6)
    assert not ambiguous.any()


@given(ANGLES, st.data())
def test_flagged_angles_move_no_other(chi, data):
    good = data.draw(st.lists(st.booleans(), min_size=len(chi), max_size=len(chi)))
    errors = np.ones(len(chi))
    moved, _ = unwrap(chi, errors, good)
    alone, _ = unwrap(np.array(chi)[good], errors[good])
    assert np.array_equal(moved[good], alone)


@given(ANGLES, st.floats(0.0, 30.0))
def test_a_step_is_ambiguous_where_it_is_near_90_degrees(chi, error):
    moved, ambiguous = unwrap(chi, np.full(len(chi), error))
    room = 90.0 - np.abs(np.diff(moved))
    needed = AMBIGUOUS_SIGMAS * np.hypot(error, error)
    clear = np.abs(room - needed) > ROUNDING_DEG
    assert np.array_equal(ambiguous[1:][clear], (room < needed)[clear])
    assert not ambiguous[0]


def test_a_step_with_an_unknown_error_is_ambiguous():
    _, ambiguous = unwrap([10.0, 20.0, 30.0], [1.0, np.nan, 1.0])
    assert ambiguous.tolist() == [False, True, True]


def test_a_missing_angle_is_no_predecessor():
    moved, ambiguous = unwrap([170.0, np.nan, 5.0], [1.0, 1.0, 1.0])
    assert moved[2] == pytest.approx(185.0)
    assert np.isnan(moved[1])
    assert not ambiguous.any()
