"""Whole-process figures of `iop4 run` on a simulated AndorT90 night, beside the floor of the disk and of numpy.

The floor reads every raw file once, does one pass of arithmetic over every pixel, and writes every product once.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from iop4cli.archive.create import create_archive
from iop4cli.share import share_dir
from iop4cli.simulate.night import NightRecipe, simulate_night


def make_night(folder: Path, groups: int) -> None:
    """7 bias, 25 flats (5 of each of 5 filters) and 10 light frames at the least."""
    create_archive(folder)
    recipe = NightRecipe(
        "AndorT90", "both", "2022-09-08", 1, targets=("BL Lacertae", "3C 454.3"), groups_per_target=groups
    )
    simulate_night(folder, recipe)


def iop4(folder: Path, *arguments: str) -> tuple[float, float]:
    """(wall, CPU) seconds of one command and its workers."""
    environment = os.environ | {"IOP4_ARCHIVE": str(folder), "IOP4_INDEX_PATH": str(share_dir() / "demo" / "index")}
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "iop4cli", *arguments], env=environment, check=True, stdout=subprocess.DEVNULL
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, cpu


def floor(folder: Path) -> float:
    """Seconds to read all raw files, touch every pixel, and write as much as the products hold."""
    start = time.perf_counter()
    scratch = folder / "floor.bin"
    for path in sorted((folder / "raw").rglob("*.fit")):
        pixels = np.frombuffer(path.read_bytes()[2880 * 2 :], ">i2").astype(np.float32) * np.float32(1.5) - np.float32(
            1000
        )
        if b"LIGHT" in path.read_bytes()[:5760]:
            scratch.write_bytes(pixels.tobytes() + bytes(pixels.size))
    scratch.unlink(missing_ok=True)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--groups", type=int, default=1, help="polarimetric groups and photometric frames of each target"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="iop4-bench-") as place:
        folder = Path(place)
        make_night(folder, given.groups)
        n_frames = len(list((folder / "raw").rglob("*.fit")))
        iop4(folder, "catalog", "import", str(folder / "sources.csv"))
        print(f"{n_frames} raw frames of 2048x2048")
        floor_s = floor(folder)
        print(f"{'floor':24}{floor_s:8.2f} s wall")
        for name, arguments in (
            ("run -j1", ("run", "-j1", "-q")),
            ("run --force -j2", ("run", "--force", "-j2", "-q")),
            ("run, nothing due", ("run", "-q")),
            ("--version", ("--version",)),
            ("--help", ("--help",)),
        ):
            wall, cpu = iop4(folder, *arguments)
            print(f"{name:24}{wall:8.2f} s wall{cpu:8.2f} s CPU{wall / floor_s:8.1f} x floor")


if __name__ == "__main__":
    main()
