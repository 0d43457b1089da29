"""Light curves and tracks in q and u show what the rows say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from plotted_rows import FIRST_MJD, drawn, result, ys

from iop4cli.errors import UsageError
from iop4cli.export.plots.light_curve import Shown, light_curve_figure, light_curve_rows
from iop4cli.export.plots.stokes_plane import stokes_figure, stokes_rows
from iop4cli.export.plots.style import save_figure


def test_the_points_of_a_light_curve_are_those_of_the_rows():
    rows = [result(n) for n in range(4)]
    figure = light_curve_figure(rows, title="BL Lac")
    origin = math.floor(FIRST_MJD)
    expected = [(row["mjd_utc"] - origin, row["mag"]) for row in rows]
    assert np.allclose(drawn(figure, "solid")[0], expected)
    assert ys(figure, "solid", 1) == pytest.approx([10.0] * 4)
    assert ys(figure, "solid", 2) == [170.0] * 4
    assert f"MJD - {origin}" in figure.axes[2].get_xlabel()


def test_the_magnitude_axis_is_inverted_and_no_other():
    figure = light_curve_figure([result(n) for n in range(3)], title="")
    assert [axes.yaxis_inverted() for axes in figure.axes] == [True, False, False]


def test_flagged_results_are_hollow_and_do_not_set_the_scale():
    rows = [result(n) for n in range(3)]
    wild = result(3, mag=5.0, p=0.9, flags="trailed")
    figure = light_curve_figure([*rows, wild], title="")
    without = light_curve_figure(rows, title="")
    assert ys(figure, "hollow", 0) == [5.0]
    assert 5.0 not in ys(figure, "solid", 0)
    assert [axes.get_ylim() for axes in figure.axes[:2]] == [axes.get_ylim() for axes in without.axes[:2]]
    hollow = [line for line in figure.axes[0].lines if line.get_gid() == "hollow"]
    assert all(line.get_markerfacecolor() == "none" for line in hollow)
    # Of two values that are not seen the legend tells.
    assert "2 off scale" in " ".join(text.get_text() for text in figure.legends[0].get_texts())


def test_a_degree_below_three_sigma_is_an_arrow_at_its_limit():
    low = result(1, p=0.004, p_err=0.002, p_upper95=0.0078)
    figure = light_curve_figure([result(0), low, result(2, p=0.004, p_err=0.001, p_upper95=None)], title="")
    assert ys(figure, "limit", 1) == pytest.approx([0.78])
    assert ys(figure, "solid", 1) == pytest.approx([10.0, 0.4])
    arrows = [text for text in figure.axes[1].texts if text.get_gid() == "arrow"]
    assert [arrow.xy[1] for arrow in arrows] == pytest.approx([0.78])
    # It points down: its head is below the limit.
    assert all(arrow.xyann[1] < 0 for arrow in arrows)


@pytest.mark.parametrize("nothing", [None, float("nan")])
def test_what_is_not_known_is_not_drawn(nothing):
    rows = [result(0), result(1, mag=nothing, p=nothing, chi_deg=nothing), result(2, mag_err=nothing)]
    figure = light_curve_figure(rows, title="")
    assert [len(found) for found in drawn(figure, "solid")[:3]] == [2, 2, 2]
    for axes in figure.axes[:3]:
        assert np.isfinite(axes.get_ylim()).all()
        for line in axes.lines:
            assert np.isfinite(line.get_xydata()).all()


def test_photometry_alone_has_no_panels_of_polarisation():
    rows = [result(n, p=None, p_err=None, chi_deg=None) for n in range(2)]
    assert len(light_curve_figure(rows, title="").axes) == 1


def test_instruments_differ_in_marker_and_colour():
    rows = [result(n, instrument=name) for n, name in enumerate(("AndorT90", "CAFOS", "DIPOL"))]
    lines = [line for line in light_curve_figure(rows, title="").axes[0].lines if line.get_gid() == "solid"]
    assert len({line.get_marker() for line in lines}) == 3
    assert len({line.get_markeredgecolor() for line in lines}) == 3


def test_unwrapped_angles_follow_and_doubtful_steps_are_dotted():
    angles = [170.0, 5.0, 20.0, 105.0]
    rows = [result(n, chi_deg=angle, chi_err_deg=3.0) for n, angle in enumerate(angles)]
    found = light_curve_rows(rows, Shown(unwrap=True))
    assert [row["chi_shown_deg"] for row in found] == pytest.approx([170.0, 185.0, 200.0, 285.0])
    assert [row["chi_step_ambiguous"] for row in found] == [False, False, False, True]
    figure = light_curve_figure(rows, title="", shown=Shown(unwrap=True))
    dotted = [line for line in figure.axes[2].lines if line.get_linestyle() == ":"]
    assert [line.get_ydata().tolist() for line in dotted] == [pytest.approx([200.0, 285.0])]


def test_the_angle_of_an_upper_limit_moves_no_other():
    noise = result(1, chi_deg=80.0, chi_err_deg=40.0, p=0.001, p_err=0.002, p_upper95=0.004)
    rows = [result(0, chi_deg=160.0), noise, result(2, chi_deg=165.0)]
    found = light_curve_rows(rows, Shown(unwrap=True))
    assert found[2]["chi_shown_deg"] == pytest.approx(165.0)


def test_values_without_the_host_and_without_bias_are_those_columns():
    row = result(0, mag_host=13.4, mag_host_err=0.03, p_host=0.12, p_host_err=0.006, p_host_debiased=0.119)
    host = light_curve_rows([row], Shown(host=True))[0]
    assert (host["mag"], host["mag_err"], host["p_percent"]) == pytest.approx((13.4, 0.03, 12.0))
    assert light_curve_rows([row], Shown(host=True, debiased=True))[0]["p_percent"] == pytest.approx(11.9)
    assert light_curve_rows([row], Shown(debiased=True))[0]["p_percent"] == pytest.approx(9.99)


def test_ellipses_have_the_errors_and_the_covariance():
    row = result(0, q=0.02, u=0.01, q_err=0.004, u_err=0.003, qu_cov=0.5 * 0.004 * 0.003)
    figure = stokes_figure(stokes_rows([row, result(1)]), title="")
    ellipse = next(patch for patch in figure.axes[0].patches if np.allclose(patch.center, (2.0, 1.0)))
    turn = math.radians(ellipse.angle)
    axes = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    covariance = axes @ np.diag([(ellipse.width / 2) ** 2, (ellipse.height / 2) ** 2]) @ axes.T
    assert np.allclose(covariance, [[0.16, 0.06], [0.06, 0.09]])


def test_the_plane_of_q_and_u_is_square_and_flagged_points_are_not_on_the_track():
    rows = stokes_rows([result(0), result(1, q=0.9, flags="trailed"), result(2, q=0.07), result(3, q=None)])
    figure = stokes_figure(rows, title="")
    track = next(line for line in figure.axes[0].lines if line.get_gid() == "track")
    assert track.get_xdata().tolist() == pytest.approx([8.0, 7.0])
    assert drawn(figure, "hollow")[0] == [pytest.approx((90.0, -6.0))]
    assert np.diff(figure.axes[0].get_xlim()) == pytest.approx(np.diff(figure.axes[0].get_ylim()))
    assert figure.axes[0].get_xlim()[1] < 90.0


@pytest.mark.parametrize(("suffix", "begins"), [(".png", b"\x89PNG"), (".pdf", b"%PDF"), (".svg", b"<?xml")])
def test_files_are_whole_and_the_same_each_time(tmp_path, suffix, begins):
    written = []
    for name in ("a", "b"):
        path = tmp_path / f"{name}{suffix}"
        save_figure(light_curve_figure([result(n) for n in range(3)], title="BL Lac"), path)
        written.append(path.read_bytes())
    assert written[0].startswith(begins)
    assert written[0] == written[1]
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"a{suffix}", f"b{suffix}"]


def test_another_suffix_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"\.png, \.pdf or \.svg"):
        save_figure(None, tmp_path / "plot.gif")


def test_a_title_with_dollars_is_no_mathematics(tmp_path):
    save_figure(light_curve_figure([result(0)], title="a $ \\frac $ name"), tmp_path / "a.png")
