"""What is left of the matched stars of a solved frame: arrows over the frame, and their scatter."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from iop4cli.export.plots.chart import Chart, Panel, Series, point_of, points
from iop4cli.export.plots.style import ONE_COLUMN_IN, QUIET, TWO_COLUMNS_IN, colour, new_figure, styled

Rows = Sequence[Mapping[str, Any]]
# The usual arrow is this share of the frame's width.
_USUAL_ARROW = 0.035


def residual_chart(rows: Rows, *, title: str) -> Chart:
    """Residuals north against east, for a terminal; rows of pipeline.plotted_frames.star_rows."""
    found = points(point_of(row, "east_arcsec", "north_arcsec") for row in rows)
    panel = Panel("found - expected, north (arcsec)", (Series("matched stars", found),), level=0.0, share=2.0)
    return Chart(title, "found - expected, east (arcsec)", (panel,), remarks=(_said(rows),))


def _said(rows: Rows) -> str:
    return f"{len(rows)} stars, unweighted rms {rms_arcsec(rows):.3f} arcsec"


def rms_arcsec(rows: Rows) -> float:
    """Root of the mean square of the residuals' lengths."""
    return math.sqrt(sum(row["east_arcsec"] ** 2 + row["north_arcsec"] ** 2 for row in rows) / len(rows))


def residual_figure(
    rows: Rows, *, title: str, size_px: tuple[int, int], sky_to_px: tuple[tuple[float, float], tuple[float, float]],
    wide: bool = False,
) -> Any:  # fmt: skip
    """Arrows at the stars of a frame of `size_px` (width, height), and the residuals north against east.

    `sky_to_px` (2, 2) turns (east, north) in arcsec into (x, y) in pixels, so that arrows point as on the frame.
    """
    with styled():
        if wide:
            figure = new_figure(TWO_COLUMNS_IN, 0.53 * TWO_COLUMNS_IN)
            above, below = figure.subplots(1, 2)
        else:
            figure = new_figure(ONE_COLUMN_IN, 2.05 * ONE_COLUMN_IN)
            above, below = figure.subplots(2, 1)
        _arrows(above, rows, size_px, sky_to_px)
        _scatter(below, rows)
        figure.suptitle((", " if wide else "\n").join((title, _said(rows))), fontsize=8).set_parse_math(False)
    return figure


def _arrows(axes: Any, rows: Rows, size_px: tuple[int, int], sky_to_px: Any) -> None:
    x, y = [row["x_px"] for row in rows], [row["y_px"] for row in rows]
    (xe, xn), (ye, yn) = sky_to_px
    across = [xe * row["east_arcsec"] + xn * row["north_arcsec"] for row in rows]
    up = [ye * row["east_arcsec"] + yn * row["north_arcsec"] for row in rows]
    usual_arcsec = sorted(math.hypot(row["east_arcsec"], row["north_arcsec"]) for row in rows)[len(rows) // 2] or 1.0
    px_per_arcsec = math.sqrt(abs(xe * yn - xn * ye))
    key_arcsec = _round(4.0 * usual_arcsec)
    scale = usual_arcsec * px_per_arcsec / (_USUAL_ARROW * size_px[0])
    drawn = axes.quiver(
        x, y, across, up, angles="xy", scale_units="xy", scale=scale, color=colour(0), width=0.005, zorder=2
    )
    axes.plot(x, y, ls="none", marker=".", ms=2.5, color="0.3", zorder=1)
    axes.quiverkey(drawn, 0.86, 1.04, key_arcsec * px_per_arcsec, f"{key_arcsec:g} arcsec", labelpos="W",
                   fontproperties={"size": 7})  # fmt: skip
    axes.set_xlim(0, size_px[0])
    axes.set_ylim(0, size_px[1])
    axes.set_aspect("equal")
    axes.set_xlabel("x (px)")
    axes.set_ylabel("y (px)")


def _round(value: float) -> float:
    """The round number (1, 2, 5) that is nearest below."""
    power = 10.0 ** math.floor(math.log10(value))
    return max(step for step in (1, 2, 5) if step * power <= value * (1 + 1e-9)) * power


def _scatter(axes: Any, rows: Rows) -> None:
    from matplotlib.patches import Circle

    east, north = [row["east_arcsec"] for row in rows], [row["north_arcsec"] for row in rows]
    half = 1.1 * max([abs(value) for value in (*east, *north)], default=1.0)
    axes.axhline(0, color=QUIET, lw=0.6, zorder=0)
    axes.axvline(0, color=QUIET, lw=0.6, zorder=0)
    axes.add_patch(Circle((0, 0), rms_arcsec(rows), fill=False, ls="--", lw=0.7, ec="0.4"))
    axes.plot(east, north, ls="none", marker="o", ms=2.5, color=colour(0), gid="solid")
    # As on the sky: east is left.
    axes.set_xlim(half, -half)
    axes.set_ylim(-half, half)
    axes.set_aspect("equal")
    axes.set_xlabel("found - expected, east (arcsec)")
    axes.set_ylabel("found - expected, north (arcsec)")
