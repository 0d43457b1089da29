"""Where the image of a FITS file is and what it holds, found out from headers before any pixel is believed or read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from iop4cli.errors import BadFrame
from iop4cli.frames.source import is_packed, skip
from iop4cli.frames.units import card_values, padded, read_unit_bytes, unit_data_bytes

_LARGEST_SIDE_PX = 65536
# The largest single CCDs have 10560 x 10560; ten times the bytes of so many pixels are in memory while a frame is
# reduced. Larger numbers are those of a broken header, or of a small file that would fill the memory.
_MOST_PIXELS = 1 << 27
_MOST_UNITS = 200
_MOST_SKIPPED_BYTES = 1 << 30
KINDS = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}


@dataclass(frozen=True)
class ImageUnit:
    """The first image of a file: which HDU, its header's bytes and those of the first HDU, where its pixels begin.

    `zero`, `scale` and `blank` turn the numbers in the file into counts. `tiled`: in pieces, each of them compressed.
    """

    number: int
    header: bytes
    first_header: bytes
    start: int
    bitpix: int
    width: int
    height: int
    zero: float
    scale: float
    blank: int | None
    tiled: bool
    stored_bytes: int

    @property
    def n_bytes(self) -> int:
        """Of the pixels, once they are not compressed any more."""
        return abs(self.bitpix) // 8 * self.width * self.height


def find_image(file: IO[bytes]) -> ImageUnit:
    """The first image in the bytes of a FITS file, its pixels still to be read from there on; else BadFrame."""
    position, first = 0, b""
    for number in range(_MOST_UNITS):
        header = read_unit_bytes(file, number)
        if header is None:
            raise BadFrame("the file holds no image (NAXIS=0 in every HDU)")
        first = first or header
        position += len(header)
        cards = card_values(header)
        n_bytes = unit_data_bytes(cards, number)
        if number == 0 and cards.get("SIMPLE") != "T":
            raise BadFrame(f"SIMPLE is {cards.get('SIMPLE')}: not a standard FITS file")
        if _is_image(cards, number):
            return _image(cards, number, header, first, position, n_bytes)
        if n_bytes > _MOST_SKIPPED_BYTES:
            raise BadFrame(f"{n_bytes} bytes lie before the first image: not a frame")
        missing = padded(n_bytes) - skip(file, padded(n_bytes))
        if missing:
            raise BadFrame(
                f"the file is cut short: {missing} bytes of HDU {number} are missing; copy or fetch it again"
            )
        position += padded(n_bytes)
    raise BadFrame(f"no image in the first {_MOST_UNITS} HDUs")


def check_length(file: IO[bytes], image: ImageUnit, path: Path) -> None:
    """A file cut short while it was copied must not pass for a frame; a packed one is read to its own checksum."""
    if not is_packed(file):
        missing = image.start + image.stored_bytes - path.stat().st_size
    else:
        missing = image.stored_bytes - skip(file, image.stored_bytes)
        if not missing and skip(file, _MOST_SKIPPED_BYTES) == _MOST_SKIPPED_BYTES:
            raise BadFrame(f"it goes on for more than {_MOST_SKIPPED_BYTES} bytes behind its image: not a frame")
    if missing > 0:
        raise cut_short(missing)


def cut_short(missing: int) -> BadFrame:
    return BadFrame(f"the file is cut short: {missing} bytes of the image are missing; copy or fetch it again")


def _is_image(cards: dict[str, str], number: int) -> bool:
    if int(cards["NAXIS"]) == 0:
        return False
    extension = cards.get("XTENSION", "").strip("' ")
    return number == 0 or extension == "IMAGE" or (extension == "BINTABLE" and cards.get("ZIMAGE") == "T")


def _image(
    cards: dict[str, str], number: int, header: bytes, first: bytes, start: int, stored_bytes: int
) -> ImageUnit:  # fmt: skip
    tiled = cards.get("ZIMAGE") == "T" and number > 0
    mark = "Z" if tiled else ""
    naxis = _whole(cards, f"{mark}NAXIS")
    if naxis != 2:
        raise BadFrame(f"NAXIS={naxis}: a frame must be a single image with two axes; split the cube into frames")
    width, height = _whole(cards, f"{mark}NAXIS1"), _whole(cards, f"{mark}NAXIS2")
    sides = 0 < width <= _LARGEST_SIDE_PX and 0 < height <= _LARGEST_SIDE_PX
    if not sides or width * height > _MOST_PIXELS:
        raise BadFrame(f"NAXIS1={width}, NAXIS2={height}: not the size of a frame")
    bitpix = _whole(cards, f"{mark}BITPIX")
    if bitpix not in KINDS:
        raise BadFrame(f"BITPIX={bitpix}: none of {', '.join(map(str, KINDS))}")
    if tiled and not (1 <= _whole(cards, "ZTILE1", width) <= width and 1 <= _whole(cards, "ZTILE2", 1) <= height):
        raise BadFrame("its compressed tiles are larger than the image")
    zero, scale = _number(cards, "BZERO", 0.0), _number(cards, "BSCALE", 1.0)
    if scale == 0.0:
        raise BadFrame("BSCALE is 0: every pixel would be the same")
    blank = _whole(cards, "BLANK") if "BLANK" in cards and bitpix > 0 else None
    stored = stored_bytes if tiled else abs(bitpix) // 8 * width * height
    return ImageUnit(number, header, first, start, bitpix, width, height, zero, scale, blank, tiled, stored)


def _whole(cards: dict[str, str], keyword: str, default: int | None = None) -> int:
    said = cards.get(keyword)
    if said is None and default is not None:
        return default
    try:
        return int(str(said))
    except ValueError:
        raise BadFrame(f"{keyword} is {said or 'missing'}, not a whole number") from None


def _number(cards: dict[str, str], keyword: str, default: float) -> float:
    said = cards.get(keyword, "")
    if not said:
        return default
    try:
        value = float(said.replace("D", "E"))
    except ValueError:
        value = math.nan
    # Beyond this the counts would not be numbers of 32 bits any more.
    if not abs(value) < 1e30:
        raise BadFrame(f"{keyword} is {said}, not a number that counts can be scaled with")
    return value
