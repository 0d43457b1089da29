"""A frame to be looked at, with its apertures; in a terminal in half blocks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from iop4cli.export.plots.placing import sides
from iop4cli.export.plots.style import ONE_COLUMN_IN, TWO_COLUMNS_IN, colour, new_figure, styled

if TYPE_CHECKING:
    import numpy as np

Rows = Sequence[Mapping[str, Any]]
_MOST_PX = 1200
_INK = " .:-=+*#%@"
# The width of a figure in which a letter is so much of the frame.
_FIT_IN = 3.5
# Grey from a little below the sky to where one pixel of a thousand is brighter, by asinh.
_SKY_SIGMAS_BELOW, _BRIGHT_SHARE, _BRIGHT_SIGMAS, _SOFT = 0.5, 99.9, 25.0, 6.0


def stretched(pixels: np.ndarray) -> np.ndarray:
    """Grey 0 (sky) to 1 (bright) of an image (height, width): asinh above the median, by its robust scatter."""
    import numpy as np

    finite = pixels[np.isfinite(pixels)]
    if finite.size == 0:
        return np.zeros(pixels.shape)
    sky = float(np.median(finite))
    noise = 1.4826 * float(np.median(np.abs(finite - sky))) or float(np.std(finite)) or 1.0
    low = sky - _SKY_SIGMAS_BELOW * noise
    high = max(float(np.percentile(finite, _BRIGHT_SHARE)), sky + _BRIGHT_SIGMAS * noise)
    share = np.clip((np.where(np.isfinite(pixels), pixels, low) - low) / (high - low), 0.0, 1.0)
    softness = (high - low) / (_SOFT * noise)
    return np.asarray(np.arcsinh(share * softness) / math.asinh(softness))


def reduced_in_size(pixels: np.ndarray, most_px: int) -> tuple[np.ndarray, int]:
    """(means of square blocks, side of a block), with at most so many pixels a side."""
    step = max(1, math.ceil(max(pixels.shape) / most_px))
    height, width = (length // step * step for length in pixels.shape)
    blocks = pixels[:height, :width].reshape(height // step, step, width // step, step)
    return blocks.mean(axis=(1, 3)), step


def frame_figure(
    pixels: np.ndarray, apertures: Rows, *, title: str, north_deg: float | None = None, mirrored: bool = False,
    wide: bool = False,
) -> Any:  # fmt: skip
    """The image (bright is dark) with circles and names; those of a second beam dashed, without a name.

    `north_deg`: direction of north from the x axis towards y; east is 90 deg further, or before it if `mirrored`.
    """
    small, step = reduced_in_size(pixels, _MOST_PX)
    height, width = pixels.shape
    with styled():
        width_in = TWO_COLUMNS_IN if wide else ONE_COLUMN_IN
        figure = new_figure(width_in, (width_in - 0.55) * height / width + 0.6)
        axes = figure.add_subplot()
        right, top = small.shape[1] * step - 0.5, small.shape[0] * step - 0.5
        axes.imshow(stretched(small), cmap="gray_r", origin="lower", extent=(-0.5, right, -0.5, top),
                    interpolation="nearest", vmin=0, vmax=1)  # fmt: skip
        _apertures(axes, apertures, width, width_in)
        if north_deg is not None:
            _compass(axes, north_deg, mirrored, width, height)
        axes.set_xlabel("x (px)")
        axes.set_ylabel("y (px)")
        axes.set_title(title).set_parse_math(False)
    return figure


def _apertures(axes: Any, apertures: Rows, width: int, width_in: float) -> None:
    from matplotlib.patches import Circle
    from matplotlib.patheffects import withStroke

    # A circle of a few pixels would not be seen on a whole frame.
    least = 0.008 * width
    named = [row for row in apertures if row["beam"] == "O"]
    letter, line = 0.019 * width * _FIT_IN / width_in, 0.036 * width * _FIT_IN / width_in
    found = sides(
        [(row["x_px"], row["y_px"]) for row in named], [letter * len(row["source"]) for row in named], line,
        2.0 * max([least, *(row["radius_px"] for row in named)]), width,
    )  # fmt: skip
    side_of = dict(zip((row["source"] for row in named), found, strict=True))
    for row in apertures:
        ordinary = row["beam"] == "O"
        look = colour(0 if ordinary else 1)
        radius = max(row["radius_px"], least)
        axes.add_patch(
            Circle((row["x_px"], row["y_px"]), radius, fill=False, ec=look, lw=0.8, ls="-" if ordinary else "--")
        )
        if ordinary:
            across, up = side_of[row["source"]]
            axes.annotate(
                row["source"], (row["x_px"], row["y_px"]), (4 * across, 3 * up), textcoords="offset points",
                ha="left" if across > 0 else "right", va="bottom" if up > 0 else "top", fontsize=6.5, color=look,
                parse_math=False, annotation_clip=True, path_effects=[withStroke(linewidth=1.5, foreground="w")],
            )  # fmt: skip


def _compass(axes: Any, north_deg: float, mirrored: bool, width: int, height: int) -> None:
    length = 0.08 * min(width, height)
    at = 0.88 * width, 0.12 * height
    for name, angle_deg in (("N", north_deg), ("E", north_deg + (-90.0 if mirrored else 90.0))):
        way = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
        axes.annotate("", (at[0] + length * way[0], at[1] + length * way[1]), at,
                      arrowprops={"arrowstyle": "->", "color": colour(1), "lw": 0.9, "shrinkA": 0})  # fmt: skip
        axes.text(at[0] + 1.3 * length * way[0], at[1] + 1.3 * length * way[1], name, color=colour(1), fontsize=7,
                  ha="center", va="center")  # fmt: skip


def frame_text(pixels: np.ndarray, apertures: Rows, *, title: str, columns: int = 80, plain: bool = False) -> Any:
    """The image in half blocks of grey, bright is bright; numbers at the apertures, named below.

    `plain`: in letters that are the brighter the more ink they have, for terminals without colours or blocks.
    """
    import numpy as np
    from rich.text import Text

    small, step = reduced_in_size(pixels, columns)
    # Even, for a character is two pixels high.
    small = small[: small.shape[0] // 2 * 2]
    grey = np.rint(255 * stretched(small)).astype(int)[::-1]
    names = {}
    for number, row in enumerate((row for row in apertures if row["beam"] == "O"), 1):
        place = (len(grey) - 1 - int(row["y_px"] // step)) // 2, int(row["x_px"] // step) + 1
        names[place] = str(number % 10)
    shown = Text(f"{title}\n", style="bold")
    for line in range(0, len(grey), 2):
        for column in range(grey.shape[1]):
            upper, lower = grey[line, column], grey[line + 1, column]
            name = names.get((line // 2, column))
            if plain:
                shown.append(name or _INK[max(upper, lower) * len(_INK) // 256])
                continue
            behind = f"rgb({lower},{lower},{lower})"
            style = f"bold red on {behind}" if name else f"rgb({upper},{upper},{upper}) on {behind}"
            shown.append(name or "▀", style=style)
        shown.append("\n")
    for number, row in enumerate((row for row in apertures if row["beam"] == "O"), 1):
        shown.append(f"{number:>3} {row['source']} ({row['x_px']:.0f}, {row['y_px']:.0f})\n")
    return shown
