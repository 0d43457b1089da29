"""Raw frames: checked before they are believed, read so that no file can take more memory than its image needs."""

from __future__ import annotations

import math
import re
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from iop4cli.errors import BadFrame
from iop4cli.frames.images import KINDS, ImageUnit, check_length, cut_short, find_image
from iop4cli.frames.source import is_packed, opened
from iop4cli.frames.units import printable_header

if TYPE_CHECKING:
    from astropy.io.fits import Header


@dataclass(frozen=True)
class RawImage:
    """A raw frame: ADU as float32, shape (height, width), and its header."""

    adu: np.ndarray
    header: Header


def read_header(path: Path) -> dict[str, Any]:
    """The header of a raw frame as a dictionary of upper-case keywords, after checks that keep no pixel."""
    with opened(path) as file:
        image = find_image(file)
        check_length(file, image, path)
    headers = [_header(image.header)]
    if image.number > 0:
        headers.append(_header(image.first_header))
    cards: dict[str, Any] = {}
    for header in headers:
        for card in header.cards:
            try:
                keyword, value = card.keyword.upper(), card.value
            except Exception:  # a card that breaks the standard says nothing; others may still serve
                continue
            if keyword and keyword not in {"COMMENT", "HISTORY"}:
                cards.setdefault(keyword, _plain(value))
    cards["NAXIS1"], cards["NAXIS2"] = image.width, image.height
    return cards


def _plain(value: Any) -> Any:
    return value if isinstance(value, (str, int, float, bool)) else None


def _header(content: bytes) -> Header:
    from astropy.io.fits import Header

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Header.fromstring(printable_header(content))


def _sound(header: Header) -> Header:
    """A header that can be copied, changed and written: cards that break the standard become comments."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        broken = {number for number, card in enumerate(header.cards) if not _is_sound(card)}
        if not broken:
            return header
        cards = list(header.cards)
        kept = type(header)([card for number, card in enumerate(cards) if number not in broken])
        for number in sorted(broken):
            kept.add_comment(f"broken card: {_text_of(cards[number])}")
        return kept


def _text_of(card: Any) -> str:
    try:
        return str(card).strip()
    except Exception:  # not even that can be had of some
        return str(card.keyword)


def _is_sound(card: Any) -> bool:
    try:
        card.verify("silentfix+ignore")
        return isinstance(card.comment, str) and not (isinstance(card.value, float) and not math.isfinite(card.value))
    except Exception:
        return False


def read_raw(path: Path) -> RawImage:
    """A raw frame in ADU; raises BadFrame for what cannot be one."""
    with opened(path) as file:
        image = find_image(file)
        if image.tiled:
            return _read_tiled(path, image, packed=is_packed(file))
        content = file.read(image.n_bytes)
        if len(content) < image.n_bytes:
            raise cut_short(image.n_bytes - len(content))
    return RawImage(_counts(content, image).reshape(image.height, image.width), _sound(_header(image.header)))


def _counts(content: bytes, image: ImageUnit) -> np.ndarray:
    """What the bytes of pixels mean, float32; a pixel without a value is NaN."""
    numbers = np.frombuffer(content, KINDS[image.bitpix])
    # Whole numbers of more than 24 bits lose nothing but what float32 cannot hold.
    kind = np.float32 if abs(image.bitpix) <= 16 or image.bitpix == -32 else np.float64
    with np.errstate(all="ignore"):
        counts: np.ndarray = numbers.astype(kind)
        if image.scale != 1.0:
            counts = counts * kind(image.scale)
        if image.zero:
            counts = counts + kind(image.zero)
        if image.blank is not None:
            counts[numbers == image.blank] = np.nan
        return counts.astype(np.float32, copy=False)


class RawRows:
    """Rows of a raw frame, read when asked for, so that many frames can be combined in little memory.

    They are read, not mapped: a file that becomes shorter meanwhile would end the program.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with opened(path) as file:
            self._image = find_image(file)
            self.shape = (self._image.height, self._image.width)
            self._kept: np.ndarray | None = None
            if is_packed(file) or self._image.tiled:
                self._kept = read_raw(path).adu
            else:
                check_length(file, self._image, path)

    def __getitem__(self, rows: slice) -> np.ndarray:
        if self._kept is not None:
            return np.array(self._kept[rows])
        start, stop, step = rows.indices(self.shape[0])
        if step < 1:
            raise ValueError("rows are read from the first to the last")
        image, n_rows = self._image, max(0, stop - start)
        row_bytes = abs(image.bitpix) // 8 * image.width
        with opened(self._path) as file:
            file.seek(image.start + start * row_bytes)
            content = file.read(n_rows * row_bytes)
        missing = n_rows * row_bytes - len(content)
        if missing:
            raise BadFrame(f"{self._path.name} became shorter while it was read: {missing} bytes are missing")
        if step > 1:
            content = np.frombuffer(content, np.uint8).reshape(n_rows, row_bytes)[::step].tobytes()
        return _counts(content, image).reshape(-1, image.width)


def _read_tiled(path: Path, image: ImageUnit, *, packed: bool) -> RawImage:
    """An image that fpack or the like compressed tile by tile."""
    from astropy.io import fits

    if packed:
        raise BadFrame("compressed tile by tile, and the file once more: unpack it (gunzip)")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            _check_tiles(path, image)
            with fits.open(path, memmap=False) as hdus, np.errstate(all="ignore"):
                hdu = hdus[image.number]
                adu = np.ascontiguousarray(hdu.data, dtype=np.float32)
                header = _sound(hdu.header.copy())
        except BadFrame:
            raise
        except Exception as error:
            raise BadFrame(f"the image cannot be read: {_first_line(error)}") from error
    if adu.shape != (image.height, image.width):
        raise BadFrame(f"its tiles make {adu.shape}, its header says {(image.height, image.width)}")
    return RawImage(adu, header)


def _check_tiles(path: Path, image: ImageUnit) -> None:
    """Tiles packed by gzip must not hold more than a tile; those of other kinds cannot."""
    from astropy.io import fits

    with fits.open(path, memmap=False, disable_image_compression=True) as hdus:
        table = hdus[image.number]
        names = ["GZIP_COMPRESSED_DATA"]
        if str(table.header.get("ZCMPTYPE", "")).startswith("GZIP"):
            names.append("COMPRESSED_DATA")
        largest = 8 * table.header.get("ZTILE1", image.width) * table.header.get("ZTILE2", 1)
        for name in set(names) & set(table.columns.names):
            for content in table.data[name]:
                whole = zlib.decompressobj(wbits=31)
                whole.decompress(np.ascontiguousarray(content).tobytes(), largest + 1)
                if whole.unconsumed_tail:
                    raise BadFrame(f"a compressed tile holds more than {largest} bytes")


def _first_line(error: Exception) -> str:
    """The library's word on it, without advice to programmers."""
    text = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return re.split(r", try with|\. Try with|\. If this is really", text)[0]
