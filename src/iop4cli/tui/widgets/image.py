"""A frame in half blocks or in the pixels of the terminal, with the circles of its apertures."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from rich.segment import Segment
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from iop4cli.tui.picture import STRETCHES
from iop4cli.tui.widgets.dots import Circle, Sight, raster_of

if TYPE_CHECKING:
    from textual.timer import Timer

    from iop4cli.tui.picture import Picture
    from iop4cli.tui.pixels import Canvas

_STEP = 2**0.5
_SMALLEST_SCALE, _LARGEST_SCALE = 1 / 8, 64.0
_BLINK_S = 0.6


class FrameImage(Widget, can_focus=True):
    """North is where the detector has it: x to the right, y up, as in DS9."""

    DEFAULT_CSS = "FrameImage { height: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("plus,equals_sign", "zoom(-1)", "Zoom in", key_display="+"),
        Binding("minus", "zoom(1)", "Zoom out", key_display="-"),
        Binding("left", "pan(-1, 0)", "Left", show=False),
        Binding("right", "pan(1, 0)", "Right", show=False),
        Binding("up", "pan(0, 1)", "Up", show=False),
        Binding("down", "pan(0, -1)", "Down", show=False),
        Binding("0", "fit", "Whole"),
        Binding("b", "blink", "Blink O/E"),
        Binding("a", "circles", "Apertures"),
        Binding("t", "stretch", "Stretch"),
    ]

    @dataclass
    class Moved(Message):
        """Another part of the image is seen."""

        image: FrameImage

    def __init__(self) -> None:
        super().__init__()
        self.picture: Picture | None = None
        self.circles: Sequence[Circle] = ()
        self.stretch = 0
        self.beams: tuple[str, ...] = ("O", "E")
        self.scale_px = 0.0
        self.centre_px = (0.0, 0.0)
        self._blinking: Timer | None = None
        self._lines: list[Strip] = []
        self._words = ""
        # Set where the terminal shows pixels: a widget that covers this one.
        self._canvas: Canvas | None = None

    def compose(self) -> ComposeResult:
        make = getattr(self.app, "make_canvas", None)
        if make is not None:
            self._canvas = make()
            yield self._canvas.widget

    def show(self, picture: Picture, circles: Sequence[Circle]) -> None:
        self.picture, self.circles, self._words = picture, circles, ""
        self.refresh_bindings()
        self.action_fit()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """No keys for circles where there are none."""
        return bool(self.circles) or action not in {"blink", "circles"}

    def on_resize(self) -> None:
        if self.picture is not None and self.scale_px == 0.0:
            self.action_fit()
        if self._words:
            self.say(self._words)
        self.redraw()

    def say(self, text: str) -> None:
        """Instead of an image."""
        self._words = text
        width = max(20, self.size.width - 2)
        if self._canvas is not None:
            self._canvas.widget.display = False
        self._lines = [Strip([Segment(f" {line}")]) for line in textwrap.wrap(text, width)]
        self.refresh()

    @property
    def described(self) -> str:
        """What is seen, in a line."""
        if self.picture is None:
            return "reading…"
        x, y = self.centre_px
        zoom = f"{self._sight().dot_px:.3g} px a dot"
        beam = f"beam {self.beams[0]}" if len(self.beams) == 1 else ""
        parts = (self.picture.file, self.picture.unit, f"at {x:.0f}, {y:.0f}", zoom, self.stretched, beam)
        return "  ·  ".join(filter(None, parts))

    @property
    def stretched(self) -> str:
        """The percentiles of the darkest and the brightest shade."""
        return "{:g} to {:g} %".format(*STRETCHES[self.stretch])

    def action_fit(self) -> None:
        if self.picture is None or self.size.width == 0:
            return
        width, height = self.picture.size_px
        across, down = self._sight().dots
        self.scale_px = max(width / self.size.width, height / self.size.height * across / down)
        self.centre_px = ((width - 1) / 2, (height - 1) / 2)
        self.redraw()

    def action_zoom(self, steps: int) -> None:
        self.scale_px = float(np.clip(self.scale_px * _STEP**steps, _SMALLEST_SCALE, _LARGEST_SCALE))
        self.redraw()

    def action_pan(self, right: int, up: int) -> None:
        """A quarter of what is seen."""
        if self.picture is None:
            return
        width, height = self.picture.size_px
        x = self.centre_px[0] + right * self.size.width * self.scale_px / 4
        sight = self._sight()
        y = self.centre_px[1] + up * sight.n_dots[1] * sight.dot_px / 4
        self.centre_px = (float(np.clip(x, 0, width - 1)), float(np.clip(y, 0, height - 1)))
        self.redraw()

    def action_stretch(self) -> None:
        self.stretch = (self.stretch + 1) % len(STRETCHES)
        self.redraw()

    def action_circles(self) -> None:
        self._stop_blinking()
        self.beams = () if self.beams else ("O", "E")
        self.redraw()

    def action_blink(self) -> None:
        """The places of one beam, then those of the other, in turn; again: both."""
        if self._blinking is not None:
            self._stop_blinking()
            self.beams = ("O", "E")
        elif {circle.beam for circle in self.circles} == {"O", "E"}:
            self.beams = ("O",)
            self._blinking = self.set_interval(_BLINK_S, self._blink)
        else:
            self.notify("this frame has apertures of one beam only")
        self.redraw()

    def _stop_blinking(self) -> None:
        if self._blinking is not None:
            self._blinking.stop()
            self._blinking = None

    def _blink(self) -> None:
        self.beams = ("E",) if self.beams == ("O",) else ("O",)
        self.redraw()

    # Drawing.

    def render_line(self, y: int) -> Strip:
        return self._lines[y] if y < len(self._lines) else Strip.blank(self.size.width)

    @property
    def _canvas_in_use(self) -> Canvas | None:
        """None for half blocks, which any size can be drawn with."""
        canvas = self._canvas
        return None if canvas is None or max(self.size) > canvas.n_most_cells else canvas

    def _sight(self) -> Sight:
        # Half a cell is about square.
        dots = (1, 2) if self._canvas_in_use is None else self._canvas_in_use.cell_px
        return Sight(self.centre_px, self.scale_px, self.size.width, self.size.height, dots)

    def redraw(self) -> None:
        """After a change of what is seen."""
        width, height = self.size
        if self.picture is None or not width or not height or not self.scale_px:
            return
        circles = [circle if self._is_named(circle) else replace(circle, name="") for circle in self._circles_seen()]
        sight, canvas = self._sight(), self._canvas_in_use
        if self._canvas is not None:
            self._canvas.widget.display = canvas is not None
        if canvas is not None:
            canvas.draw(raster_of(self.picture, sight, self.stretch, circles, thick=2))
        else:
            self._lines = raster_of(self.picture, sight, self.stretch, circles).strips()
            self.refresh()
        self.post_message(self.Moved(self))

    def _circles_seen(self) -> list[Circle]:
        return [circle for circle in self.circles if circle.beam in self.beams]

    def _is_named(self, circle: Circle) -> bool:
        """The name stands once where both beams are seen."""
        return circle.beam == "O" or self.beams == ("E",)
