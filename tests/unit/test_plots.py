"""What the other figures show is what the rows say."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plotted_rows import FIRST_MJD, drawn, ys

from iop4cli.export.plots.apertures import growth_chart, sweep_chart
from iop4cli.export.plots.chart_figure import chart_figure
from iop4cli.export.plots.frame_picture import frame_figure, frame_text, reduced_in_size, stretched
from iop4cli.export.plots.frame_stars import residual_figure, rms_arcsec
from iop4cli.export.plots.nights import health_chart, masters_chart, zero_point_chart
from iop4cli.export.plots.placing import sides


def test_masters_that_are_not_accepted_are_hollow_and_flats_have_no_level():
    def master(kind: str, number: int, *, accepted: bool) -> dict[str, Any]:
        return {"kind": kind, "instrument": "AndorT90", "band": "R" if kind == "flat" else None, "level": 1000.0,
                "mjd_utc": 59830.0 + number, "scatter": 2.0, "n_frames": 7 + number, "accepted": accepted}  # fmt: skip

    rows = [master("bias", 0, accepted=True), master("bias", 1, accepted=False), master("flat", 0, accepted=True)]
    figure = chart_figure(masters_chart(rows, title=""))
    labels = [axes.get_ylabel() for axes in figure.axes]
    assert [label.replace("\n", " ") for label in labels[:5]] == [
        "bias level (ADU)", "bias scatter (ADU)", "frames of a bias", "flat scatter (relative)", "frames of a flat"
    ]  # fmt: skip
    assert ys(figure, "hollow", 2) == [8.0]
    assert ys(figure, "solid", 2) == [7.0]


def test_zero_points_go_against_airmass_on_request():
    rows = [
        {"instrument": "AndorT90", "band": "R", "mode": "phot", "mjd_utc": FIRST_MJD + n, "airmass": 1.0 + n,
         "zp": 22.0 - 0.1 * n, "zp_err": 0.01, "zp_scatter": 0.02}
        for n in range(3)
    ]  # fmt: skip
    figure = chart_figure(zero_point_chart(rows, title="", by_airmass=True))
    assert drawn(figure, "solid")[0] == [pytest.approx((1.0 + n, 22.0 - 0.1 * n)) for n in range(3)]
    assert figure.axes[-1].get_xlabel() == "airmass"


def test_calibrators_have_a_panel_each_and_no_more_than_eight():
    rows = [
        {"source": f"star {n}", "instrument": "AndorT90", "band": "R", "mjd_utc": FIRST_MJD, "residual_mag": 0.01 * n,
         "residual_err_mag": 0.01}
        for n in range(10)
    ]  # fmt: skip
    chart = health_chart(rows, {row["source"]: "good" for row in rows}, title="all")
    assert [panel.note for panel in chart.panels] == [f"star {n}: good" for n in range(8)]
    assert chart.remarks == ("2 more stars are not drawn: name a target or a star",)


def test_growth_and_sweep_mark_the_aperture_in_use():
    growth = [
        {"frame": "a/b/c.fit", "radius_fwhm": r, "share": 1 - math.exp(-r * r), "share_err": 0.01,
         "share_scatter": 0.0, "used_radius_fwhm": 1.3}
        for r in (0.5, 1.0, 2.0)
    ]  # fmt: skip
    figure = chart_figure(growth_chart(growth, {}, title=""))
    assert [line.get_xdata()[0] for line in figure.axes[0].lines if line.get_linestyle() == ":"] == [1.3]
    assert ys(figure, "solid", 0) == pytest.approx([100 * row["share"] for row in growth])
    sweep = [
        {"radius_arcsec": r, "used": r == 3.0, "mag_change": 0.01 * (r - 3), "mag_change_err": 0.001,
         "q": 0.02 + 0.001 * (r - 3), "q_change_err": 0.0005, "u": None, "u_change_err": None}
        for r in (2.0, 3.0, 4.0)
    ]  # fmt: skip
    figure = chart_figure(sweep_chart(sweep, title=""))
    assert ys(figure, "solid", 0) == pytest.approx([-0.01, 0.0, 0.01])
    assert ys(figure, "solid", 1) == pytest.approx([-0.1, 0.0, 0.1])
    # u is not known at the aperture in use: it has no panel.
    assert len(figure.axes) == 2


def test_arrows_point_as_the_residuals_do_on_the_frame():
    rows = [{"x_px": 10.0 * n, "y_px": 5.0, "east_arcsec": 0.3, "north_arcsec": 0.4} for n in range(1, 4)]
    # East is to the left of the frame, north up, 2 px an arcsec.
    figure = residual_figure(rows, title="", size_px=(100, 80), sky_to_px=((-2.0, 0.0), (0.0, 2.0)))
    arrows = next(one for one in figure.axes[0].collections if hasattr(one, "U"))
    assert np.allclose(arrows.U / arrows.V, -0.75)
    assert (arrows.V > 0).all()
    assert rms_arcsec(rows) == pytest.approx(0.5)
    assert figure.axes[1].xaxis_inverted()


def test_a_frame_shows_its_apertures_at_their_places():
    pixels = np.random.default_rng(1).normal(100.0, 5.0, (90, 120))
    apertures = [
        {"source": "BL Lac", "beam": beam, "x_px": x, "y_px": 30.0, "radius_px": 6.0}
        for beam, x in (("O", 40.0), ("E", 60.0))
    ]
    figure = frame_figure(pixels, apertures, title="x", north_deg=90.0)
    circles = figure.axes[0].patches
    assert [(tuple(circle.center), circle.radius) for circle in circles[:2]] == [
        ((40.0, 30.0), 6.0),
        ((60.0, 30.0), 6.0),
    ]
    assert sum(text.get_text() == "BL Lac" for text in figure.axes[0].texts) == 1


def test_a_frame_of_nothing_known_is_drawn_all_the_same():
    assert np.isfinite(stretched(np.full((4, 4), np.nan))).all()
    assert np.isfinite(stretched(np.full((4, 4), 7.0))).all()
    assert "x" in frame_text(np.full((8, 8), np.nan), [], title="x", columns=20).plain


def test_a_frame_made_smaller_keeps_its_mean():
    pixels = np.arange(64.0).reshape(8, 8)
    small, step = reduced_in_size(pixels, 4)
    assert (small.shape, step) == ((4, 4), 2)
    assert small.mean() == pixels.mean()


@given(st.lists(st.tuples(st.floats(25, 75), st.floats(0, 100)), min_size=2, max_size=2, unique=True))
def test_names_of_two_marks_do_not_lie_upon_each_other(places):
    found = sides(places, [20.0, 20.0], 5.0, 3.0, 100.0)
    boxes = []
    for (x, y), (across, up) in zip(places, found, strict=True):
        left, low = (x + 2.1 if across > 0 else x - 22.1), (y + 0.9 if up > 0 else y - 5.9)
        boxes.append((left, left + 20.0, low, low + 5.0))
    one, other = boxes
    across = min(one[1], other[1]) - max(one[0], other[0])
    up = min(one[3], other[3]) - max(one[2], other[2])
    assert min(across, up) <= 1e-9
