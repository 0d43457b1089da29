"""Numbers of things of one kind against their nights, one above the other."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static
from textual_plot import PlotWidget

from iop4cli.tui.widgets.ticks import FewTicks

Row = Mapping[str, Any]
THIS, REJECTED = "this", "rejected"
_MJD_ZERO = datetime.date(1858, 11, 17)
_NARROW = 100
# What a label needs of the axis, so that the next one does not lie on it.
_LABEL_SHARE = 0.16
# Marker and colour of each standing; what is in sight lies on top, so this one comes last.
_LOOKS = {
    "accepted": ("•", "primary"), "instrument file": ("○", "primary"), "proposed": ("+", "warning"),
    REJECTED: ("x", "error"), THIS: ("◆", "accent"), f"{THIS}, {REJECTED}": ("X", "accent"),
}  # fmt: skip


@dataclass(frozen=True)
class Trended:
    """A column of the rows, that of its error (or none), its title, and whether it counts something."""

    column: str
    error: str
    title: str
    whole: bool = False


def mjd_of(night: datetime.date | str) -> float:
    """0 h of the date of a night, which may be in ISO format."""
    day = datetime.date.fromisoformat(night) if isinstance(night, str) else night
    return float((day - _MJD_ZERO).days)


class WholeTicks(FewTicks):
    """No parts of what is counted."""

    def get_ticks(self, min_: float, max_: float, max_ticks: int = 8) -> list[float]:
        ticks = {float(round(tick)) for tick in super().get_ticks(min_, max_, max_ticks)}
        return sorted(tick for tick in ticks if min_ <= tick <= max_)

    def get_labels_for_ticks(self, ticks: Sequence[float]) -> list[str]:
        return [f"{tick:.0f}" for tick in ticks]


class NightTicks(FewTicks):
    """Whole days as dates; the place of what has no date is called always."""

    def __init__(self, n_ticks: int) -> None:
        super().__init__(n_ticks)
        self.always: float | None = None

    def get_ticks(self, min_: float, max_: float, max_ticks: int = 8) -> list[float]:
        dated = min_ if self.always is None else max(min_, self.always + _LABEL_SHARE * (max_ - min_))
        ticks = {float(round(tick)) for tick in super().get_ticks(dated, max_, self.n_ticks)} if dated < max_ else set()
        seen = sorted(tick for tick in ticks if dated <= tick <= max_)
        seen = seen or ([float(round((dated + max_) / 2))] if self.always is None else [])
        return [self.always, *seen] if self.always is not None and min_ <= self.always <= max_ else seen

    def get_labels_for_ticks(self, ticks: Sequence[float]) -> list[str]:
        return ["always" if tick == self.always else _date(tick) for tick in ticks]


def _date(mjd: float) -> str:
    try:
        return (_MJD_ZERO + datetime.timedelta(days=round(mjd))).isoformat()
    except OverflowError:
        return ""


class Trend(Vertical):
    """A plot for each quantity over one axis of nights.

    Rows have `mjd_utc` (None: always), `standing` (one of accepted, instrument file, proposed, rejected), `is_this`
    and the quantities. Those that are rejected do not set the scale.
    """

    DEFAULT_CSS = """
    Trend { height: 1fr; background: $background; }
    Trend > Static { height: auto; max-height: 2; color: $text-accent; text-style: bold; }
    Trend > PlotWidget { height: 1fr; }
    Trend > PlotWidget > .plot--axis { color: $foreground-muted; }
    Trend > PlotWidget:focus > .plot--axis { color: $primary; }
    Trend > PlotWidget > .plot--tick { color: $foreground; text-style: none; }
    Trend > PlotWidget > .plot--label { color: $foreground; text-style: bold; }
    """

    def __init__(self, quantities: Sequence[Trended]) -> None:
        super().__init__()
        self.quantities = tuple(quantities)
        self._ticks = NightTicks(4)
        self._shown: Sequence[Row] = ()

    def compose(self) -> ComposeResult:
        yield Static("reading…", markup=False)
        for quantity in self.quantities:
            yield PlotWidget(id=f"trend-{quantity.column}")

    def on_mount(self) -> None:
        for quantity, plot in zip(self.quantities, self.query(PlotWidget), strict=True):
            last = quantity is self.quantities[-1]
            plot.margin_top, plot.margin_bottom, plot.margin_left = 1, 1 if last else 0, 9
            plot.set_ylabel(quantity.title)
            plot.set_y_formatter(WholeTicks(3) if quantity.whole else FewTicks(3))
            plot.set_x_formatter(self._ticks)
            if not last:
                plot.set_xticks([])

    def on_resize(self) -> None:
        self._ticks.n_ticks = 4 if self.size.width < _NARROW else 8

    def say(self, text: str) -> None:
        """Instead of plots, or above them."""
        self.query_one(Static).update(text)

    def show(self, rows: Sequence[Row], title: str) -> None:
        if rows == self._shown:
            # What a person has zoomed to stays.
            return
        self._shown = rows
        dated = [row["mjd_utc"] for row in rows if row["mjd_utc"] is not None]
        first, last = min(dated, default=0.0), max(dated, default=0.0)
        pad = max(0.06 * (last - first), 1.0)
        undated = len(dated) < len(rows)
        self._ticks.always = first - (2 * pad if dated else 0.0) if undated else None
        left = first if self._ticks.always is None else self._ticks.always
        outside = 0
        for quantity, plot in zip(self.quantities, self.query(PlotWidget), strict=True):
            plot.clear()
            plot.set_xlimits(left - pad, last + pad)
            outside = max(outside, self._show_one(plot, quantity, rows))
        parts = [title, *self._legend(rows), f"{outside} beyond the scale" if outside else ""]
        self.say("  ·  ".join(filter(None, parts)))

    def _legend(self, rows: Sequence[Row]) -> list[str]:
        seen = {_kind(row) for row in rows}
        return [f"{marker} {name}" for name, (marker, _) in _LOOKS.items() if name in seen]

    def _show_one(self, plot: PlotWidget, quantity: Trended, rows: Sequence[Row]) -> int:
        """Returns how many are beyond the scale."""
        known = [row for row in rows if row[quantity.column] is not None]
        if not known:
            plot.set_ylimits(0.0, 1.0)
            plot.set_yticks([])
            return 0
        plot.set_yticks(None)
        setting = [row for row in known if row["standing"] != REJECTED or row["is_this"]] or known
        low, high = _span(setting, quantity)
        plot.set_ylimits(low, high)
        for kind, (marker, colour) in _LOOKS.items():
            chosen = [row for row in known if _kind(row) == kind]
            if chosen:
                plot.errorbar(
                    [self._place(row) for row in chosen],
                    [row[quantity.column] for row in chosen], yerr=[_error(row, quantity) for row in chosen],
                    marker=marker, marker_style=self.app.theme_variables.get(colour, "white"),
                )  # fmt: skip
        return sum(not low <= row[quantity.column] <= high for row in known)

    def _place(self, row: Row) -> float:
        return float(self._ticks.always or 0.0) if row["mjd_utc"] is None else float(row["mjd_utc"])

    def on_plot_widget_scale_changed(self, event: PlotWidget.ScaleChanged) -> None:
        """Zooming one in time zooms all."""
        for plot in self.query(PlotWidget):
            if plot is not event.plot:
                plot.set_xlimits(event.x_min, event.x_max)


def _kind(row: Row) -> str:
    if row["is_this"]:
        return f"{THIS}, {REJECTED}" if row["standing"] == REJECTED else THIS
    return str(row["standing"])


def _error(row: Row, quantity: Trended) -> float:
    return float(row[quantity.error] or 0.0) if quantity.error else 0.0


def _span(rows: Sequence[Row], quantity: Trended) -> tuple[float, float]:
    low = min(row[quantity.column] - _error(row, quantity) for row in rows)
    high = max(row[quantity.column] + _error(row, quantity) for row in rows)
    pad = 1.0 if quantity.whole else 0.08 * (high - low) or max(0.05 * abs(high), 1e-6)
    return low - pad, high + pad
