"""Charts in characters."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from plotted_rows import result

from iop4cli.export.plots.chart import Chart, Panel, Point, Series, x_limits, y_limits
from iop4cli.export.plots.light_curve import light_curve_chart
from iop4cli.export.plots.stokes_plane import stokes_chart, stokes_rows
from iop4cli.export.plots.terminal import chart_text, nice_ticks


@given(st.floats(-1e5, 1e5), st.floats(1e-3, 1e5), st.integers(2, 12))
def test_ticks_are_within_and_not_too_many(low, span, at_most):
    ticks = [tick for tick, _ in nice_ticks(low, low + span, at_most)]
    assert len(ticks) <= at_most + 1
    slack = 1e-6 * span + 1e-9 * abs(low)
    assert all(low - slack <= tick <= low + span + slack for tick in ticks)


@given(
    st.lists(st.tuples(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4), st.one_of(st.none(), st.floats(0, 1e4)),
                       st.booleans(), st.booleans()), min_size=1, max_size=20),
    st.booleans(),
)  # fmt: skip
@example([(0.0, 1.0, None, True, False), (0.0, 2.2250738585e-313, None, False, False)], False)
def test_any_points_are_drawn_in_eighty_columns(values, plain):
    points = tuple(Point(x, y, error, hollow=hollow, limit=limit) for x, y, error, hollow, limit in values)
    chart = Chart("title", "x", (Panel("y (mag)", (Series("one", points),), inverted=True, level=0.0),))
    text = chart_text(chart, 80, plain=plain).plain
    assert max(map(len, text.splitlines())) <= 80
    if plain:
        assert text.isascii()
    low, high = y_limits(chart.panels[0])
    solid = [one for one in points if not one.hollow] or points
    assert all(low < one.y < high for one in solid)
    left, right = x_limits(chart)
    assert all(left < one.x < right for one in points)


def test_the_terminal_shows_brighter_above_and_says_so():
    rows = [result(0, mag=13.0, p=None, chi_deg=None), result(1, mag=14.0, p=None, chi_deg=None)]
    lines = chart_text(light_curve_chart(rows, title="x"), 80).plain.splitlines()
    assert "upwards brighter" in lines[1]
    marked = [number for number, line in enumerate(lines[2:14]) if "●" in line]
    left = [line.index("●") for line in lines[2:14] if "●" in line]
    assert len(marked) == 2
    assert left[0] < left[1]
    assert any(re.match(r" +13\.0", line) for line in lines[2:8])


def test_flagged_points_and_limits_are_told_apart_in_the_terminal():
    rows = [result(0), result(1, flags="trailed"), result(2, p=0.001, p_err=0.001, p_upper95=0.002)]
    text = chart_text(light_curve_chart(rows, title="x"), 80).plain
    assert "○ flagged" in text
    assert "↓ upper limit (95 %)" in text
    assert sum("↓" in line for line in text.splitlines()) == 2


def test_the_chart_of_q_and_u_is_of_the_same_points():
    rows = stokes_rows([result(0), result(1, q=0.01)])
    points = stokes_chart(rows, title="").panels[0].series[0].points
    assert [(one.x, one.y) for one in points] == [pytest.approx((8.0, -6.0)), pytest.approx((1.0, -6.0))]
