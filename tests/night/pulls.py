"""Simulated nights through the whole pipeline, and what the pulls of their results look like.

`python tests/night/pulls.py --nights 20` prints the table for every instrument and mode; the night tests run a few.
"""

from __future__ import annotations

import argparse
import datetime
import math
import random
import shutil
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from iop4cli.archive.catalog import read_catalog
from iop4cli.archive.catalog_store import write_sources
from iop4cli.archive.create import create_archive
from iop4cli.archive.selection import Selection
from iop4cli.archive.store import Store
from iop4cli.instruments.registry import Registry
from iop4cli.pipeline.engine import Ended, Session, Tally, run_steps
from iop4cli.pipeline.executor import Here, one_thread_each
from iop4cli.pipeline.step import Parameters
from iop4cli.pipeline.steps import STEP_NAMES, step_named
from iop4cli.pipeline.view import Surroundings
from iop4cli.share import share_dir
from iop4cli.simulate.compare import Compared, compare, read_truth, summarise
from iop4cli.simulate.night import NightRecipe, simulate_night
from iop4cli.simulate.tables import FrameTruth

FIRST_NIGHT = {
    "AndorT90": "2022-03-01",
    "RoperT90": "2020-03-01",
    "AndorT150": "2022-03-01",
    "CAFOS": "2022-03-01",
    "DIPOL": "2023-10-20",
}
DUAL = ("CAFOS", "DIPOL")
SINGLE = tuple(name for name in FIRST_NIGHT if name not in DUAL)
# A solution further than this from the truth is of another place on the sky.
WRONG_ARCSEC = 2.0


@dataclass(frozen=True)
class Reduced:
    """What came of one night."""

    instrument: str
    mode: str
    seed: int
    n_lights: int
    n_solved: int
    n_wrong: int
    worst_arcsec: float
    compared: list[Compared]
    troubles: list[str]
    methods: dict[str, int] = field(default_factory=dict)


def one_night(instrument: str, mode: str, seed: int, folder: Path | None = None) -> Reduced:
    """Simulate a night with 5 % rms of transparency, reduce it, and hold the results beside the truth."""
    one_thread_each()
    place = folder or Path(tempfile.mkdtemp(prefix="iop4-night-"))
    try:
        layout = create_archive(place)
        first = datetime.date.fromisoformat(FIRST_NIGHT[instrument])
        night = (first + datetime.timedelta(days=9 * (seed % 40))).isoformat()
        recipe = recipe_of(instrument, mode, night, seed)
        made = simulate_night(place, recipe)
        store = Store(layout.store)
        write_sources(store, read_catalog(place / "sources.csv"))
        surroundings = Surroundings(layout, Registry.load(), Parameters(), (share_dir() / "demo" / "index",))
        session = Session(store, surroundings, Selection(), Here(), "night")
        tally, troubles = Tally(), []
        for event in run_steps(session, [step_named(name) for name in STEP_NAMES]):
            tally.add(event)
            if isinstance(event, Ended) and event.news and (event.status not in {"done", "blocked"} or event.reason):
                troubles.append(f"{event.step} {event.item}: {event.reason}")
        results = store.rows("select * from results")
        solved = store.rows("select * from wcs where beam = 'O'")
        methods = Counter(row["method"] for row in solved)
        offsets = [_offset_arcsec(row, made.frames) for row in solved]
        return Reduced(
            instrument, mode, seed, len(made.frames), len(solved), sum(offset > WRONG_ARCSEC for offset in offsets),
            max(offsets, default=math.nan), compare(results, read_truth(place / "truth.csv")), troubles,
            dict(methods),
        )  # fmt: skip
    finally:
        if folder is None:
            shutil.rmtree(place, ignore_errors=True)


