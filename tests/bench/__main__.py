"""`python -m tests.bench`: what nights, verbs, plans and exports cost, as whole processes, start-up included.

Each night stands beside the floor of the same run (read every raw file, one pass of arithmetic over every pixel, write
every product) and beside the pipeline before this one; a line of each goes to tests/bench/trend.csv.
"""

from __future__ import annotations

import argparse
import math
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from iop4cli.app import VERBS
from iop4cli.archive.create import create_archive
from iop4cli.archive.store import Store
from iop4cli.pipeline.steps import STEP_NAMES
from iop4cli.simulate.night import NightRecipe, simulate_night
from tests.bench import trend
from tests.bench.many_nights import EPOCH, add_nights, make_night
from tests.bench.processes import Cost, cost_of, own_environment
from tests.bench.three_nights import NIGHTS, Night, floor, make
from tests.bench.up_to_date import bring_up_to_date
from tests.bench.watching import held_back, latencies_s, watch

# More do not fit between dusk and dawn.
_NIGHT_FRAMES = 250
_NOT_MEASURED = Cost(math.nan, math.nan, math.nan)


@contextmanager
def archive() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="iop4-bench-") as place:
        yield Path(place) / "archive"


def iop4(root: Path, *arguments: str, codes: Sequence[int] = (0,)) -> Cost:
    return cost_of([sys.executable, "-m", "iop4cli", *arguments], own_environment(root), codes)


def nights() -> None:
    """The three nights, with one worker and with two."""
    for night in NIGHTS:
        name = night.recipe.instrument
        with archive() as raw:
            frames = make(raw, night)
            iop4(raw, "catalog", "import", str(raw / "sources.csv"))
            print(f"\n{name}: {night.what}\n    raw frames {frames}; the pipeline before: {night.old}")
            for jobs in (1, 2):
                root = raw.with_name(f"j{jobs}")
                shutil.copytree(raw, root)
                cost = iop4(root, "run", f"-j{jobs}", "-q")
                least = floor(root)
                print(
                    f"    run -j{jobs}  {cost}   1/{night.old.cpu_s / cost.cpu_s:.0f} of its CPU,"
                    f" 1/{night.old.wall_s / cost.wall_s:.0f} of its wall;"
                    f" {cost.wall_s / least.wall_s:.1f} x the floor's wall, {cost.cpu_s / least.cpu_s:.1f} x its CPU"
                    f" ({least.wall_s:.2f} s, {least.cpu_s:.2f} s)"
                )
                trend.append(name, jobs, cost, least, night.old)
            print(*_steps(root), sep="\n")
            print(f"    run, nothing due  {iop4(root, 'run', '-q', codes=(0, 3))}")


def _steps(root: Path) -> Iterator[str]:
    rows = Store(root / "iop4.duckdb").rows(
        "select step, count(*) as n, sum(seconds) as total_s from item where seconds > 0 group by 1 order by 3 desc"
    )
    for row in rows:
        each_ms = 1000 * row["total_s"] / row["n"]
        yield f"    {row['step']:10}{row['n']:6} items{row['total_s']:8.2f} s in all{each_ms:9.1f} ms each"


def startup() -> None:
    """The help of each verb."""
    with archive() as root:
        create_archive(root)
        print("\nstart-up, the least of 3 (s wall, s CPU)")
        for verb in ("--version", "--help", *(f"{verb} --help" for verb in VERBS)):
            costs = [iop4(root, *verb.split()) for _ in range(3)]
            print(f"    {verb:24}{min(c.wall_s for c in costs):6.2f}{min(c.cpu_s for c in costs):6.2f}")


