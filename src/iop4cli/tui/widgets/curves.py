"""Magnitude, polarisation and angle of a source against time, one above the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static
from textual_plot import NumericAxisFormatter, PlotWidget

if TYPE_CHECKING:
    from iop4cli.archive.curves import Curve


@dataclass(frozen=True)
class Quantity:
    """What is plotted: columns of value and error, a factor (-1: bright is up), a title."""

    column: str
    error: str
    factor: float
    title: str


QUANTITIES = (
    Quantity("mag", "mag_err", -1.0, "mag"),
    Quantity("p", "p_err", 100.0, "p %"),
    Quantity("chi_deg", "chi_err_deg", 1.0, "chi °"),
)


class FewTicks(NumericAxisFormatter):
    """Ticks for small plots; `upside_down` for magnitudes, which are plotted negative."""

    def __init__(self, n_ticks: int, *, upside_down: bool = False) -> None:
        self.n_ticks, self.upside_down = n_ticks, upside_down

    def get_ticks(self, min_: float, max_: float, max_ticks: int = 8) -> list[float]:
        ticks = super().get_ticks(min_, max_, self.n_ticks)
        return ticks[:: 1 + (len(ticks) - 1) // self.n_ticks]

    def get_labels_for_ticks(self, ticks: Sequence[float]) -> list[str]:
        labels = [_without_minus_zero(label) for label in super().get_labels_for_ticks(ticks)]
        if not self.upside_down:
            return labels
        return [label[1:] if label.startswith("-") else _without_minus_zero(f"-{label}") for label in labels]


def _without_minus_zero(label: str) -> str:
    return label.removeprefix("-") if not label.strip("-0.") else label


class Curves(Vertical):
    """Three plots with one axis of time; the result of the table's cursor is a diamond, flagged ones are crosses."""

    DEFAULT_CSS = """
    Curves { background: $background; }
    Curves > Static { height: 1; color: $text-accent; text-style: bold; }
    Curves > PlotWidget { height: 1fr; }
    Curves > PlotWidget > .plot--axis { color: $foreground-muted; }
    Curves > PlotWidget:focus > .plot--axis { color: $primary; }
    Curves > PlotWidget > .plot--tick { color: $foreground; text-style: none; }
    Curves > PlotWidget > .plot--label { color: $foreground; text-style: bold; }
    """
    N_MOST: ClassVar[int] = 400

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._curve: Curve | None = None
        self._row_id = ""

    def compose(self) -> ComposeResult:
        yield Static("", markup=False)
        for quantity in QUANTITIES:
            yield PlotWidget(id=f"plot-{quantity.column}")

    def on_mount(self) -> None:
        for quantity, plot in zip(QUANTITIES, self.query(PlotWidget), strict=True):
            last = quantity is QUANTITIES[-1]
            plot.margin_top, plot.margin_bottom, plot.margin_left = 1, 1 if last else 0, 8
            plot.set_ylabel(quantity.title)
            plot.set_y_formatter(FewTicks(4, upside_down=quantity.factor < 0))
            plot.set_x_formatter(FewTicks(5))
            if not last:
                plot.set_xticks([])

    def holds(self, source: str, band: str, row_id: str) -> bool:
        """Whether the curve that is shown has this result."""
        curve = self._curve
        return (
            curve is not None
            and (curve.source, curve.band) == (source, band)
            and any(row["id"] == row_id for row in curve.rows)
        )

    def forget(self) -> None:
        """The store has changed: ask anew."""
        self._curve = None

    def mark(self, row_id: str) -> None:
        """Which result the cursor of the table is on."""
        if row_id != self._row_id:
            self._row_id = row_id
            self._draw()

    def show(self, curve: Curve, row_id: str) -> None:
        self._curve, self._row_id = curve, row_id
        part = f"{len(curve.rows)} nearest of {curve.total:,}" if len(curve.rows) < curve.total else f"{curve.total:,}"
        self.query_one(Static).update(f"{curve.source} in {curve.band}, {part} against MJD")
        self._draw()

    def _draw(self) -> None:
        curve = self._curve
        if curve is None:
            return
        times = [row["mjd_utc"] for row in curve.rows]
        first, last = min(times, default=0.0), max(times, default=1.0)
        pad = 0.03 * (last - first) or 0.05
        for quantity, plot in zip(QUANTITIES, self.query(PlotWidget), strict=True):
            plot.clear()
            plot.set_xlimits(first - pad, last + pad)
            self._draw_one(plot, quantity, curve.rows)

    def _colour(self, name: str) -> str:
        return self.app.theme_variables.get(name, "white")

    def _draw_one(self, plot: PlotWidget, quantity: Quantity, rows: Sequence[dict[str, Any]]) -> None:
        known = [row for row in rows if row[quantity.column] is not None]
        if not known:
            plot.set_ylimits(0.0, 1.0)
            plot.set_yticks([])
            return
        plot.set_yticks(None)
        values = [quantity.factor * row[quantity.column] for row in known]
        errors = [abs(quantity.factor) * (row[quantity.error] or 0.0) for row in known]
        low = min(value - error for value, error in zip(values, errors, strict=True))
        high = max(value + error for value, error in zip(values, errors, strict=True))
        pad = 0.08 * (high - low) or 0.01
        plot.set_ylimits(low - pad, high + pad)
        kinds = [1 if row["flagged"] else 2 if row["id"] == self._row_id else 0 for row in known]
        for kind, (marker, colour) in enumerate((("•", "primary"), ("x", "error"), ("◆", "accent"))):
            chosen = [number for number, one in enumerate(kinds) if one == kind]
            if chosen:
                plot.errorbar(
                    [known[number]["mjd_utc"] for number in chosen], [values[number] for number in chosen],
                    yerr=[errors[number] for number in chosen], marker=marker,
                    marker_style=self._colour(colour),
                )  # fmt: skip

    def on_plot_widget_scale_changed(self, event: PlotWidget.ScaleChanged) -> None:
        """Zooming one in time zooms all."""
        for plot in self.query(PlotWidget):
            if plot is not event.plot:
                plot.set_xlimits(event.x_min, event.x_max)
