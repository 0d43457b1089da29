"""Whether a FITS file is whole: every unit (HDU) as long as its header says, and nothing behind the last."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import IO, cast

from iop4cli.errors import BadFrame
from iop4cli.frames.units import padded, read_unit_header, unit_data_bytes

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
        cards = read_unit_header(file, number)
        if cards is None:
            return
        needed = padded(unit_data_bytes(cards, number))
        missing = needed - _skip(file, needed)
        if missing:
            raise BadFrame(f"{missing} bytes of the data of HDU {number} are missing")
        number += 1


def _skip(file: IO[bytes], length: int) -> int:
    """Read on; the number of bytes that were there."""
    left = length
    while left:
        piece = file.read(min(left, _READ_BYTES))
        if not piece:
            break
        left -= len(piece)
    return length - left
