"""The units (HDUs) that a FITS file is made of: their headers, and how long each says it is (FITS 4.0, section 3)."""

from __future__ import annotations

from typing import IO

from iop4cli.errors import BadFrame

BLOCK_BYTES = 2880
CARD_BYTES = 80
_END = b"END     "
_PRINTABLE = bytes(byte if 32 <= byte < 127 else ord("?") for byte in range(256))
_MOST_HEADER_BLOCKS = 2000


def read_unit_header(file: IO[bytes], number: int) -> dict[str, str] | None:
    """The cards of the header of HDU `number`, as text without comments; None at the end of the file."""
    content = read_unit_bytes(file, number)
    return None if content is None else card_values(content)


def read_unit_bytes(file: IO[bytes], number: int) -> bytes | None:
    """The header of HDU `number` in whole blocks; None at the end of the file."""
    blocks = []
    for block_number in range(_MOST_HEADER_BLOCKS):
        block = file.read(BLOCK_BYTES)
        if not block and block_number == 0 and number > 0:
            return None
        if block_number == 0:
            expected = b"SIMPLE  =" if number == 0 else b"XTENSION="
            if not block.startswith(expected):
                what = (
                    "not a readable FITS file"
                    if number == 0
                    else f"{len(block)} bytes or more that are no HDU at the end"
                )
                raise BadFrame(f"{what}: no {expected[:8].decode().strip()} at the beginning")
        if len(block) < BLOCK_BYTES:
            raise BadFrame(f"not a readable FITS file: the header of HDU {number} is cut")
        blocks.append(block)
        if any(block.startswith(_END, start) for start in range(0, BLOCK_BYTES, CARD_BYTES)):
            return b"".join(blocks)
    raise BadFrame(f"not a readable FITS file: the header of HDU {number} has no END")


def card_values(content: bytes) -> dict[str, str]:
    """The first value of each keyword, as text without comment."""
    cards: dict[str, str] = {}
    for start in range(0, len(content), CARD_BYTES):
        card = content[start : start + CARD_BYTES].decode("latin-1")
        keyword = card[:8].rstrip()
        if keyword == "END":
            break
        if card[8:9] == "=":
            cards.setdefault(keyword, card[9:].split("/")[0].strip())
    return cards


def printable_header(content: bytes) -> str:
    """A header's text up to END; what is no printable ASCII, against the standard, is a question mark."""
    cards = []
    for start in range(0, len(content), CARD_BYTES):
        card = content[start : start + CARD_BYTES]
        if card.startswith(_END):
            break
        cards.append(card.translate(_PRINTABLE).decode("ascii"))
    return "".join(cards)


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
