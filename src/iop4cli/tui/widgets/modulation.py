"""The exposures of a polarimetric result against the analyser's angle, the fit, and what it leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static
from textual_plot import HiResMode, PlotWidget

from iop4cli.tui.widgets.ticks import FewTicks

Rows = Sequence[Mapping[str, Any]]


class Modulation(Vertical):
    """Two plots in percent with one axis of angles; exposures that were not used are crosses."""

    DEFAULT_CSS = """
    Modulation { height: 1fr; }
    Modulation > Static { height: 1; color: $text-accent; text-style: bold; }
    Modulation > PlotWidget { height: 2fr; }
    Modulation > #fit { height: 3fr; }
    Modulation > PlotWidget > .plot--axis { color: $foreground-muted; }
    Modulation > PlotWidget > .plot--tick { color: $foreground; text-style: none; }
    Modulation > PlotWidget > .plot--label { color: $foreground; text-style: bold; }
    """

    def compose(self) -> ComposeResult:
        yield Static("reading…", markup=False)
        yield PlotWidget(id="fit")
        yield PlotWidget(id="residual")

    def on_mount(self) -> None:
        for plot, label, below, ticks in (("#fit", "%", 0, 4), ("#residual", "rest", 1, 3)):
            widget = self.query_one(plot, PlotWidget)
            widget.margin_top, widget.margin_bottom, widget.margin_left = 1, below, 8
            widget.set_ylabel(label)
            widget.set_y_formatter(FewTicks(ticks))
            widget.set_x_formatter(FewTicks(8))
        self.query_one("#fit", PlotWidget).set_xticks([])

    def say(self, text: str) -> None:
        """Instead of plots."""
        self.query_one(Static).update(text)

    def show(self, rows: Rows, curve: Rows, quantity: str) -> None:
        self.say(f"{quantity} in % against the analyser's angle in degrees; below: residuals")
        angles = [row["angle_deg"] for row in curve]
        limits = min(angles), max(angles)
        fit, residual = self.query_one("#fit", PlotWidget), self.query_one("#residual", PlotWidget)
        for plot, column in ((fit, "modulation_percent"), (residual, "residual_percent")):
            plot.clear()
            plot.set_xlimits(*limits)
            plot.set_ylimits(*_limits(rows, column, [row["fit_percent"] for row in curve] if plot is fit else ()))
        fit.plot(
            angles, [row["fit_percent"] for row in curve], line_style=self._colour("accent"),
            hires_mode=HiResMode.BRAILLE,
        )  # fmt: skip
        residual.plot([*limits], [0.0, 0.0], line_style=self._colour("accent"), hires_mode=HiResMode.BRAILLE)
        for plot, column in ((fit, "modulation_percent"), (residual, "residual_percent")):
            for used, marker in ((True, "•"), (False, "x")):
                known = [row for row in rows if row["used"] is used and row[column] is not None]
                if known:
                    plot.errorbar(
                        [row["angle_deg"] for row in known], [row[column] for row in known],
                        yerr=[row["modulation_err_percent"] or 0.0 for row in known], marker=marker,
                        marker_style=self._colour("primary" if used else "error"),
                    )  # fmt: skip

    def _colour(self, name: str) -> str:
        return self.app.theme_variables.get(name, "white")


def _limits(rows: Rows, column: str, curve_percent: Sequence[float]) -> tuple[float, float]:
    known = [(row[column], row["modulation_err_percent"] or 0.0) for row in rows if row[column] is not None]
    known += [(value, 0.0) for value in curve_percent]
    low = min((value - error for value, error in known), default=-1.0)
    high = max((value + error for value, error in known), default=1.0)
    pad = 0.1 * (high - low) or 0.1
    return low - pad, high + pad
