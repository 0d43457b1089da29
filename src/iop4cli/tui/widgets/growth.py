"""Curves of growth of the frames of a result, as `iop4 plot growth` draws them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static
from textual_plot import HiResMode, PlotWidget

from iop4cli.export.plots.chart import labels, x_limits, y_limits
from iop4cli.tui.widgets.ticks import FewTicks

if TYPE_CHECKING:
    from iop4cli.export.plots.chart import Chart, Panel, Series

# By the number that a chart gives a look.
_COLOURS = ("primary", "warning", "success", "error", "secondary")
_DIM = "dim"


class Growth(Vertical):
    """Above the share of the light within a radius, below what stars differ; vertical lines are apertures in use."""

    DEFAULT_CSS = """
    Growth { height: 1fr; }
    Growth > Static { height: 1; color: $text-accent; text-style: bold; }
    Growth > #frames { color: $foreground; text-style: none; }
    Growth > PlotWidget { height: 1fr; }
    Growth > #share { height: 2fr; }
    Growth > PlotWidget > .plot--axis { color: $foreground-muted; }
    Growth > PlotWidget > .plot--tick { color: $foreground; text-style: none; }
    Growth > PlotWidget > .plot--label { color: $foreground; text-style: bold; }
    """

    def compose(self) -> ComposeResult:
        yield Static("reading…", id="said-growth", markup=False)
        yield Static("", id="frames", markup=False)
        yield PlotWidget(id="share")
        yield PlotWidget(id="scatter")

    def on_mount(self) -> None:
        for plot in self.query(PlotWidget):
            plot.margin_top, plot.margin_bottom, plot.margin_left = 1, 1, 8
            plot.set_y_formatter(FewTicks(4))
            plot.set_x_formatter(FewTicks(8))
        self.say("reading…")

    def say(self, text: str) -> None:
        """Instead of plots."""
        self.query_one("#said-growth", Static).update(text)
        for plot in self.query(PlotWidget):
            plot.display = False

    def show(self, chart: Chart) -> None:
        used = sorted({f"{radius:.2f}" for panel in chart.panels for radius, _ in panel.marks})
        in_use = f", in use {' to '.join(dict.fromkeys((used[0], used[-1])))}" if used else ""
        below = "below: star to star (%)" if len(chart.panels) > 1 else "stars do not differ beyond noise"
        self.say(f"light within a radius in FWHM (%){in_use}; {below}")
        named = [Content.styled(f"•{label} ", self._colour(look)) for label, look in labels(chart)]
        self.query_one("#frames", Static).update(Content("").join(named))
        for panel, name, title in zip(chart.panels, ("#share", "#scatter"), ("%", "differ %"), strict=False):
            plot = self.query_one(name, PlotWidget)
            plot.display = True
            plot.clear()
            plot.set_ylabel(title)
            plot.set_xlimits(*x_limits(chart))
            plot.set_ylimits(*y_limits(panel))
            self._draw(plot, panel, x_limits(chart))

    def _draw(self, plot: PlotWidget, panel: Panel, across: tuple[float, float]) -> None:
        if panel.level is not None:
            plot.plot([*across], [panel.level] * 2, line_style=_DIM, hires_mode=HiResMode.BRAILLE)
        for radius, look in panel.marks:
            plot.plot([radius] * 2, [*y_limits(panel)], line_style=self._colour(look), hires_mode=HiResMode.BRAILLE)
        for series in sorted(panel.series, key=lambda one: not one.joined):
            self._draw_series(plot, series)

    def _draw_series(self, plot: PlotWidget, series: Series) -> None:
        across, up = [one.x for one in series.points], [one.y for one in series.points]
        if not across:
            return
        if series.joined:
            plot.plot(across, up, line_style=self._colour(series.look), hires_mode=HiResMode.BRAILLE)
        else:
            errors = [one.y_err or 0.0 for one in series.points]
            plot.errorbar(across, up, yerr=errors, marker="•", marker_style=self._colour(series.look))

    def on_plot_widget_scale_changed(self, event: PlotWidget.ScaleChanged) -> None:
        """Zooming one in radius zooms both."""
        for plot in self.query(PlotWidget):
            if plot is not event.plot:
                plot.set_xlimits(event.x_min, event.x_max)

    def _colour(self, look: int) -> str:
        return self.app.theme_variables.get(_COLOURS[look % len(_COLOURS)], "white")
