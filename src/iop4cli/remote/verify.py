"""Whether a FITS file is whole: every unit (HDU) as long as its header says, and nothing behind the last."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import IO, cast

from iop4cli.errors import BadFrame

BLOCK_BYTES = 2880
_CARD_BYTES = 80
_MOST_HEADER_BLOCKS = 2000
_READ_BYTES = 1 << 20


def check_whole(path: Path, filename: str) -> None:
    """Raise BadFrame if the file is cut, has something missing or something too much (FITS 4.0, section 3).

    `filename` is what it will be called: `.gz` is unpacked while it is read, with its own checksum. Only headers and
    lengths are looked at: a wrong value inside the image is not seen.
    """
    if filename.lower().endswith(".gz"):
        try:
            with gzip.open(path, "rb") as unpacked:
                _check_units(cast(IO[bytes], unpacked))
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise BadFrame(f"the compressed file is not whole: {error}") from None
        return
    with path.open("rb") as plain:
        _check_units(plain)


def _check_units(file: IO[bytes]) -> None:
    number = 0
    while True:
        cards = _header(file, number)
        if cards is None:
            return
        needed = _data_bytes(cards, number)
        padded = -(-needed // BLOCK_BYTES) * BLOCK_BYTES
        missing = padded - _skip(file, padded)
        if missing:
            raise BadFrame(f"{missing} bytes of the data of HDU {number} are missing")
        number += 1


def _header(file: IO[bytes], number: int) -> dict[str, str] | None:
    """The mandatory cards of one header; None at the end of the file."""
    cards: dict[str, str] = {}
    for block_number in range(_MOST_HEADER_BLOCKS):
        block = file.read(BLOCK_BYTES)
        if not block and block_number == 0 and number > 0:
            return None
        if block_number == 0:
            expected = b"SIMPLE  =" if number == 0 else b"XTENSION="
            if not block.startswith(expected):
                what = "not a FITS file" if number == 0 else f"{len(block)} bytes or more that are no HDU at the end"
                raise BadFrame(f"{what}: no {expected[:8].decode().strip()} at the beginning")
        if len(block) < BLOCK_BYTES:
            raise BadFrame(f"the header of HDU {number} is cut")
        for start in range(0, BLOCK_BYTES, _CARD_BYTES):
            card = block[start : start + _CARD_BYTES].decode("latin-1")
            keyword = card[:8].rstrip()
            if keyword == "END":
                return cards
            if card[8:9] == "=":
                cards.setdefault(keyword, card[9:].split("/")[0].strip())
    raise BadFrame(f"the header of HDU {number} has no END")


def _data_bytes(cards: dict[str, str], number: int) -> int:
    def whole(keyword: str, default: str | None = None) -> int:
        text = cards.get(keyword, default)
        try:
            value = int(str(text))
        except ValueError:
            raise BadFrame(f"HDU {number}: {keyword} is {text!r}, not a whole number") from None
        if value < 0 and keyword != "BITPIX":
            raise BadFrame(f"HDU {number}: {keyword} is {value}")
        return value

    naxis = whole("NAXIS")
    if naxis == 0:
        return 0
    if naxis > 999:
        raise BadFrame(f"HDU {number}: NAXIS is {naxis}")
    axes = [whole(f"NAXIS{axis}") for axis in range(1, naxis + 1)]
    if axes[0] == 0 and cards.get("GROUPS") == "T":  # random groups: the first axis does not count
        axes = axes[1:]
    elements = 1
    for axis in axes:
        elements *= axis
    return abs(whole("BITPIX")) // 8 * whole("GCOUNT", "1") * (whole("PCOUNT", "0") + elements)


def _skip(file: IO[bytes], length: int) -> int:
    """Read on; the number of bytes that were there."""
    left = length
    while left:
        piece = file.read(min(left, _READ_BYTES))
        if not piece:
            break
        left -= len(piece)
    return length - left
