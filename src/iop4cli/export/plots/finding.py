"""The field of a source: stars that its frames show, and those of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from iop4cli.export.finding_chart import finding_figure
from iop4cli.export.plots.chart import Chart, Panel, Point, Series, point_of, points
from iop4cli.export.plots.style import styled

Rows = Sequence[Mapping[str, Any]]
_NARROW_IN, _WIDE_IN = 5.0, 7.1
_MOST_DRAWN = 60
_SEEN_LOOK = 6


def field_figure(rows: Rows, *, title: str, centre: tuple[float, float], radius_deg: float, wide: bool = False) -> Any:
    """Of rows of pipeline.plotted_frames.field_rows."""
    stars = [{**row, "r_mag": row["mag"], "label": ""} for row in rows if row["label"] == "seen"]
    known = [
        {**row, "colour": "C3" if row["label"] == "calibrator" else "C0"} for row in rows if row["label"] != "seen"
    ]
    legend = "red: calibrators, blue: others of the catalogue, green: the source"
    with styled():
        return finding_figure(
            title, centre, radius_deg, stars, known, legend=legend, width_in=_WIDE_IN if wide else _NARROW_IN
        )


def field_chart(rows: Rows, *, title: str) -> Chart:
    """The same for a terminal: the brightest stars as dots, east to the left."""
    seen = sorted((row for row in rows if row["label"] == "seen"), key=lambda row: row["mag"])[:_MOST_DRAWN]
    named = [row for row in rows if row["label"] != "seen"]
    series = [Series("stars seen", _placed(seen), _SEEN_LOOK)] if seen else []
    series += [Series(str(row["name"]), _placed([row]), look) for look, row in enumerate(named)]
    panel = Panel("north of the source (arcmin)", tuple(series), level=0.0, marks=((0.0, _SEEN_LOOK),), share=2.0)
    return Chart(title, "west of the source (arcmin)", (panel,), marks_mean="the source is where the lines cross")


def _placed(rows: Rows) -> tuple[Point, ...]:
    west = [{**row, "west_arcmin": -row["east_arcmin"]} for row in rows]
    return points(point_of(row, "west_arcmin", "north_arcmin") for row in west)