def large() -> None:
    """Plan and export of an archive of 26,000 frames and 100,000 results, then each step when all is up to date."""
    with archive() as root:
        make_night(root, 8)
        iop4(root, "catalog", "import", str(root / "sources.csv"))
        iop4(root, "run", "-j2", "-q", codes=(0, 3))
        add_nights(root, 232, sources_times=3)
        counted = Store(root / "iop4.duckdb").rows(
            "select (select count(*) from frame) as frames, (select count(*) from measurement) as results"
        )[0]
        print(f"\nan archive of {counted['frames']} frames and {counted['results']} results")
        for arguments in (
            ("run", EPOCH), ("reduce", EPOCH), ("status",),
            *(("export", "-o", f"all.{suffix}") for suffix in ("csv", "ecsv", "vot", "fits", "parquet", "ndjson")),
        ):  # fmt: skip
            print(f"    iop4 {' '.join(arguments):30} {iop4(root, *arguments, codes=(0, 3))}")
        bring_up_to_date(root)
        # Numbers of copied nights are not quite those of the first: some frames have lost their target.
        iop4(root, "run", "-q", codes=(0, 3))
        print("    with nothing due")
        for name in (*STEP_NAMES, "run"):
            print(f"    iop4 {name:30} {iop4(root, name, codes=(0, 3))}")


def growing(sizes: Sequence[int]) -> None:
    """The cost of a frame among so many science frames of 2048x2048, in nights of 250 at most."""
    print("\nscience frames of 2048x2048, run -j2")
    for n_frames in sizes:
        with archive() as root:
            n_nights = -(-n_frames // _NIGHT_FRAMES)
            recipes = [
                NightRecipe("AndorT90", "phot", f"2022-09-{8 + number:02}", 1 + number, targets=("BL Lacertae",),
                            bands=("R",), groups_per_target=n_frames // n_nights, exposure_s=60.0)
                for number in range(n_nights)
            ]  # fmt: skip
            make(root, Night(recipes[0], "", _NOT_MEASURED))
            for recipe in recipes[1:]:
                simulate_night(root, recipe)
            iop4(root, "catalog", "import", str(root / "sources.csv"))
            cost = iop4(root, "run", "-j2", "-q", codes=(0, 3))
            least = floor(root)
            print(
                f"    {n_frames:5} {cost}  {1000 * cost.wall_s / n_frames:6.0f} ms wall and"
                f" {1000 * cost.cpu_s / n_frames:.0f} ms CPU a frame;"
                f" {cost.wall_s / least.wall_s:.1f} x the floor's wall, {cost.cpu_s / least.cpu_s:.2f} x its CPU",
                flush=True,
            )


def watching() -> None:
    """Frames of 2048x2048 that come one by one while `iop4 watch` runs."""
    with archive() as root:
        recipe = NightRecipe("AndorT90", "phot", "2022-09-08", 1, targets=("BL Lacertae",), bands=("R",),
                             groups_per_target=16)  # fmt: skip
        make(root, Night(recipe, "", _NOT_MEASURED))
        iop4(root, "catalog", "import", str(root / "sources.csv"))
        frames = held_back(root, 8)
        iop4(root, "run", "-j2", "-q", codes=(0, 3))
        with watch(root, "--catch-up", "0"):
            took_s = sorted(latencies_s(root, frames))
        print("\nwatch: from a complete frame of 2048x2048 to its photometry (s)")
        print(f"    median {took_s[len(took_s) // 2]:.2f}, from {took_s[0]:.2f} to {took_s[-1]:.2f} of {len(took_s)}")


def main(arguments: Sequence[str]) -> None:
    parts: dict[str, Callable[[], None]] = {"nights": nights, "startup": startup, "large": large, "watching": watching}
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=[*parts, "growing"], help="these parts; repeatable")
    parser.add_argument("--frames", type=int, nargs="+", default=[10, 100], help="sizes of the growing night")
    given = parser.parse_args(arguments)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    for name, part in parts.items():
        if not given.only or name in given.only:
            part()
    if not given.only or "growing" in given.only:
        growing(given.frames)


if __name__ == "__main__":
    main(sys.argv[1:])
