"""Images in the pixels of the terminal (Kitty's protocol or Sixel), by the package textual-image, where that is wanted.

That package asks the terminal what it can when it is imported, so it must be imported before the screens take the
terminal, and is imported only where pixels are asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from iop4cli.errors import UsageError
from iop4cli.nearest import did_you_mean

if TYPE_CHECKING:
    from textual.widget import Widget

    from iop4cli.tui.widgets.dots import Raster

BLOCKS, AUTO, KITTY, SIXEL = "blocks", "auto", "kitty", "sixel"
WAYS = (BLOCKS, AUTO, KITTY, SIXEL)
# Kitty's protocol counts cells with 297 accents.
_MOST_CELLS = {KITTY: 297, SIXEL: 10_000}
_LETTER_SHARE = 0.75


class Canvas:
    """A widget that shows dots as large as the pixels of the terminal; `n_most_cells` across or down."""

    def __init__(self, widget: Widget, cell_px: tuple[int, int], n_most_cells: int) -> None:
        self.widget, self.cell_px, self.n_most_cells = widget, cell_px, n_most_cells
        widget.styles.width = widget.styles.height = "100%"

    def draw(self, raster: Raster) -> None:
        """Replace what is seen."""
        cast("Any", self.widget).image = pixels_of(raster, self.cell_px)


def canvas_maker(way: str, said: str) -> Callable[[], Canvas] | None:
    """What makes a canvas for each image; None where half blocks are wanted, or all that an `auto` terminal can."""
    if way not in WAYS:
        raise UsageError(f"{said}: images are shown as {', '.join(WAYS)}, not {way!r}{did_you_mean(way, WAYS)}")
    if way == BLOCKS:
        return None
    try:
        from textual_image import renderable, widget
    except ImportError as error:
        raise UsageError(
            f"{said}: images as {way} need the package textual-image ({error}): pip install 'iop4cli[images]', "
            "or choose blocks"
        ) from error
    if way == AUTO:
        found = {renderable.SixelImage: SIXEL, renderable.TGPImage: KITTY}
        way = found.get(renderable.Image, BLOCKS)
        if way == BLOCKS:
            return None
    kind: Callable[[], Widget] = widget.TGPImage if way == KITTY else widget.SixelImage
    cell = widget.get_cell_size()
    return lambda: Canvas(kind(), (cell.width, cell.height), _MOST_CELLS[way])


def pixels_of(raster: Raster, cell_px: tuple[int, int]) -> Any:
    """A PIL image of the colours' numbers with their palette."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.fromarray(raster.numbers.astype(np.uint8))
    image.putpalette([part for colour in raster.colours for part in colour])
    brush = ImageDraw.Draw(image)
    brush.fontmode = "1"
    across, down = cell_px
    font = ImageFont.load_default(_LETTER_SHARE * down)
    for line, row in raster.letters.items():
        for start, word, colour in _words(row):
            left, top = start * across, line * down
            # Colour 0 is black.
            brush.rectangle((left, top, left + brush.textlength(word, font), top + down - 1), fill=0)
            brush.text((left, top), word, fill=colour, font=font)
    return image


def _words(row: dict[int, tuple[str, int]]) -> list[tuple[int, str, int]]:
    """Letters side by side and of one colour: where they begin, the text, the colour's number."""
    found: list[tuple[int, str, int]] = []
    end = -2
    for column in sorted(row):
        letter, colour = row[column]
        if found and column == end and found[-1][2] == colour:
            start, text, _ = found[-1]
            found[-1] = (start, text + letter, colour)
        else:
            found.append((column, letter, colour))
        end = column + 1
    return found
