"""Magnitude, polarisation and angle of a source against time, one above the other, and pointing at what is there."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Static
from textual_plot import PlotWidget

from iop4cli.tui.points import QUANTITIES, Box, Quantity, counted, shown
from iop4cli.tui.widgets.curve_drawing import Limits, Scene, draw_quantity
from iop4cli.tui.widgets.point_plot import PointPlot
from iop4cli.tui.widgets.ticks import FewTicks

if TYPE_CHECKING:
    from iop4cli.archive.curves import Curve
    from iop4cli.archive.pages import Row

_MANY = 20


class Curves(Vertical):
    """Three plots with one axis of time; the current result is a diamond, marked ones squares, flagged ones crosses."""

    DEFAULT_CSS = """
    Curves { background: $background; }
    Curves > Static { height: 1; color: $text-accent; text-style: bold; }
    Curves > PlotWidget { height: 1fr; }
    Curves > PlotWidget > .plot--axis { color: $foreground-muted; }
    Curves > PlotWidget:focus > .plot--axis { color: $primary; }
    Curves > PlotWidget > .plot--tick { color: $foreground; text-style: none; }
    Curves > PlotWidget > .plot--label { color: $foreground; text-style: bold; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("comma,h", "step(-1)", "Point before", show=False),
        Binding("full_stop,l", "step(1)", "Step", key_display=", ."),
        Binding("pageup", f"step(-{_MANY})", "Many points back", show=False),
        Binding("pagedown", f"step({_MANY})", "Many points on", show=False),
        Binding("home", "step_to_end(-1)", "First point shown", show=False),
        Binding("end", "step_to_end(1)", "Last point shown", show=False),
        Binding("space", "mark", "Mark the point", show=False),
        Binding("b", "box", "Box"),
        Binding("w", "whole", "All times, or the nearest results", show=False),
        Binding("enter", "take", "Open the result, or mark what is in the box", show=False),
    ]
    N_MOST: ClassVar[int] = 400

    @dataclass
    class Moved(Message):
        """A person has put the cursor on another point, or the box changed."""

        row: Row | None

    @dataclass
    class MarksChanged(Message):
        """A person has marked points, or taken marks back."""

    @dataclass
    class Opened(Message):
        """Enter on a point."""

        row: Row

    @dataclass
    class OthersWanted(Message):
        """The results about a moment, which are not here; the cursor goes on there by so many points."""

        curve: Curve
        mjd_utc: float
        by: int

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.curve: Curve | None = None
        self._stale = False
        self.row_id = ""
        # By id; the table's own, so that there is one set of marks.
        self.marked: dict[str, Row] = {}
        self.box: Box | None = None
        self._anchor_mjd: float | None = None
        self._mjd_utc = 0.0
        self._whole = False
        # What a person has zoomed to: of time, and of each quantity's values.
        self._times: Limits | None = None
        self._values: dict[str, Limits] = {}

    def compose(self) -> ComposeResult:
        yield Static("", markup=False)
        for quantity in QUANTITIES:
            yield PointPlot(id=f"plot-{quantity.column}")

    def on_mount(self) -> None:
        for quantity, plot in self._plots():
            last = quantity is QUANTITIES[-1]
            plot.margin_top, plot.margin_bottom, plot.margin_left = 1, 1 if last else 0, 8
            plot.set_ylabel(quantity.title)
            plot.set_y_formatter(FewTicks(4, upside_down=quantity.factor < 0))
            plot.set_x_formatter(FewTicks(5))
            if not last:
                plot.set_xticks([])

    def _plots(self) -> zip[tuple[Quantity, PointPlot]]:
        return zip(QUANTITIES, self.query(PointPlot), strict=True)

    def holds(self, source: str, band: str | None, mjd_utc: float) -> bool:
        """Whether the curve that is shown has the results of a source of this moment singly."""
        curve = self.curve
        if curve is None or self._stale or (curve.source, curve.band) != (source, band):
            return False
        complete = len(curve.rows) == curve.total
        return complete or (bool(curve.rows) and curve.rows[0]["mjd_utc"] <= mjd_utc <= curve.rows[-1]["mjd_utc"])

    def forget(self) -> None:
        """The store has changed: what is shown stays until it is asked for anew."""
        self._stale = True

    @property
    def row(self) -> Row | None:
        """The point of the cursor; None where the result has no value to plot."""
        rows = self.curve.rows if self.curve else []
        return next((row for row in rows if row["id"] == self.row_id), None)

    def point_at(self, row_id: str, mjd_utc: float) -> None:
        """Which result is the current one."""
        if row_id != self.row_id:
            self.row_id, self._mjd_utc = row_id, mjd_utc
            self._into_sight()
            self.draw()

    def show(self, curve: Curve, row_id: str, mjd_utc: float) -> None:
        before, self.curve, self._stale = self.curve, curve, False
        self.row_id, self._mjd_utc = row_id, mjd_utc
        if before is None or (before.source, before.band) != (curve.source, curve.band):
            self._whole, self._times = False, None
            self._values.clear()
            self._set_box(None)
        self._into_sight()
        self.draw()

    def draw(self) -> None:
        curve = self.curve
        if curve is None:
            return
        colours = self.app.theme_variables
        scene = Scene(curve, self.row_id, self._mjd_utc, self.marked, self.box, self._whole, colours)
        times = self._times or scene.times()
        for quantity, plot in self._plots():
            draw_quantity(plot, quantity, scene, times, self._values.get(quantity.column))
        self.query_one(Static).update(self._caption(curve), layout=False)

    def _caption(self, curve: Curve) -> str:
        if self.box is not None:
            return f"box of {counted(len(self.boxed), 'point')}: Enter marks, Esc leaves"
        return shown(curve, len(self.marked), whole=self._whole)

    def _into_sight(self) -> None:
        """Move a zoomed plot to the cursor, if that is beside it."""
        if self._times is not None and not self._times[0] <= self._mjd_utc <= self._times[1]:
            half = (self._times[1] - self._times[0]) / 2.0
            self._times = self._mjd_utc - half, self._mjd_utc + half

    # Keys.

    def action_step(self, by: int) -> None:
        curve = self.curve
        if curve is None or not curve.rows:
            return
        times = [row["mjd_utc"] for row in curve.rows]
        start = next((number for number, row in enumerate(curve.rows) if row["id"] == self.row_id), None)
        if start is None:
            start = bisect_right(times, self._mjd_utc) - 1 if by > 0 else bisect_left(times, self._mjd_utc)
        last = len(times) - 1
        if start < last if by > 0 else start > 0:
            self._place(curve.rows[max(0, min(start + by, last))])
        elif curve.later if by > 0 else curve.earlier:
            self._want_others(curve, times[last if by > 0 else 0], by)

    def _want_others(self, curve: Curve, mjd_utc: float, by: int) -> None:
        if self.box is None:
            self.post_message(self.OthersWanted(curve, mjd_utc, by))
        else:
            self.notify("a box ends where results are shown singly: take it (Enter), and go on")

    def go_on(self, mjd_utc: float, by: int) -> None:
        """When the results are here that were wanted."""
        if by:
            self.action_step(by)
        elif self.curve is not None and self.curve.rows:
            self._place(min(self.curve.rows, key=lambda row: abs(row["mjd_utc"] - mjd_utc)))

    def action_step_to_end(self, side: int) -> None:
        if self.curve is not None and self.curve.rows:
            self._place(self.curve.rows[-1 if side > 0 else 0])

    def _place(self, row: Row) -> None:
        if self._anchor_mjd is not None:
            self.box = Box((self._anchor_mjd, row["mjd_utc"]))
        self.row_id, self._mjd_utc = row["id"], row["mjd_utc"]
        self._into_sight()
        self._changed()

    def _changed(self) -> None:
        self.draw()
        self.post_message(self.Moved(self.row))

    def action_mark(self) -> None:
        row = self.row
        if row is not None:
            if self.marked.pop(row["id"], None) is None:
                self.marked[row["id"]] = row
            self.post_message(self.MarksChanged())
            self._changed()

    def action_box(self) -> None:
        if self.box is not None:
            self.take_box()
        elif self.row is not None:
            self._set_box(Box((self._mjd_utc, self._mjd_utc)), self._mjd_utc)
            self._changed()

    def action_take(self) -> None:
        if self.box is not None:
            self.take_box()
        elif self.row is not None:
            self.post_message(self.Opened(self.row))

    def take_box(self) -> bool:
        """Mark what is in the box, if there is one; False if nothing is in it."""
        if self.box is None:
            return True
        rows = self.boxed
        self.marked.update((row["id"], row) for row in rows)
        self.post_message(self.MarksChanged())
        self.leave_box()
        if not rows:
            self.notify("there was no point in the box")
        return bool(rows)

    @property
    def boxed(self) -> list[Row]:
        """The points within the box."""
        return [row for row in self.curve.rows if self.box.holds(row)] if self.curve and self.box else []

    def leave_box(self) -> None:
        self._set_box(None)
        self._changed()

    def _set_box(self, box: Box | None, anchor_mjd: float | None = None) -> None:
        """With an anchor the box goes from there to the cursor."""
        self.box, self._anchor_mjd = box, anchor_mjd
        for plot in self.query(PointPlot):
            plot.box_wanted = box is not None

    def action_whole(self) -> None:
        self._whole = not self._whole
        self.on_point_plot_scales_reset()

    # The mouse.

    def _quantity_of(self, plot: PlotWidget) -> Quantity:
        return next(quantity for quantity, one in self._plots() if one is plot)

    def on_point_plot_clicked(self, event: PointPlot.Clicked) -> None:
        quantity, curve = self._quantity_of(event.plot), self.curve
        if curve is None or not curve.rows:
            return
        mjd_utc, _ = event.plot.get_coordinate_from_pixel(*event.cell)
        first, last = (event.plot.get_pixel_from_coordinate(curve.rows[n]["mjd_utc"], 0.0)[0] for n in (0, -1))
        if (event.cell[0] < first and curve.earlier) or (event.cell[0] > last and curve.later):
            self._want_others(curve, mjd_utc, 0)
            return
        known = [(row, value) for row in curve.rows if (value := quantity.drawn(row)) is not None]
        if known:
            places = [(row["mjd_utc"], value) for row, value in known]
            self._place(known[event.plot.nearest(event.cell, places)][0])

    def on_point_plot_boxed(self, event: PointPlot.Boxed) -> None:
        self._set_box(Box(event.times, self._quantity_of(event.plot), event.values))
        self._changed()

    def on_point_plot_scales_reset(self) -> None:
        self._times = None
        self._values.clear()
        self.draw()

    def on_plot_widget_scale_changed(self, event: PlotWidget.ScaleChanged) -> None:
        """Zooming one in time zooms all."""
        self._times = event.x_min, event.x_max
        self._values[self._quantity_of(event.plot).column] = event.y_min, event.y_max
        for plot in self.query(PointPlot):
            if plot is not event.plot:
                plot.set_xlimits(event.x_min, event.x_max)
