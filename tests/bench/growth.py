"""What ten years cost: how long questions of one night and of all take as nights are added, and the store's size.

One reduced night of AndorT90 is copied to others (tests/bench/many_nights.py): 112 frames, 144 results a night, those
of other nights three times. CPU seconds are of whole processes, start-up included.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from iop4cli.archive.store import Store
from iop4cli.share import share_dir
from tests.bench.many_nights import EPOCH, add_nights, make_night

QUESTIONS: tuple[tuple[str, ...], ...] = (
    ("run", "-n", EPOCH),
    ("run", EPOCH),
    ("status", EPOCH),
    ("status",),
    ("export", EPOCH),
    ("export", "--source", "2200+420", "--since", "2022-08-01"),
    ("export", "-o", "all.parquet"),
    ("log", "-n", "20"),
    ("sql", "select source, count(*), avg(mag) from results group by 1"),
    ("doctor",),
)


def asked(root: Path, *arguments: str) -> tuple[float, float]:
    """(wall, CPU) seconds of one command."""
    environment = os.environ | {"IOP4_ARCHIVE": str(root), "IOP4_INDEX_PATH": str(share_dir() / "demo" / "index")}
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "iop4cli", *arguments], cwd=root, env=environment, check=False,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in {0, 3} and arguments[0] != "doctor":
        raise SystemExit(f"iop4 {' '.join(arguments)}: exit code {done.returncode}\n{done.stderr}")
    return time.perf_counter() - start, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def counted(root: Path) -> dict[str, int]:
    store = Store(root / "iop4.duckdb")
    tables = {"frames": "frame", "results": "measurement", "detections": "detection", "items": "item"}
    return {name: store.rows(f"select count(*) as n from {table}")[0]["n"] for name, table in tables.items()}


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.growth", description=__doc__)
    parser.add_argument("--nights", type=int, nargs="+", default=[1, 100, 1000, 2680], help="sizes, the smallest first")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="iop4-growth-") as place:
        root = Path(place) / "archive"
        make_night(root, 8)
        asked(root, "catalog", "import", str(root / "sources.csv"))
        asked(root, "run", "-j2")
        n_before = 1
        for n_nights in given.nights:
            start = time.perf_counter()
            add_nights(root, n_nights, sources_times=3, n_before=n_before)
            n_before = n_nights
            counts = counted(root)
            size = (root / "iop4.duckdb").stat().st_size
            print(
                f"{n_nights} nights: " + ", ".join(f"{n} {name}" for name, n in counts.items())
                + f"; the store {size / 1e6:.0f} MB, {size / counts['frames'] / 1e3:.1f} KB a frame"
                f" (added in {time.perf_counter() - start:.0f} s)",
                flush=True,
            )  # fmt: skip
            for question in QUESTIONS:
                asked(root, *question)  # once for the disk
                wall_s, cpu_s = min(asked(root, *question) for _ in range(3))
                print(f"    iop4 {' '.join(question):<62} {wall_s:6.2f} s wall {cpu_s:6.2f} s CPU", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
