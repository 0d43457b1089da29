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
from iop4cli.frames.quality import Quality
from iop4cli.instruments.registry import Registry
from iop4cli.pipeline.engine import Ended, Session, Tally, run_steps
from iop4cli.pipeline.executor import Here, one_thread_each
from iop4cli.pipeline.step import Parameters
from iop4cli.pipeline.steps import STEP_NAMES, step_named
from iop4cli.pipeline.surroundings import Surroundings
from iop4cli.share import share_dir
from iop4cli.simulate.compare import Compared, compare, read_truth, summarise
from iop4cli.simulate.fields import read_standards
from iop4cli.simulate.index import NoQuads, build_index
from iop4cli.simulate.night import NightRecipe, SimulatedNight, simulate_night
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
    circumstances: tuple[str, ...] = ()


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
        index = index_of(made)
        store = Store(layout.store)
        write_sources(store, read_catalog(place / "sources.csv"))
        surroundings = Surroundings(layout, Registry.load(), Parameters(), (index,))
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
            dict(methods), circumstances_of(made),
        )  # fmt: skip
    finally:
        if folder is None:
            shutil.rmtree(place, ignore_errors=True)


def recipe_of(instrument: str, mode: str, night: str, seed: int) -> NightRecipe:
    """A night of few calibration frames; of the two-beam polarimeters one target with all that may vary drawn.

    One night in five is of a standard, which is as bright as it is. DIPOL leaves out the exposure of the whole field
    for every other standard and for one target in seven.
    """
    if instrument not in DUAL:
        return NightRecipe(
            instrument, mode, night, seed, n_targets=2, groups_per_target=2 if mode == "phot" else 1, n_bias=5,
            n_flats=4, bands=("V",) if mode == "phot" and not seed % 2 else ("R",),
        )  # fmt: skip
    draw = random.Random(f"{instrument} {seed}")
    drawn: dict[str, Any] = {
        "target_mag": draw.uniform(12, 17), "target_p": draw.uniform(0, 0.3), "target_chi_deg": draw.uniform(0, 180),
        "star_density": math.exp(draw.uniform(math.log(0.05), math.log(3.0))), "beam_imbalance": draw.uniform(0, 0.05),
    }  # fmt: skip
    if instrument == "DIPOL":
        drawn |= {"flip": draw.random() < 0.5, "flip_full": draw.random() < 0.5, "n_darks": 3}
        drawn["n_angles"] = draw.choice((8, 8, 8, 16))
    standard = draw.random() < 0.2
    if instrument == "DIPOL":
        drawn["full_frame"] = draw.random() > (1 / 2 if standard else 1 / 7)
    if standard:
        drawn |= {"targets": (draw.choice(read_standards()).name,), "target_mag": None}
        drawn |= {"target_p": None, "target_chi_deg": None}
    return NightRecipe(instrument, mode, night, seed, n_targets=1, n_bias=3, n_flats=3, **drawn)


def index_of(made: SimulatedNight) -> Path:
    """The folder of index files of the sky of a night: where it has fewer stars than usual, so has the index.

    Stars that are added to a field are fainter than those of the shipped index, which serves them; and so must it
    where the few stars that are left make no quad.
    """
    density = made.recipe.star_density
    if density >= 1:
        return share_dir() / "demo" / "index"
    folder = made.folder / "index"
    try:
        build_index(folder, sorted({frame.target for frame in made.frames}), density=density)
    except NoQuads:
        return share_dir() / "demo" / "index"
    return folder


def circumstances_of(made: SimulatedNight) -> tuple[str, ...]:
    """What of a night of two beams is counted beside the table."""
    recipe, standards = made.recipe, {star.name for star in read_standards()}
    said = {
        "standard": any(frame.target in standards for frame in made.frames),
        "thinned field": recipe.star_density < 1,
        "subframes": any(frame.width_px < recipe.image_size_px for frame in made.frames),
        "rows in reverse": any(frame.flip for frame in made.frames),
        "no whole frame": not any(frame.width_px == recipe.image_size_px for frame in made.frames),
    }
    return tuple(word for word, holds in said.items() if holds)


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
    folder = share_dir() / "catalogs"
    for catalogue in ("comparison_stars.ecsv", "polarimetric_standards.ecsv"):
        for source in read_catalog(folder / catalogue):
            if source.name == name:
                return source.ra_deg, source.dec_deg
    raise KeyError(name)


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
        f"{'instrument':11}{'mode':6}{'nights':>7}{'frames':>7}{'solved':>7}{'wrong':>6}{'not solved':>11}"
        f"{'worst_as':>9}"
        "  quantity            n    mean   width  68 %  largest"
    ]
    for instrument, mode in sorted({(night.instrument, night.mode) for night in nights}):
        of_kind = [night for night in nights if (night.instrument, night.mode) == (instrument, mode)]
        n_lights, n_solved = sum(n.n_lights for n in of_kind), sum(n.n_solved for n in of_kind)
        n_wrong = sum(n.n_wrong for n in of_kind)
        worst = max((n.worst_arcsec for n in of_kind if n.n_solved), default=math.nan)
        head = f"{instrument:11}{mode:6}{len(of_kind):7}{n_lights:7}{n_solved:7}{n_wrong:6}{n_lights - n_solved:11}"
        head += f"{worst:9.2f}"
        for label, wanted in (("targets", True), ("others", False), ("all", None)):
            compared = [c for n in of_kind for c in n.compared if not spoiled(c)]
            compared = [c for c in compared if wanted is None or c.truth["is_target"] is wanted]
            for s in summarise(compared):
                lines.append(
                    f"{head}  {s.quantity:8}{label:8}{s.n:4}{s.mean:8.2f}{s.width:8.2f}"
                    f"{s.coverage68:6.0%}{s.largest:8.1f}"
                )
                head = " " * len(head)
    return lines


def spoiled(compared: Compared) -> bool:
    """Whether the result says itself that another star's light is in it: its errors do not claim to hold that."""
    return bool((compared.result["quality"] or 0) & int(Quality.BLENDED_BEAMS | Quality.NEIGHBOUR))


def remarks(nights: list[Reduced]) -> list[str]:
    """How frames were solved and why not, and what the nights of two beams were like."""
    lines = []
    for instrument in sorted({night.instrument for night in nights}):
        of_it = [night for night in nights if night.instrument == instrument]
        methods = sum((Counter(night.methods) for night in of_it), Counter())
        lines.append(f"{instrument} solved by {dict(methods)}")
        if instrument in DUAL:
            n_spoiled = sum(spoiled(c) for night in of_it for c in night.compared)
            lines.append(f"{instrument} results left out, for they say that another star is in them: {n_spoiled}")
            lines.append(f"{instrument} nights: {dict(Counter(word for n in of_it for word in n.circumstances))}")
        for night in of_it:
            if night.n_solved < night.n_lights:
                reasons = Counter(
                    trouble.split(": ", 1)[1] for trouble in night.troubles if trouble.startswith("solve ")
                )
                most = "; ".join(f"{count} x {reason}" for reason, count in reasons.most_common(3))
                circumstances = ", ".join(night.circumstances)
                lines.append(f"{instrument} {night.seed} ({circumstances}): {night.n_solved}/{night.n_lights}: {most}")
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
    print("\n".join([*table(nights), *remarks(nights)]))


if __name__ == "__main__":
    main()