def recipe_of(instrument: str, mode: str, night: str, seed: int) -> NightRecipe:
    """A night of few calibration frames; of the two-beam polarimeters one target with all that may vary drawn."""
    if instrument not in DUAL:
        return NightRecipe(
            instrument, mode, night, seed, n_targets=2, groups_per_target=2 if mode == "phot" else 1, n_bias=5,
            n_flats=4, bands=("V",) if mode == "phot" and not seed % 2 else ("R",),
        )  # fmt: skip
    draw = random.Random(f"{instrument} {seed}")
    return NightRecipe(
        instrument, mode, night, seed, n_targets=1, n_bias=4, n_flats=3,
        target_mag=draw.uniform(12, 17), target_p=draw.uniform(0, 0.3), target_chi_deg=draw.uniform(0, 180),
        star_density=math.exp(draw.uniform(math.log(0.05), math.log(3.0))), beam_imbalance=draw.uniform(0, 0.05),
        **(
            {"flip": draw.random() < 0.5, "flip_full": draw.random() < 0.5, "n_darks": 3}
            if instrument == "DIPOL"
            else {}
        ),
    )  # fmt: skip


def _offset_arcsec(row: dict[str, Any], frames: tuple[FrameTruth, ...]) -> float:
    """How far the solution puts the target's true pixel from where the truth has it on the sky."""
    import numpy as np

    from iop4cli.pipeline.solutions import wcs_of
    from iop4cli.science.wcs import separation_deg

    truth = next(frame for frame in frames if row["frame"].endswith("/" + frame.file))
    ra, dec = wcs_of(row).to_sky(np.array([truth.target_x_px]), np.array([truth.target_y_px]))
    place = _target_position(truth.target)
    return float(separation_deg(ra, dec, *place)[0]) * 3600


def _target_position(name: str) -> tuple[float, float]:
    source = {s.name: s for s in read_catalog(share_dir() / "catalogs" / "comparison_stars.ecsv")}[name]
    return source.ra_deg, source.dec_deg


def many_nights(
    n_nights: int, jobs: int, instruments: list[str], modes: list[str], first_seed: int = 1
) -> list[Reduced]:
    tasks = [(i, m, seed) for seed in range(first_seed, first_seed + n_nights) for i in instruments for m in modes]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(one_night, *task) for task in tasks]
        done = []
        for future in futures:
            done.append(future.result())
            for trouble in done[-1].troubles:
                print(f"# {done[-1].instrument} {done[-1].mode} {done[-1].seed}: {trouble}", flush=True)
    return done


def table(nights: list[Reduced]) -> list[str]:
    """The table of each instrument and mode, of targets and calibrators apart and together."""
    lines = [
        f"{'instrument':11}{'mode':6}{'nights':>7}{'frames':>7}{'solved':>7}{'wrong':>6}{'worst_as':>9}"
        "  quantity            n    mean   width  68 %  largest"
    ]
    for instrument, mode in sorted({(night.instrument, night.mode) for night in nights}):
        of_kind = [night for night in nights if (night.instrument, night.mode) == (instrument, mode)]
        n_lights, n_solved = sum(n.n_lights for n in of_kind), sum(n.n_solved for n in of_kind)
        n_wrong, worst = sum(n.n_wrong for n in of_kind), max(n.worst_arcsec for n in of_kind)
        head = f"{instrument:11}{mode:6}{len(of_kind):7}{n_lights:7}{n_solved:7}{n_wrong:6}{worst:9.2f}"
        for label, wanted in (("targets", True), ("others", False), ("all", None)):
            compared = [c for n in of_kind for c in n.compared if wanted is None or c.truth["is_target"] is wanted]
            for s in summarise(compared):
                lines.append(
                    f"{head}  {s.quantity:8}{label:8}{s.n:4}{s.mean:8.2f}{s.width:8.2f}"
                    f"{s.coverage68:6.0%}{s.largest:8.1f}"
                )
                head = " " * len(head)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nights", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--instruments", nargs="*", default=list(SINGLE))
    parser.add_argument("--modes", nargs="*", default=["phot", "pol"])
    parser.add_argument("--first-seed", type=int, default=1)
    given = parser.parse_args()
    nights = many_nights(given.nights, given.jobs, given.instruments, given.modes, given.first_seed)
    print("\n".join(table(nights)))
    for instrument in given.instruments:
        methods = sum((Counter(night.methods) for night in nights if night.instrument == instrument), Counter())
        print(instrument, "solved by", dict(methods))


if __name__ == "__main__":
    main()
