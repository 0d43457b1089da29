"""Curves of growth, and results against the radius of the aperture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from iop4cli.export.plots.chart import Chart, Panel, Point, Series, known, point_of, points

Rows = Sequence[Mapping[str, Any]]
_PERCENT = 100.0
# Of more frames the colours would not be told apart: they are all of one.
_MOST_LOOKS = 5


def growth_chart(rows: Rows, curves: Mapping[str, Sequence[tuple[float, float]]], *, title: str) -> Chart:
    """Share of the light within a radius, and what stars differ; the apertures in use are vertical lines.

    Of rows and curves of pipeline.plotted_frames.
    """
    frames = list(dict.fromkeys(row["frame"] for row in rows))
    many = len(frames) > _MOST_LOOKS
    lines, measured, scatter, marks = [], [], [], []
    for number, frame in enumerate(frames):
        look = 0 if many else number
        own = [row for row in rows if row["frame"] == frame]
        label = f"{len(frames)} frames" if many else frame.rsplit("/", 1)[-1]
        curve = points(_point(radius, share) for radius, share in curves.get(frame, ()))
        lines.append(Series("", curve, look, joined=True))
        measured.append(
            Series(label, points(point_of(row, "radius_fwhm", "share", "share_err", factor=_PERCENT) for row in own),
                   look)
        )  # fmt: skip
        scatter.append(
            Series(label, points(point_of(row, "radius_fwhm", "share_scatter", factor=_PERCENT) for row in own), look)
        )
        used = known(own[0]["used_radius_fwhm"])
        if used is not None:
            marks.append((used, look))
    above = Panel("light within (%)", (*lines, *measured), level=_PERCENT, marks=tuple(marks), share=1.6)
    below = Panel("star to star (%)", tuple(scatter), level=0.0, marks=tuple(marks), share=0.8)
    differ = any(one.y for series in scatter for one in series.points)
    return Chart(title, "radius (FWHM)", (above, below) if differ else (above,), marks_mean="aperture in use")


def _point(x: float, y: float) -> Point | None:
    across, up = known(x), known(y)
    return None if across is None or up is None else Point(across, _PERCENT * up)


def sweep_chart(rows: Rows, *, title: str) -> Chart:
    """What changes with the radius of the aperture, of rows of pipeline.swept_result; errors are of the changes."""
    used = next((row for row in rows if row["used"]), None)
    marks = () if used is None else ((float(used["radius_arcsec"]), _USED_LOOK),)
    panels = [_sweep_panel(rows, "mag_change", "change (mag)", 1.0, 0.0, marks, inverted=True)]
    for name in ("q", "u"):
        middle = None if used is None else known(used[name])
        if middle is not None:
            changes = [{**row, f"{name}_change": _less(row[name], middle)} for row in rows]
            panels.append(_sweep_panel(changes, f"{name}_change", f"change of {name} (%)", _PERCENT, 0.0, marks))
    return Chart(title, "radius of the aperture (arcsec)", tuple(panels), marks_mean="aperture in use")


_USED_LOOK = 6


def _less(value: Any, other: float) -> float | None:
    found = known(value)
    return None if found is None else found - other


def _sweep_panel(
    rows: Rows, column: str, label: str, factor: float, level: float, marks: tuple[tuple[float, int], ...],
    **more: Any,
) -> Panel:  # fmt: skip
    found = points(point_of(row, "radius_arcsec", column, f"{column}_err", factor=factor) for row in rows)
    return Panel(label, (Series("", found),), level=level, marks=marks, **more)
