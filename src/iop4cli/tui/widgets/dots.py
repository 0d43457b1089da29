"""An image with circles and their names as dots, each with the number of its colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from iop4cli.tui.picture import SHADES

if TYPE_CHECKING:
    from iop4cli.tui.picture import Picture

UPPER_HALF = "▀"
BEAM_COLOURS = {"O": (80, 220, 100), "E": (255, 140, 60)}
# What circles on a finding chart mean.
CHART_COLOURS = {"source": (80, 220, 100), "calibrator": (255, 90, 90), "catalogue": (110, 170, 255)}
_LOOKS = {**BEAM_COLOURS, **CHART_COLOURS}
_OUTSIDE = (40, 40, 60)
_SMALLEST_RADIUS_CELLS, _SMALLEST_RADIUS_DOTS = 2.0, 8.0

Letters = dict[int, dict[int, tuple[str, int]]]


@dataclass(frozen=True)
class Circle:
    """An aperture on the image, in pixels that count from 0 at the middle of the first.

    `look` is what its colour means, if not its beam.
    """

    x_px: float
    y_px: float
    radius_px: float
    name: str
    beam: str
    look: str = ""


@dataclass(frozen=True)
class Sight:
    """Which part of an image is seen: its middle, pixels of the image a cell across, cells, and dots in a cell."""

    centre_px: tuple[float, float]
    scale_px: float
    width: int
    height: int
    dots: tuple[int, int]

    @property
    def dot_px(self) -> float:
        return self.scale_px / self.dots[0]

    @property
    def n_dots(self) -> tuple[int, int]:
        """(across, down)."""
        return self.width * self.dots[0], self.height * self.dots[1]

    def axes(self) -> tuple[np.ndarray, np.ndarray]:
        """x of each column of dots, y of each line of them, the uppermost first; in pixels of the image."""
        across, down = self.n_dots
        x = self.centre_px[0] + (np.arange(across) - (across - 1) / 2) * self.dot_px
        y = self.centre_px[1] - (np.arange(down) - (down - 1) / 2) * self.dot_px
        return x, y


@dataclass(frozen=True)
class Raster:
    """Numbers of colours (lines, columns) of dots, the colours, and letters by line and column of cells."""

    numbers: np.ndarray
    colours: Sequence[tuple[int, ...]]
    letters: Letters

    def strips(self) -> list[Strip]:
        """As lines of a terminal, for dots that are half a cell high."""
        pairs = zip(self.numbers[::2], self.numbers[1::2], strict=True)
        return [
            _strip(upper, lower, self.colours, self.letters.get(line, {})) for line, (upper, lower) in enumerate(pairs)
        ]


def raster_of(picture: Picture, sight: Sight, stretch: int, circles: Sequence[Circle], *, thick: int = 1) -> Raster:
    """What is seen of a picture; lines of circles are `thick` dots wide."""
    x, y = sight.axes()
    numbers = picture.shades(x, y, sight.dot_px, stretch)
    palette = [(round(255 * shade / (SHADES - 1)),) * 3 for shade in range(SHADES)]
    colours = [*palette, *_LOOKS.values(), _OUTSIDE]
    numbers[numbers < 0] = len(colours) - 1
    letters: Letters = {}
    for circle in circles:
        colour = SHADES + list(_LOOKS).index(circle.look or circle.beam)
        column, line = (circle.x_px - x[0]) / sight.dot_px, (y[0] - circle.y_px) / sight.dot_px
        smallest = min(_SMALLEST_RADIUS_CELLS * sight.dots[0], _SMALLEST_RADIUS_DOTS)
        radius = max(circle.radius_px / sight.dot_px, smallest)
        for inner in range(thick):
            _ring(numbers, column, line, radius - inner, colour)
        if circle.name:
            across, down = sight.dots
            _name(letters, circle.name, colour, (column / across, line / down), radius / across,
                  (sight.width, sight.height))  # fmt: skip
    return Raster(numbers, colours, letters)


def _ring(numbers: np.ndarray, column: float, line: float, radius: float, colour: int) -> None:
    n_lines, n_columns = numbers.shape
    turn = np.linspace(0.0, 2 * np.pi, max(12, int(8 * radius)), endpoint=False)
    columns = np.rint(column + radius * np.cos(turn)).astype(int)
    lines = np.rint(line + radius * np.sin(turn)).astype(int)
    seen = (columns >= 0) & (columns < n_columns) & (lines >= 0) & (lines < n_lines)
    numbers[lines[seen], columns[seen]] = colour


def _name(
    letters: Letters, name: str, colour: int, at: tuple[float, float], radius: float, size: tuple[int, int]
) -> None:
    """Put a name beside its circle: to the right, or where there is room; `at`, `radius`, `size` in cells."""
    line = round(at[1] - 0.25)
    if not (0 <= line < size[1] and -1 <= at[0] <= size[0]):
        return
    right, left = round(at[0] + radius) + 2, round(at[0] - radius) - 1 - len(name)
    places = [(line, right), (line, left), *((line + by, start) for by in (1, -1, 2, -2) for start in (right, left))]
    free = [place for place in places if _is_free(letters, place, len(name), size)]
    where, start = free[0] if free else places[0]
    row = letters.setdefault(where, {})
    for number, letter in enumerate(name):
        if 0 <= start + number < size[0]:
            row[start + number] = (letter, colour)


def _is_free(letters: Letters, place: tuple[int, int], length: int, size: tuple[int, int]) -> bool:
    line, start = place
    taken = letters.get(line, {})
    inside = 0 <= line < size[1] and start >= 0 and start + length <= size[0]
    return inside and not any(column in taken for column in range(start - 1, start + length + 1))


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
            text = UPPER_HALF * (column - start)
            segments.append(Segment(text, Style(color=_rgb(above), bgcolor=_rgb(below))))
        start = column
    return Strip(segments, width)


def _rgb(colour: tuple[int, ...]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
