"""An image made ready for a terminal: smaller and smaller copies, and how its values become shades."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

SHADES = 32
_SOFTENING = 8.0
_SAMPLE = 400
_SMALLEST_SIDE_PX = 32
# Percentiles of the darkest and the brightest shade.
STRETCHES = ((1.0, 99.5), (1.0, 99.9), (0.1, 99.99), (5.0, 98.0))


@dataclass(frozen=True)
class Card:
    """One line of a header."""

    keyword: str
    value: str
    comment: str


@dataclass(frozen=True)
class Picture:
    """`levels[k]` are means over 2^k x 2^k pixels, (height, width), NaN where nothing is known."""

    levels: list[np.ndarray]
    limits: list[tuple[float, float]]
    unit: str
    file: str
    cards: list[Card] = field(default_factory=list)

    @property
    def size_px(self) -> tuple[int, int]:
        """(width, height)."""
        height, width = self.levels[0].shape
        return width, height

    def shades(self, x_px: np.ndarray, y_px: np.ndarray, scale_px: float, stretch: int) -> np.ndarray:
        """Shades 0 .. SHADES - 1 at the crossings of columns and rows, -1 outside; `scale_px` pixels a dot."""
        level = int(np.clip(np.floor(np.log2(max(scale_px, 1.0)) + 1e-9), 0, len(self.levels) - 1))
        image = self.levels[level]
        columns = np.floor((x_px + 0.5) / 2**level).astype(int)
        rows = np.floor((y_px + 0.5) / 2**level).astype(int)
        inside = ((columns >= 0) & (columns < image.shape[1]))[None, :] & ((rows >= 0) & (rows < image.shape[0]))[
            :, None
        ]
        values = image[np.clip(rows, 0, image.shape[0] - 1)][:, np.clip(columns, 0, image.shape[1] - 1)]
        low, high = self.limits[stretch]
        share = np.clip((np.nan_to_num(values, nan=low) - low) / (high - low), 0.0, 1.0)
        bright = np.arcsinh(_SOFTENING * share) / np.arcsinh(_SOFTENING)
        return np.where(inside, np.rint(bright * (SHADES - 1)).astype(int), -1)


def read_picture(reduced: Path | None, raw: Path) -> Picture:
    """The reduced image if there is one, else the raw one; for threads."""
    from iop4cli.frames.fits import read_reduced
    from iop4cli.frames.raw import read_raw

    if reduced is not None and reduced.is_file():
        product = read_reduced(reduced)
        return picture_of(product.electrons, "electrons", reduced.name, cards_of(product.header))
    image = read_raw(raw)
    return picture_of(image.adu, "ADU, raw", raw.name, cards_of(image.header))


def read_master_picture(path: Path) -> Picture:
    """A master; for threads."""
    from iop4cli.frames.fits import read_pixels

    return picture_of(read_pixels(path), "", path.name)


def picture_of(pixels: np.ndarray, unit: str, file: str, cards: list[Card] | None = None) -> Picture:
    """Halve the image until it is small, and see what values it has."""
    levels = [pixels]
    while min(levels[-1].shape) >= 2 * _SMALLEST_SIDE_PX:
        levels.append(_halved(levels[-1]))
    height, width = pixels.shape
    sample = pixels[:: max(1, height // _SAMPLE), :: max(1, width // _SAMPLE)]
    known = sample[np.isfinite(sample)]
    limits = []
    for pair in STRETCHES:
        low, high = np.percentile(known, pair) if known.size else (0.0, 1.0)
        limits.append((float(low), float(high) if high > low else float(low) + 1.0))
    return Picture(levels, limits, unit, file, cards or [])


def _halved(image: np.ndarray) -> np.ndarray:
    height, width = (side // 2 * 2 for side in image.shape)
    cut = image[:height, :width]
    return (cut[::2, ::2] + cut[1::2, ::2] + cut[::2, 1::2] + cut[1::2, 1::2]) * np.float32(0.25)


def cards_of(header: Any) -> list[Card]:
    """The cards of a FITS header; one that breaks the standard is left out."""
    found = []
    for card in header.cards:
        try:
            found.append(Card(str(card.keyword), str(card.value), str(card.comment)))
        except Exception:
            continue
    return found
