"""A chart in a terminal: axes, error bars and markers in characters, lines in braille dots."""

from __future__ import annotations

import datetime
import itertools
import math
from collections.abc import Sequence
from typing import Any

from iop4cli.export.plots.chart import Chart, Panel, Series, hollow_means, labels, x_limits, y_limits

_SOLID, _HOLLOW = "●■▲◆▼★✖◀", "○□△◇▽☆✕◁"
_PLAIN_SOLID, _PLAIN_HOLLOW = "*#AoV+x<", "........"
_COLOURS = ("blue", "red", "green", "magenta", "cyan", "yellow", "white", "bright_red")
_LEFT, _PANEL_LINES, _LEAST_LINES = 10, 12, 6
_FIRST_BRAILLE = 0x2800
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_ORIGIN_OF_MJD = datetime.datetime(1858, 11, 17)


class Canvas:
    """Cells with a character and a style; braille dots where no character is."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.cells = [[(" ", "")] * width for _ in range(height)]
        self.dots: dict[tuple[int, int], tuple[int, str]] = {}

    def put(self, x: float, y: float, letter: str, style: str, *, over: bool = True) -> None:
        """A character at fractions x, y (upwards) of the canvas; outside nothing is drawn."""
        if not (math.isfinite(x) and math.isfinite(y)):  # of an axis that spans less than a number can tell
            return
        column, line = math.floor(x * self.width), self.height - 1 - math.floor(y * self.height)
        column, line = (self.width - 1 if x == 1 else column), (0 if y == 1 else line)
        if 0 <= column < self.width and 0 <= line < self.height and (over or self.cells[line][column][0] == " "):
            self.cells[line][column] = (letter, style)

    def dot(self, x: float, y: float, style: str) -> None:
        if not (0 <= x < 1 and 0 <= y < 1):
            return
        column, line = math.floor(x * self.width * 2), math.floor((1 - y) * self.height * 4 - 1e-9)
        place = (line // 4, column // 2)
        bits, _ = self.dots.get(place, (0, ""))
        self.dots[place] = (bits | _DOTS[line % 4][column % 2], style)

    def line(self, number: int) -> list[tuple[str, str]]:
        shown = []
        for column, (letter, style) in enumerate(self.cells[number]):
            bits, dotted = self.dots.get((number, column), (0, ""))
            shown.append((chr(_FIRST_BRAILLE + bits), dotted) if letter == " " and bits else (letter, style))
        return shown


def chart_text(chart: Chart, columns: int = 80, *, plain: bool = False) -> Any:
    """The chart as text with styles, `columns` wide; `plain`: ASCII only."""
    from rich.text import Text

    shown = Text()
    width = max(columns - _LEFT - 2, 20)
    low, high = x_limits(chart)
    shown.append(f"{chart.title}\n", style="bold")
    for panel in chart.panels:
        height = max(_LEAST_LINES, round(_PANEL_LINES * panel.share))
        _append_panel(shown, panel, (low, high), width, height, plain)
    _append_axis(shown, chart, (low, high), width, plain)
    _append_legend(shown, chart, plain)
    for remark in chart.remarks:
        shown.append(f"{remark}\n")
    return shown


def _append_panel(shown: Any, panel: Panel, across: tuple[float, float], width: int, height: int, plain: bool) -> None:
    low, high = y_limits(panel)
    canvas = Canvas(width, height)
    ends = (high, low) if panel.inverted else (low, high)

    def place(x: float, y: float) -> tuple[float, float]:
        return (x - across[0]) / (across[1] - across[0]), (y - ends[0]) / (ends[1] - ends[0])

    if panel.level is not None:
        for column in range(width):
            canvas.put((column + 0.5) / width, place(across[0], panel.level)[1], "-" if plain else "─", "dim")
    for x, look in panel.marks:
        for line in range(height):
            canvas.put(place(x, low)[0], (line + 0.5) / height, ":", _style(look))
    for series in panel.series:
        (_draw_line if series.joined else _draw_points)(canvas, series, place, plain)
    ticks = {height - 1 - min(int(place(across[0], tick)[1] * height), height - 1): text
             for tick, text in nice_ticks(low, high, max(2, height // 3))}  # fmt: skip
    note = f"   {panel.note}" if panel.note else ""
    shown.append(f"{_words(panel.y_label)}{', upwards brighter' if panel.inverted else ''}{note}\n", style="dim")
    for number in range(height):
        label = ticks.get(number, "")
        shown.append(f"{label:>{_LEFT - 1}}")
        shown.append(("+" if label else "|") if plain else ("┤" if label else "│"), style="dim")
        for letter, style in canvas.line(number):
            shown.append(letter, style=style)
        shown.append("\n")


def _draw_points(canvas: Canvas, series: Series, place: Any, plain: bool) -> None:
    style = _style(series.look)
    solid, hollow = (_PLAIN_SOLID, _PLAIN_HOLLOW) if plain else (_SOLID, _HOLLOW)
    for one in series.points:
        if one.y_err and not one.limit:
            ends = sorted(place(one.x, one.y + way * one.y_err)[1] for way in (-1, 1))
            x, steps = place(one.x, one.y)[0], 2 * canvas.height
            for step in range(math.ceil(max(ends[0], 0) * steps), math.floor(min(ends[1], 1) * steps) + 1):
                canvas.put(x, step / steps, "|" if plain else "│", style, over=False)
    for one in series.points:
        letter = ("v" if plain else "↓") if one.limit else (hollow if one.hollow else solid)[series.look % len(solid)]
        x, y = place(one.x, one.y)
        canvas.put(x, y, letter, style)


def _draw_line(canvas: Canvas, series: Series, place: Any, plain: bool) -> None:
    style = _style(series.look)
    placed = [place(one.x, one.y) for one in series.points]
    for (x0, y0), (x1, y1) in itertools.pairwise(placed):
        steps = 1 + math.ceil(max(abs(x1 - x0) * canvas.width * 2, abs(y1 - y0) * canvas.height * 4))
        for step in range(0, steps + 1, 3 if series.dashed else 1):
            x, y = x0 + (x1 - x0) * step / steps, y0 + (y1 - y0) * step / steps
            if plain:
                canvas.put(x, y, ".", style, over=False)
            else:
                canvas.dot(x, y, style)


def _append_axis(shown: Any, chart: Chart, across: tuple[float, float], width: int, plain: bool) -> None:
    low, high = across
    ticks = [(min(int((tick - low) / (high - low) * width), width - 1), tick, text)
             for tick, text in nice_ticks(low, high, max(2, width // 12))]  # fmt: skip
    places = {column for column, _, _ in ticks}
    corner, tick_mark, rule = "++-" if plain else "└┬─"
    line = "".join(tick_mark if column in places else rule for column in range(width))
    shown.append(" " * (_LEFT - 1) + corner + line + "\n", style="dim")
    shown.append(_spread([(column, text) for column, _, text in ticks], width) + "\n")
    if chart.origin_mjd is not None:
        short = high - low < _HOURS_BELOW_DAYS
        dates = [(column, _date(tick + chart.origin_mjd, short)) for column, tick, _ in ticks]
        shown.append(_spread(dates, width) + "\n", style="dim")
    shown.append(" " * _LEFT + _words(chart.x_label) + "\n", style="dim")


_HOURS_BELOW_DAYS = 3.0


def _spread(texts: Sequence[tuple[int, str]], width: int) -> str:
    """Texts centred on their columns; one that would touch its neighbour is left out."""
    line = [" "] * (_LEFT + width + 2)
    end = 0
    for column, text in texts:
        start = min(max(_LEFT + column - len(text) // 2, 0), len(line) - len(text))
        if start >= end:
            line[start : start + len(text)] = text
            end = start + len(text) + 1
    return "".join(line).rstrip()


def _date(mjd: float, short: bool) -> str:
    moment = _ORIGIN_OF_MJD + datetime.timedelta(days=mjd)
    return moment.strftime("%d %H:%M" if short else "%Y-%m-%d")


def _append_legend(shown: Any, chart: Chart, plain: bool) -> None:
    solid, hollow = (_PLAIN_SOLID, _PLAIN_HOLLOW) if plain else (_SOLID, _HOLLOW)
    every = [one for panel in chart.panels for series in panel.series if not series.joined for one in series.points]
    for label, look in labels(chart):
        shown.append(f"{' ' * _LEFT}{solid[look % len(solid)]}", style=_style(look))
        shown.append(f" {label}\n")
    for label, look in labels(chart, joined=True):
        shown.append(f"{' ' * _LEFT}{'.' if plain else '⠒'}", style=_style(look))
        shown.append(f" {label}\n")
    said = []
    if any(one.hollow for one in every):
        said.append(f"{hollow[0]} {hollow_means(chart)}")
    if any(one.limit for one in every):
        said.append(f"{'v' if plain else '↓'} upper limit (95 %)")
    if chart.marks_mean and any(panel.marks for panel in chart.panels):
        said.append(f": {chart.marks_mean}")
    if said:
        shown.append(f"{' ' * _LEFT}{', '.join(said)}\n", style="dim")


def nice_ticks(low: float, high: float, at_most: int) -> list[tuple[float, str]]:
    """At most so many round numbers between two, with their text."""
    if not high > low:
        return []
    rough = (high - low) / at_most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    first = math.ceil(low / step - 1e-9)
    found = []
    for number in range(first, math.floor(high / step + 1e-9) + 1):
        text = f"{number * step:.{decimals}f}"
        found.append((number * step, text if len(text) < _LEFT else f"{number * step:.4g}"))
    return found


def _style(look: int) -> str:
    return _COLOURS[look % len(_COLOURS)]


def _words(label: str) -> str:
    """A label without the marks of mathematics."""
    for mark, word in (("$\\chi$", "chi"), ("\n", " "), ("$", "")):
        label = label.replace(mark, word)
    return label
