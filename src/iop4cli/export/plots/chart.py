"""A chart as data: panels that share an axis, and what is in them; drawn in a file or in a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_MARGIN = 0.07
# Error bars longer than this times the range of the points, and than this times the usual one, do not set the scale.
_LONGEST_BAR = 1.0
_LONGEST_TYPICAL_BAR = 3.0
_LONG_SPAN_DAYS = 30.0
# The room below an upper limit for its arrow, of a panel's height.
_ARROW = 0.18
# The room above the points for a note.
_NOTE = 0.3


@dataclass(frozen=True)
class Point:
    """A value with its error (None: not known); `hollow` does not set the scale; a `limit` is an upper one."""

    x: float
    y: float
    y_err: float | None = None
    x_err: float | None = None
    hollow: bool = False
    limit: bool = False


@dataclass(frozen=True)
class Series:
    """Points of one kind: `look` numbers its marker and colour; a `joined` one is a line without markers."""

    label: str
    points: tuple[Point, ...]
    look: int = 0
    joined: bool = False
    dashed: bool = False


@dataclass(frozen=True)
class Panel:
    """What shares a vertical axis, `inverted` for magnitudes; `level` is a horizontal line, `marks` vertical ones."""

    y_label: str
    series: tuple[Series, ...]
    inverted: bool = False
    level: float | None = None
    marks: tuple[tuple[float, int], ...] = ()
    share: float = 1.0
    note: str = ""


@dataclass(frozen=True)
class Chart:
    """Panels above each other with one horizontal axis; `origin_mjd` says that it is MJD less that number.

    `whole`: there is nothing between whole numbers of it. `measured_x`: it is no time, and hollow points do not set
    its scale either.
    """

    title: str
    x_label: str
    panels: tuple[Panel, ...]
    origin_mjd: float | None = None
    hollow_means: str = "flagged"
    marks_mean: str = ""
    whole: bool = False
    measured_x: bool = False
    remarks: tuple[str, ...] = ()


def point_of(
    row: Mapping[str, Any], x: str, y: str, y_err: str | None = None, *, factor: float = 1.0, less: float = 0.0,
    **more: Any,
) -> Point | None:  # fmt: skip
    """The point of a row, y and its error times `factor`, x `less` an origin; None where it has none."""
    across, up = known(row.get(x)), known(row.get(y))
    if across is None or up is None:
        return None
    error = known(row.get(y_err)) if y_err else None
    return Point(across - less, factor * up, None if error is None else abs(factor) * error, **more)


def known(value: Any) -> float | None:
    """A number, unless it is none."""
    return float(value) if value is not None and math.isfinite(value) else None


def points(found: Iterable[Point | None]) -> tuple[Point, ...]:
    return tuple(one for one in found if one is not None)


def y_limits(panel: Panel) -> tuple[float, float]:
    """The lower and the upper end of a panel's axis: of what is not hollow, if there is such."""
    every = [one for series in panel.series for one in series.points]
    solid = [one for one in every if not one.hollow] or every
    low, high = _ends([one.y for one in solid], [one.y_err or 0.0 for one in solid], panel.level)
    limits = [one.y for one in solid if one.limit]
    low = min([low, *(one - _ARROW * (high - low) for one in limits)])
    room = _NOTE * (high - low) if panel.note else 0.0
    return (low - room, high) if panel.inverted else (low, high + room)


def beyond(chart: Chart) -> int:
    """How many hollow points lie outside the scale."""
    found = 0
    left, right = x_limits(chart)
    for panel in chart.panels:
        low, high = y_limits(panel)
        hollow = [one for series in panel.series for one in series.points if one.hollow]
        found += sum(not (low <= one.y <= high and left <= one.x <= right) for one in hollow)
    return found


def hollow_means(chart: Chart) -> str:
    """What a hollow marker says, and how many are not seen."""
    outside = beyond(chart)
    return chart.hollow_means + (f" ({outside} off scale)" if outside else "")


def x_limits(chart: Chart) -> tuple[float, float]:
    every = [one for panel in chart.panels for series in panel.series for one in series.points]
    if chart.measured_x:
        every = [one for one in every if not one.hollow] or every
    marks = [x for panel in chart.panels for x, _ in panel.marks]
    found = [one.x for one in every]
    low, high = _ends(found + marks, [one.x_err or 0.0 for one in every] + [0.0] * len(marks), None)
    return (math.floor(low) - 0.5, math.ceil(high) + 0.5) if chart.whole else (low, high)


def _ends(values: Sequence[float], errors: Sequence[float], level: float | None) -> tuple[float, float]:
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    if level is not None:
        low, high = min(low, level), max(high, level)
    longest = max(_LONGEST_BAR * (high - low), _LONGEST_TYPICAL_BAR * sorted(errors)[len(errors) // 2])
    bars = [min(error, longest) for error in errors]
    low = min([low, *(value - bar for value, bar in zip(values, bars, strict=True))])
    high = max([high, *(value + bar for value, bar in zip(values, bars, strict=True))])
    margin = _MARGIN * (high - low) or 0.05 * abs(high) or 0.5
    return low - margin, high + margin


def labels(chart: Chart, *, joined: bool = False) -> list[tuple[str, int]]:
    """(label, look) of the points, or the lines, of a chart, each once."""
    found: dict[tuple[str, int], None] = {}
    for panel in chart.panels:
        for series in panel.series:
            if series.label and series.points and series.joined == joined:
                found[(series.label, series.look)] = None
    return list(found)


@dataclass(frozen=True)
class TimeAxis:
    """Where a time axis begins: whole MJD for short spans, so that ticks stay short; else 0."""

    origin_mjd: float
    label: str


def time_axis(mjds: Iterable[float | None]) -> TimeAxis:
    found = [value for value in map(known, mjds) if value is not None]
    if not found or max(found) - min(found) > _LONG_SPAN_DAYS:
        return TimeAxis(0.0, "MJD (UTC, d)")
    origin = float(math.floor(min(found)))
    return TimeAxis(origin, f"MJD - {origin:.0f} (UTC, d)")
