"""What changes from night to night: zero points, residuals of calibrators, masters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from iop4cli.export.plots.chart import Chart, Panel, Series, point_of, points, time_axis

Rows = Sequence[Mapping[str, Any]]
_MOST_STARS = 8
_UNITS = {"bias": "ADU", "dark": "ADU/s", "flat": "relative"}


def zero_point_chart(rows: Rows, *, title: str, by_airmass: bool = False) -> Chart:
    """Zero points, and the scatter of the calibrators, against time or airmass; rows of pipeline.plotted_nights."""
    axis = time_axis(row["mjd_utc"] for row in rows)
    x, less = ("airmass", 0.0) if by_airmass else ("mjd_utc", axis.origin_mjd)
    several_modes = len({row["mode"] for row in rows}) > 1

    def label(row: Mapping[str, Any]) -> str:
        return f"{row['instrument']} {row['band']}" + (f" {row['mode']}" if several_modes else "")

    panels = (
        Panel("zero point (mag)", _series(rows, label, x, "zp", "zp_err", less), share=1.5),
        Panel("scatter (mag)", _series(rows, label, x, "zp_scatter", None, less), level=0.0, share=0.8),
    )
    kept = tuple(panel for panel in panels if any(series.points for series in panel.series))
    if by_airmass:
        return Chart(title, "airmass", kept)
    return Chart(title, axis.label, kept, origin_mjd=axis.origin_mjd)


def _series(
    rows: Rows, label: Callable[[Mapping[str, Any]], str], x: str, y: str, y_err: str | None, less: float,
    hollow: Callable[[Mapping[str, Any]], bool] = lambda row: False,
) -> tuple[Series, ...]:  # fmt: skip
    """A series for each label, in the order of the labels."""
    names = sorted({label(row) for row in rows})
    return tuple(
        Series(name, points(
            point_of(row, x, y, y_err, less=less, hollow=hollow(row)) for row in rows if label(row) == name
        ), look)
        for look, name in enumerate(names)
    )  # fmt: skip


def health_chart(rows: Rows, verdicts: Mapping[str, str], *, title: str) -> Chart:
    """Measured - catalogue of each calibrator, a panel each; `verdicts` by name, the worst first, of which 8 are drawn.

    Of rows of pipeline.catalog_health.
    """
    axis = time_axis(row["mjd_utc"] for row in rows)
    looks = {name: look for look, name in enumerate(sorted({_instrument(row) for row in rows}))}
    panels = []
    for star in list(verdicts)[:_MOST_STARS]:
        own = [row for row in rows if row["source"] == star]
        series = tuple(
            Series(name, points(
                point_of(row, "mjd_utc", "residual_mag", "residual_err_mag", less=axis.origin_mjd)
                for row in own if _instrument(row) == name
            ), look)
            for name, look in looks.items()
        )  # fmt: skip
        panels.append(
            Panel("residual (mag)", series, inverted=True, level=0.0, note=f"{star}: {verdicts[star]}", share=0.85)
        )
    left = len(verdicts) - len(panels)
    said = (f"{left} more stars are not drawn: name a target or a star",) if left > 0 else ()
    return Chart(f"{title}: measured - catalogue", axis.label, tuple(panels), axis.origin_mjd, remarks=said)


def _instrument(row: Mapping[str, Any]) -> str:
    return f"{row['instrument']} {row['band']}"


def masters_chart(rows: Rows, *, title: str) -> Chart:
    """Level, scatter and number of frames of masters by kind; those not accepted are hollow.

    A flat has no level: it is divided by it.
    """
    axis = time_axis(row["mjd_utc"] for row in rows)
    panels = []
    for kind in sorted({row["kind"] for row in rows}):
        own = [row for row in rows if row["kind"] == kind]
        wanted = [("scatter", f"{kind} scatter\n({_UNITS[kind]})"), ("n_frames", f"frames of\na {kind}")]
        if kind != "flat":
            wanted.insert(0, ("level", f"{kind} level\n({_UNITS[kind]})"))
        looks = {name: look for look, name in enumerate(sorted({_camera(row) for row in rows}))}
        for column, label in wanted:
            found = _series(own, _camera, "mjd_utc", column, None, axis.origin_mjd, lambda row: not row["accepted"])
            series = tuple(Series(one.label, one.points, looks[one.label]) for one in found)
            panels.append(Panel(label, series, share=0.8))
    label = axis.label.replace("MJD", "night, MJD").replace(" (UTC, d)", " (d)")
    return Chart(title, label, tuple(panels), axis.origin_mjd, hollow_means="not accepted", whole=True)


def _camera(row: Mapping[str, Any]) -> str:
    return f"{row['instrument']} {row['band']}" if row["band"] else str(row["instrument"])
