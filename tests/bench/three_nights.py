"""The nights by which the program is judged, and what the pipeline before it needed for them with two processes."""

from __future__ import annotations

import math
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from iop4cli.archive.create import create_archive
from iop4cli.simulate.night import NightRecipe, simulate_night
from tests.bench.processes import Cost

_BLOCK_BYTES = 2880


@dataclass(frozen=True)
class Night:
    """A recipe, and the old pipeline's cost; a peak that was not measured is NaN."""

    recipe: NightRecipe
    what: str
    old: Cost


NIGHTS = (
    Night(
        NightRecipe("AndorT90", "both", "2022-09-08", 1, targets=("BL Lacertae", "3C 454.3")),
        "7 bias, 25 flats, 10 science frames of 2048x2048", Cost(190.0, 307.0, 1100.0),
    ),
    Night(
        NightRecipe("CAFOS", "pol", "2022-09-08", 1, targets=("BL Lacertae", "3C 454.3")),
        "7 bias, 20 flats, 8 science frames of 800x800", Cost(236.0, 158.0, math.nan),
    ),
    Night(
        NightRecipe("DIPOL", "pol", "2023-10-20", 1, targets=("BL Lacertae",), n_angles=16, n_darks=7),
        "7 bias, 7 darks, 5 flats of 4144x2822, 1 whole science frame and 16 of 1120x896", Cost(271.0, 385.0, 3600.0),
    ),
)  # fmt: skip


def make(folder: Path, night: Night) -> dict[str, int]:
    """An archive with the night's raw frames; how many there are by shape."""
    create_archive(folder)
    simulate_night(folder, night.recipe)
    found: dict[str, int] = {}
    for path in raw_files(folder):
        _, rows, columns = _image_of(path)
        found[f"{columns}x{rows}"] = found.get(f"{columns}x{rows}", 0) + 1
    return found


def raw_files(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "raw").rglob("*") if path.suffix in {".fit", ".fits"})


def floor(folder: Path) -> Cost:
    """Read every raw file once, one pass of arithmetic over every pixel, write every product once; nothing else.

    Each product is written to a file of its own, and synced to the disk as a product has to be.
    """
    scratch = folder / "floor"
    scratch.mkdir()
    start, cpu = time.perf_counter(), time.process_time()
    pixels = np.zeros(1, np.float32)
    for path in raw_files(folder):
        content, rows, columns = _image_of(path)
        raw = np.frombuffer(content, ">i2", rows * columns, len(content) - _padded(2 * rows * columns))
        pixels = raw.astype(np.float32) * np.float32(1.5) - np.float32(1000)
    products = [product for top in ("master", "reduced") for product in (folder / top).rglob("*.fits")]
    products += (folder / "reduced").rglob("*.fit")
    for number, product in enumerate(products):
        n_bytes = product.stat().st_size
        with (scratch / str(number)).open("wb") as file:
            file.write(np.resize(pixels, -(-n_bytes // 4)))
            file.flush()
            os.fsync(file.fileno())
    cost = Cost(time.perf_counter() - start, time.process_time() - cpu, math.nan)
    shutil.rmtree(scratch)
    return cost


def _padded(n_bytes: int) -> int:
    return -(-n_bytes // _BLOCK_BYTES) * _BLOCK_BYTES


def _image_of(path: Path) -> tuple[bytes, int, int]:
    """(file, rows, columns) of a frame of 16-bit pixels in its first extension."""
    content = path.read_bytes()
    sizes = {key: int(content.split(key.encode(), 1)[1][2:22]) for key in ("NAXIS1  ", "NAXIS2  ")}
    return content, sizes["NAXIS2  "], sizes["NAXIS1  "]
