"""iop4 demo."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from iop4cli.errors import UsageError
from iop4cli.shell import messages, output
from iop4cli.shell.options import Json, Quiet

EPILOG = """Examples:

  iop4 demo

  iop4 demo /tmp/night --seed 5

  iop4 demo --json | head -1
"""

_WORST_PULL = 3.0


def command(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="An archive to make for it.")] = Path("demo-archive"),
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Another seed is another night.")] = 1,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Simulate a night with 5 % rms of clouds, reduce it, and print the results beside the truth.

    Reads only what comes with the program; writes a new archive with two polarimetric targets and one
    photometric one of the 0.9 m telescope's AndorT90. Runs all steps with the shipped index files, and
    compares: a pull is (measured - true) / error, and its size should be below 3.
    """
    messages.set_verbosity(-1 if quiet else 0)
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty: name another folder, or remove it")
    started = time.perf_counter()
    _simulate(folder, seed)
    simulated = time.perf_counter()
    tally = _reduce(folder)
    finished = time.perf_counter()
    rows = _compared(folder)
    if json:
        for row in rows:
            output.json_row(row)
    else:
        output.table(rows, tuple(rows[0]) if rows else (), title="Results beside the truth")
    worst = max(
        (abs(row[name]) for row in rows for name in row if name.startswith("pull") and row[name] is not None),
        default=0.0,
    )
    messages.notice(
        f"simulated in {simulated - started:.0f} s, reduced in {finished - simulated:.0f} s; "
        f"{len(rows)} targets' results, largest pull {worst:.1f}; the archive is {folder}"
    )
    if tally.exit_code or not rows or worst >= _WORST_PULL:
        messages.error("the demo did not come out as it should")
        return tally.exit_code or 1
    return 0


def _simulate(folder: Path, seed: int) -> None:
    from iop4cli.archive.create import create_archive
    from iop4cli.share import share_dir
    from iop4cli.simulate.night import NightRecipe, simulate_night

    layout = create_archive(folder)
    index = share_dir() / "demo" / "index"
    layout.config.write_text(f'[solve]\nindex_path = ["{index.as_posix()}"]\n', encoding="utf-8")
    night = "2022-09-08"
    recipes = [
        NightRecipe("AndorT90", "pol", night, seed, targets=("BL Lacertae", "3C 454.3"), groups_per_target=2),
        NightRecipe(
            "AndorT90",
            "phot",
            "2022-09-09",
            seed,
            targets=("BL Lacertae",),
            groups_per_target=2,
            bands=("V", "R"),
        ),
    ]
    with messages.Progress() as progress:
        for recipe in recipes:
            simulate_night(folder, recipe, lambda done, total, _: _advance(progress, done, total))


def _advance(progress: messages.Progress, done: int, total: int) -> None:
    if done == 1:
        progress.begin("simulate", total)
    progress.step()


def _reduce(folder: Path) -> Any:
    from iop4cli.archive.catalog import read_catalog
    from iop4cli.archive.catalog_store import write_sources
    from iop4cli.archive.selection import Selection
    from iop4cli.commands.opening import open_archive
    from iop4cli.pipeline.engine import Ended, Planned, Session, Tally, new_run_id, run_steps
    from iop4cli.pipeline.executor import make_executor, worker_limits
    from iop4cli.pipeline.steps import STEP_NAMES, step_named
    from iop4cli.shell.options import ArchiveOptions

    opened = open_archive(ArchiveOptions(archive=folder))
    write_sources(opened.store, read_catalog(folder / "sources.csv"))
    limits = worker_limits(opened.config["job_timeout_s"], opened.config["worker_memory_mb"])
    executor = make_executor("auto", opened.config["jobs"], limits, folder)
    session = Session(opened.store, opened.surroundings(), Selection(), executor, new_run_id())
    tally, at_work = Tally(), ""
    try:
        with messages.Progress() as progress:
            for event in run_steps(session, [step_named(name) for name in STEP_NAMES]):
                tally.add(event)
                if isinstance(event, Planned):
                    at_work = event.step
                    progress.begin(event.step, event.n_due)
                elif isinstance(event, Ended) and event.news:
                    if event.step == at_work:
                        progress.step()
                    if event.status != "done" or event.reason:
                        messages.warn(f"{event.step} {event.item}: {event.reason}")
    finally:
        executor.close()
    return tally


def _compared(folder: Path) -> list[dict[str, Any]]:
    """One row for each result of a target: value, error, truth and pull."""
    from iop4cli.archive.layout import Layout
    from iop4cli.archive.store import Store
    from iop4cli.simulate.compare import compare, read_truth

    results = Store(Layout(folder.resolve()).store).rows("select * from results order by mode, source, mjd_utc")
    rows = []
    for one in compare(results, read_truth(folder / "truth.csv")):
        if not one.truth["is_target"]:
            continue
        row: dict[str, Any] = {
            "source": one.result["source"],
            "mode": one.result["mode"],
            "band": one.result["band"],
        }
        for name, error, digits in (("mag", "mag_err", 4), ("p", "p_err", 5), ("chi_deg", "chi_err_deg", 2)):
            for label, value in (
                (name, one.result[name]),
                (error, one.result[error]),
                (f"true {name}", one.truth[name]),
            ):
                row[label] = None if value is None else round(value, digits)
            pull = one.pulls.get(name)
            row[f"pull {name}"] = None if pull is None else round(pull, 2)
        rows.append(row)
    return rows
