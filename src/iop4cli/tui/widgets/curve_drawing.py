"""What is drawn of a light curve: points, ranges of those that are not shown one by one, the cursor, a box."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual_plot import HiResMode, PlotWidget

if TYPE_CHECKING:
    from iop4cli.archive.curves import Curve
    from iop4cli.archive.pages import Row
    from iop4cli.tui.points import Box, Quantity

Limits = tuple[float, float]
_CURSOR = "◆"
# Marker and colour of points that are plain, flagged, marked.
_LOOKS = (("•", "primary"), ("x", "error"), ("■", "warning"))
# Lines of the cursor and of a box are so many times as high as what is plotted, for it can be moved.
_BEYOND = 20.0
_DIM = "dim"
_TIME_PAD, _VALUE_PAD = 0.03, 0.08


@dataclass(frozen=True)
class Scene:
    """What all plots have in common; `whole`: all times, not only those of the points."""

    curve: Curve
    row_id: str
    mjd_utc: float
    marked: Container[str]
    box: Box | None
    whole: bool
    colours: Mapping[str, str]

    def colour(self, name: str) -> str:
        return self.colours.get(name, "white")

    def times(self) -> Limits:
        rows = [*self.curve.rows, *(self.curve.ranges if self.whole else ())]
        first = min((row["mjd_utc"] for row in rows), default=self.mjd_utc)
        last = max((row["mjd_utc"] for row in rows), default=self.mjd_utc)
        pad = _TIME_PAD * (last - first) or 0.05
        return first - pad, last + pad

    def values(self, quantity: Quantity) -> Limits | None:
        """Of what is not flagged, if there is such; None without a value."""
        known = [row for row in self.curve.rows if row[quantity.column] is not None]
        known = [row for row in known if not row["flags"]] or known
        ends = [end for row in known for end in _bar(quantity, row)]
        if self.whole:
            ends += [end for row in self.curve.ranges for end in _reach(quantity, row) or ()]
        if not ends:
            return None
        pad = _VALUE_PAD * (max(ends) - min(ends)) or 0.01
        return min(ends) - pad, max(ends) + pad


def draw_quantity(plot: PlotWidget, quantity: Quantity, scene: Scene, times: Limits, values: Limits | None) -> None:
    """One plot, from time to time and from value to value; None: all values."""
    plot.clear()
    plot.set_xlimits(*times)
    every = scene.values(quantity)
    plot.set_yticks(None if every else [])
    shown = values or every or (0.0, 1.0)
    plot.set_ylimits(*shown)
    _draw_lines(plot, quantity, scene, every or shown)
    reaches = [(row["mjd_utc"], *reach) for row in scene.curve.ranges if (reach := _reach(quantity, row))]
    if reaches:
        _draw_bars(plot, [(mjd, (low + high) / 2, (high - low) / 2) for mjd, low, high in reaches], "│",
                   _DIM)  # fmt: skip
    _draw_points(plot, quantity, scene)


def _draw_lines(plot: PlotWidget, quantity: Quantity, scene: Scene, values: Limits) -> None:
    reach = _BEYOND * (values[1] - values[0])
    low, high = values[0] - reach, values[1] + reach
    lines = [([scene.mjd_utc] * 2, [low, high], "")]
    if scene.box is not None:
        first, last = scene.box.times
        if scene.box.quantity is quantity:
            low, high = scene.box.values
            lines += [([first, last], [value] * 2, "warning") for value in (low, high)]
        lines += [([mjd] * 2, [low, high], "warning") for mjd in (first, last)]
    for across, up, colour in lines:
        plot.plot(across, up, line_style=scene.colour(colour) if colour else _DIM, hires_mode=HiResMode.BRAILLE)


def _draw_points(plot: PlotWidget, quantity: Quantity, scene: Scene) -> None:
    """Those over which others must not lie come last: the cursor's after all."""
    known = [row for row in scene.curve.rows if row[quantity.column] is not None]
    looks = [2 if row["id"] in scene.marked else 1 if row["flags"] else 0 for row in known]
    for number, (marker, colour) in enumerate(_LOOKS):
        chosen = [row for row, look in zip(known, looks, strict=True) if look == number]
        _draw_bars(plot, [_centre(quantity, row) for row in chosen], marker, scene.colour(colour))
    for row, look in zip(known, looks, strict=True):
        if row["id"] == scene.row_id:
            _draw_bars(plot, [_centre(quantity, row)], _CURSOR, scene.colour(_LOOKS[look][1] if look else "foreground"))


def _draw_bars(plot: PlotWidget, bars: Sequence[tuple[float, float, float]], marker: str, colour: str) -> None:
    """(time, middle, half of the height) each."""
    if bars:
        times, middles, halves = zip(*bars, strict=True)
        plot.errorbar(list(times), list(middles), yerr=list(halves), marker=marker, marker_style=colour)


def _centre(quantity: Quantity, row: Row) -> tuple[float, float, float]:
    low, high = _bar(quantity, row)
    return row["mjd_utc"], (low + high) / 2, (high - low) / 2


def _bar(quantity: Quantity, row: Row) -> Limits:
    middle, half = quantity.factor * row[quantity.column], abs(quantity.factor) * (row[quantity.error] or 0.0)
    return middle - half, middle + half


def _reach(quantity: Quantity, row: Row) -> Limits | None:
    """Lowest and highest of a span of time, as plotted."""
    if row[f"{quantity.column}_low"] is None:
        return None
    low, high = sorted(quantity.factor * row[f"{quantity.column}_{end}"] for end in ("low", "high"))
    return low, high
