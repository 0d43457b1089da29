"""A line for each night and number of workers, with the commit it was measured at: how the cost goes over time."""

from __future__ import annotations

import csv
import datetime
import os
import platform
import subprocess
from pathlib import Path

from tests.bench.processes import Cost

FILE = Path(__file__).with_name("trend.csv")
COLUMNS = (
    "date", "commit", "machine", "night", "jobs", "wall_s", "cpu_s", "peak_mb", "floor_s", "wall_over_floor",
    "old_cpu_over_cpu", "old_wall_over_wall",
)  # fmt: skip


def commit() -> str:
    """The commit of the checkout, with a + where files differ from it."""
    said = [["rev-parse", "--short", "HEAD"], ["status", "--porcelain", "--untracked-files=no", "--", "src"]]
    answers = [
        subprocess.run(["git", *one], cwd=FILE.parent, capture_output=True, text=True, check=False).stdout.strip()
        for one in said
    ]
    return f"{answers[0] or 'unknown'}{'+' if answers[1] else ''}"


def append(night: str, jobs: int, cost: Cost, floor: Cost, old: Cost, file: Path = FILE) -> None:
    """One line at the end of the file, which is made with its header where there is none."""
    machine = f"{os.cpu_count()} x {platform.machine()}"
    numbers = [cost.wall_s, cost.cpu_s, cost.peak_mb, floor.wall_s, cost.wall_s / floor.wall_s]
    numbers += [old.cpu_s / cost.cpu_s, old.wall_s / cost.wall_s]
    fresh = not file.exists()
    with file.open("a", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        if fresh:
            writer.writerow(COLUMNS)
        today = datetime.datetime.now(datetime.UTC).date().isoformat()
        writer.writerow([today, commit(), machine, night, jobs, *(f"{number:.2f}" for number in numbers)])
