"""A plot in which the mouse points at things: a click, and a box drawn with Ctrl or when one was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual_plot import PlotWidget
from textual_plot.plot_widget import Canvas

if TYPE_CHECKING:
    from textual import events
    from textual.app import RenderResult
    from textual.geometry import Offset

# A cell is about twice as high as wide.
_CELL_SHAPE = 2.0


class PointPlot(PlotWidget, inherit_bindings=False):
    """Drags pan, as in every plot, unless they draw a box."""

    # The line of keys has no room for those of every plot; the help names them.
    BINDINGS: ClassVar[list[BindingType]] = [
        replace(one if isinstance(one, Binding) else Binding(*one), show=False, group=None)
        for one in PlotWidget.BINDINGS
    ]

    @dataclass
    class Clicked(Message):
        """A cell of the canvas was clicked at."""

        plot: PointPlot
        cell: tuple[int, int]

    @dataclass
    class Boxed(Message):
        """A box is drawn, of times and of values as they are plotted; its cells are wholly within."""

        plot: PointPlot
        times: tuple[float, float]
        values: tuple[float, float]

    @dataclass
    class ScalesReset(Message):
        """The person wants to see all again."""

        plot: PointPlot

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        # The next drag draws a box.
        self.box_wanted = False
        self._pressed: tuple[int, int] | None = None
        self._boxing = False

    def render(self) -> RenderResult:
        # Half of the time of a plot goes into telling the canvas after each cell that it has changed.
        with self.query_one("#plot", Canvas).batch_refresh():
            return super().render()

    def action_reset_scales(self) -> None:
        self.post_message(self.ScalesReset(self))

    def nearest(self, cell: tuple[int, int], places: Sequence[tuple[float, float]]) -> int:
        """The number of the place, as plotted, that is seen nearest to a cell."""

        def away(number: int) -> float:
            x, y = self.get_pixel_from_coordinate(*places[number])
            return (x - cell[0]) ** 2 + (_CELL_SHAPE * (y - cell[1])) ** 2

        return min(range(len(places)), key=away)

    def _cell(self, place: Offset) -> tuple[int, int]:
        found = place - self.query_one("#plot", Canvas).region.offset
        return found.x, found.y

    def on_mouse_down(self, event: events.MouseDown) -> None:
        if event.button != 1:
            return
        self._pressed = self._cell(event.screen_offset)
        if event.ctrl or self.box_wanted:
            self._boxing = True
            self.capture_mouse()
            event.stop()
            event.prevent_default()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._boxing and self._pressed is not None:
            self._tell_box(self._pressed, self._cell(event.screen_offset))
            event.stop()
            event.prevent_default()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        pressed, self._pressed = self._pressed, None
        here = self._cell(event.screen_offset)
        if self._boxing:
            self._boxing = False
            self.release_mouse()
            if pressed is not None and pressed != here:
                self._tell_box(pressed, here)
            event.stop()
            event.prevent_default()
        elif pressed == here:
            self.post_message(self.Clicked(self, here))

    def _tell_box(self, one: tuple[int, int], other: tuple[int, int]) -> None:
        left, right = sorted((one[0], other[0]))
        upper, lower = sorted((one[1], other[1]))
        first, _ = self._corner(left, upper)
        last, low = self._corner(right + 1, lower + 1)
        _, high = self._corner(left, upper)
        self.post_message(self.Boxed(self, (first, last), (low, high)))

    def _corner(self, x: int, y: int) -> tuple[float, float]:
        """What is plotted at the upper left corner of a cell."""
        this, before = self.get_coordinate_from_pixel(x, y), self.get_coordinate_from_pixel(x - 1, y - 1)
        return (this[0] + before[0]) / 2.0, (this[1] + before[1]) / 2.0
