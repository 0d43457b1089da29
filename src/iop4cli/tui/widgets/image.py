"""A frame in half blocks, with the circles of its apertures."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from iop4cli.tui.picture import SHADES, STRETCHES

if TYPE_CHECKING:
    from textual.timer import Timer

    from iop4cli.tui.picture import Picture

_UPPER_HALF = "▀"
_STEP = 2**0.5
_SMALLEST_SCALE, _LARGEST_SCALE = 1 / 8, 64.0
_BLINK_S = 0.6
_SMALLEST_RADIUS_DOTS = 2.0
BEAM_COLOURS = {"O": (80, 220, 100), "E": (255, 140, 60)}
_OUTSIDE = (40, 40, 60)


@dataclass(frozen=True)
class Circle:
    """An aperture on the image, in pixels that count from 0 at the middle of the first."""

    x_px: float
    y_px: float
    radius_px: float
    name: str
    beam: str


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

    def show(self, picture: Picture, circles: Sequence[Circle]) -> None:
        self.picture, self.circles = picture, circles
        self.action_fit()

    def on_resize(self) -> None:
        if self.picture is not None and self.scale_px == 0.0:
            self.action_fit()
        self._draw()

    def say(self, text: str) -> None:
        """Instead of an image."""
        width = max(20, self.size.width - 2)
        self._lines = [Strip([Segment(f" {line}")]) for line in textwrap.wrap(text, width)]
        self.refresh()

    @property
    def described(self) -> str:
        """What is seen, in a line."""
        if self.picture is None:
            return "reading…"
        x, y = self.centre_px
        zoom = f"{self.scale_px:.3g} px a dot"
        stretch = "{:g} to {:g} %".format(*STRETCHES[self.stretch])
        beams = f"  ·  beam {self.beams[0]}" if len(self.beams) == 1 else ""
        return f"{self.picture.file}  ·  {self.picture.unit}  ·  at {x:.0f}, {y:.0f}  ·  {zoom}  ·  {stretch}{beams}"

    def action_fit(self) -> None:
        if self.picture is None or self.size.width == 0:
            return
        width, height = self.picture.size_px
        self.scale_px = max(width / self.size.width, height / (2 * self.size.height))
        self.centre_px = ((width - 1) / 2, (height - 1) / 2)
        self._draw()

    def action_zoom(self, steps: int) -> None:
        self.scale_px = float(np.clip(self.scale_px * _STEP**steps, _SMALLEST_SCALE, _LARGEST_SCALE))
        self._draw()

    def action_pan(self, right: int, up: int) -> None:
        """A quarter of what is seen."""
        if self.picture is None:
            return
        width, height = self.picture.size_px
        x = self.centre_px[0] + right * self.size.width * self.scale_px / 4
        y = self.centre_px[1] + up * 2 * self.size.height * self.scale_px / 4
        self.centre_px = (float(np.clip(x, 0, width - 1)), float(np.clip(y, 0, height - 1)))
        self._draw()

    def action_stretch(self) -> None:
        self.stretch = (self.stretch + 1) % len(STRETCHES)
        self._draw()

    def action_circles(self) -> None:
        self._stop_blinking()
        self.beams = () if self.beams else ("O", "E")
        self._draw()

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
        self._draw()

    def _stop_blinking(self) -> None:
        if self._blinking is not None:
            self._blinking.stop()
            self._blinking = None

    def _blink(self) -> None:
        self.beams = ("E",) if self.beams == ("O",) else ("O",)
        self._draw()

    # Drawing: dots are half a cell high, and thus about square.

    def render_line(self, y: int) -> Strip:
        return self._lines[y] if y < len(self._lines) else Strip.blank(self.size.width)

    def _draw(self) -> None:
        width, height = self.size
        if self.picture is None or not width or not height or not self.scale_px:
            return
        columns = self.centre_px[0] + (np.arange(width) - (width - 1) / 2) * self.scale_px
        rows = self.centre_px[1] - (np.arange(2 * height) - (2 * height - 1) / 2) * self.scale_px
        shades = self.picture.shades(columns, rows, self.scale_px, self.stretch)
        palette = [(round(255 * shade / (SHADES - 1)),) * 3 for shade in range(SHADES)]
        colours = [*palette, *BEAM_COLOURS.values(), _OUTSIDE]
        shades[shades < 0] = len(colours) - 1
        names = self._draw_circles(shades, columns, rows)
        self._lines = [
            _strip(shades[2 * line], shades[2 * line + 1], colours, names.get(line, {})) for line in range(height)
        ]
        self.refresh()
        self.post_message(self.Moved(self))

    def _draw_circles(
        self, shades: np.ndarray, columns: np.ndarray, rows: np.ndarray
    ) -> dict[int, dict[int, tuple[str, int]]]:
        """Paint circles into the dots; the letters of their names by line and column, with the colour's number."""
        letters: dict[int, dict[int, tuple[str, int]]] = {}
        n_rows, n_columns = shades.shape
        for circle in self.circles:
            if circle.beam not in self.beams:
                continue
            colour = SHADES + list(BEAM_COLOURS).index(circle.beam)
            x = (circle.x_px - columns[0]) / self.scale_px
            y = (rows[0] - circle.y_px) / self.scale_px
            radius = max(circle.radius_px / self.scale_px, _SMALLEST_RADIUS_DOTS)
            turn = np.linspace(0.0, 2 * np.pi, max(12, int(8 * radius)), endpoint=False)
            dots_x = np.rint(x + radius * np.cos(turn)).astype(int)
            dots_y = np.rint(y + radius * np.sin(turn)).astype(int)
            seen = (dots_x >= 0) & (dots_x < n_columns) & (dots_y >= 0) & (dots_y < n_rows)
            shades[dots_y[seen], dots_x[seen]] = colour
            line, start = round(y) // 2, round(x + radius) + 2
            if circle.beam == "O" or self.beams == ("E",):
                for number, letter in enumerate(circle.name):
                    letters.setdefault(line, {})[start + number] = (letter, colour)
        return letters


def _strip(
    upper: np.ndarray, lower: np.ndarray, colours: Sequence[tuple[int, ...]], letters: dict[int, tuple[str, int]]
) -> Strip:
    """One line of cells; neighbours alike are one piece, which is quicker over a slow line."""
    segments: list[Segment] = []
    start, width = 0, len(upper)
    for column in range(1, width + 1):
        alike = column < width and upper[column] == upper[start] and lower[column] == lower[start]
        if alike and column not in letters and start not in letters:
            continue
        above, below = colours[upper[start]], colours[lower[start]]
        if start in letters:
            letter, number = letters[start]
            segments.append(Segment(letter, Style(color=_rgb(colours[number]), bgcolor="black", bold=True)))
        else:
            text = _UPPER_HALF * (column - start)
            segments.append(Segment(text, Style(color=_rgb(above), bgcolor=_rgb(below))))
        start = column
    return Strip(segments, width)


def _rgb(colour: tuple[int, ...]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
