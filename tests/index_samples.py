"""Index files as astrometry.net publishes them, but small: the demo's, with the header of another."""

from __future__ import annotations

import os
from pathlib import Path

from iop4cli.share import share_dir

BLOCK_BYTES, CARD_BYTES = 2880, 80
RADIAN_ARCMIN = 3437.7467707849396
DEMO = share_dir() / "demo" / "index" / "index-9903.fits"


def index_bytes(name: str, *, more_bytes: int = 0, **cards: float) -> bytes:
    """A file that its header says to be `index-PPSS-HH.fits`; `more_bytes` of another HDU make it larger."""
    number, _, tile = name.removeprefix("index-").removesuffix(".fits").partition("-")
    lower_arcmin = {"00": 2.0, "01": 2.8, "02": 4.0, "03": 5.6, "04": 8.0, "05": 11.0, "06": 16.0}.get(number[2:], 22.0)
    values = {
        "INDEXID": int(number), "HEALPIX": int(tile or -1), "HPNSIDE": 2 if tile else 0,
        "SCALE_L": lower_arcmin / RADIAN_ARCMIN, "SCALE_U": lower_arcmin * 1.4 / RADIAN_ARCMIN,
    } | cards  # fmt: skip
    content = bytearray(DEMO.read_bytes())
    for keyword, value in values.items():
        at = content.index(f"{keyword:8s}=".encode())
        content[at : at + CARD_BYTES] = f"{keyword:8s}= {value!r:>20s}".ljust(CARD_BYTES).encode()
    return bytes(content) + (image_unit(more_bytes) if more_bytes else b"")


def image_unit(data_bytes: int) -> bytes:
    """One HDU of random bytes."""
    cards = ["XTENSION= 'IMAGE   '", "BITPIX  =                    8", "NAXIS   =                    1",
             f"NAXIS1  = {data_bytes:20d}", "PCOUNT  =                    0", "GCOUNT  =                    1",
             "END"]  # fmt: skip
    header = "".join(card.ljust(CARD_BYTES) for card in cards).encode()
    return header.ljust(BLOCK_BYTES) + os.urandom(data_bytes) + bytes(-data_bytes % BLOCK_BYTES)


def write_index(folder: Path, name: str, *, more_bytes: int = 0, **cards: float) -> bytes:
    folder.mkdir(parents=True, exist_ok=True)
    content = index_bytes(name, more_bytes=more_bytes, **cards)
    (folder / name).write_bytes(content)
    return content
