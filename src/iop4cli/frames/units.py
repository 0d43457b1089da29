"""The units (HDUs) that a FITS file is made of: their headers, and how long each says it is (FITS 4.0, section 3)."""

from __future__ import annotations

from typing import IO

from iop4cli.errors import BadFrame

BLOCK_BYTES = 2880
_CARD_BYTES = 80
_MOST_HEADER_BLOCKS = 2000


def read_unit_header(file: IO[bytes], number: int) -> dict[str, str] | None:
    """The cards of the header of HDU `number`, as text without comments; None at the end of the file."""
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


def unit_data_bytes(cards: dict[str, str], number: int) -> int:
    """How many bytes of data follow a header, without the padding."""

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


def padded(n_bytes: int) -> int:
    """So many bytes in whole blocks."""
    return -(-n_bytes // BLOCK_BYTES) * BLOCK_BYTES
