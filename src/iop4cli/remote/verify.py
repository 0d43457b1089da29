"""Whether a FITS file is whole: every unit (HDU) as long as its header says, and nothing behind the last."""

from __future__ import annotations

from pathlib import Path
from typing import IO

from iop4cli.errors import BadFrame
from iop4cli.frames.source import LARGEST_FILE_BYTES, is_packed, opened, skip
from iop4cli.frames.units import padded, read_unit_header, unit_data_bytes


def check_whole(path: Path, filename: str) -> None:
    """Raise BadFrame if the file is cut, has something missing or something too much (FITS 4.0, section 3).

    `filename` is what it will be called: `.gz` must be packed. What gzip or bzip2 packed is unpacked while it is read,
    with its own checksum. Only headers and lengths are looked at: a wrong value inside the image is not seen.
    """
    with opened(path) as file:
        if filename.lower().endswith(".gz") and not is_packed(file):
            raise BadFrame("not packed by gzip, as its name says")
        _check_units(file)


def _check_units(file: IO[bytes]) -> None:
    number, total = 0, 0
    while True:
        cards = read_unit_header(file, number)
        if cards is None:
            return
        needed = padded(unit_data_bytes(cards, number))
        total += needed
        if total > LARGEST_FILE_BYTES:
            raise BadFrame(f"its headers say more than {LARGEST_FILE_BYTES} bytes: no frame has so many")
        missing = needed - skip(file, needed)
        if missing:
            raise BadFrame(f"{missing} bytes of the data of HDU {number} are missing")
        number += 1
