"""Many processes at one archive: nothing is done twice, nothing that was said to be written is lost."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from iop4cli.simulate.night import NightRecipe
from tests.night.archives import Archive, environment, make_archive
from tests.soak.faults import Fault, Tried

_LONGEST_S = 600
_RUNS = (("run", "-j1"), ("run", "-j2"))


def small_night(folder: Path, *nights: str) -> Archive:
    """Raw frames of one target in photometry and polarimetry, not reduced."""
    recipes = [
        NightRecipe("AndorT90", "both", night, 1, targets=("0716+714",), size_px=640, n_bias=3, n_flats=3)
        for night in nights
    ]
    return make_archive(folder, *recipes)


def started(archive: Archive, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "iop4cli", *arguments], cwd=archive.root, env=environment(archive.root),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def history(archive: Archive) -> dict[tuple[str, str, str], int]:
    """How often each item of each step was recorded, and how."""
    rows = archive.sql("select step, item, level, count(*) as n from log group by all")
    return {(row["step"], row["item"], row["level"]): row["n"] for row in rows}


def differences(found: Archive, wanted: Archive) -> list[str]:
    """What is not as in an archive that one run made alone."""
    lost = []
    one, other = history(found), history(wanted)
    for key in sorted(one.keys() | other.keys()):
        if one.get(key, 0) != other.get(key, 0):
            lost.append(f"{' '.join(key)} was recorded {one.get(key, 0)} times, not {other.get(key, 0)}")
    for table in ("item_past", "measurement_past"):
        question = f"select count(*) as n from {table}"
        if found.sql(question) != wanted.sql(question):
            lost.append(f"{table} has {found.sql(question)[0]['n']} rows, not {wanted.sql(question)[0]['n']}")
    if found.results() != wanted.results():
        lost.append("the results are not those of an undisturbed run")
    lost += [f"{path} is left" for path in found.root.rglob("*.part")]
    return lost


def _ended(process: subprocess.Popen[str], allowed: Sequence[int] = (0,)) -> list[str]:
    out, err = process.communicate(timeout=_LONGEST_S)
    if process.returncode in allowed and "Traceback" not in err:
        return []
    return [f"exit {process.returncode} of {process.args}: {err[-300:]} {out[-100:]}"]


def two_runs(folder: Path, times: int) -> Tried:
    """Both begin within a second; each item is to be recorded once."""
    chance = random.Random(1)
    raw = small_night(folder / "raw", "2022-03-10")
    alone = raw.copy(folder / "alone")
    alone.iop4("run", "-j1")
    lost: list[str] = []
    shared = 0
    for number in range(times):
        archive = raw.copy(folder / f"tried-{number}")
        first = started(archive, *_RUNS[number % 2])
        time.sleep(chance.uniform(0.0, 1.0))
        second = started(archive, *_RUNS[number // 2 % 2])
        lost += _ended(first) + _ended(second) + differences(archive, alone)
        shared += len(archive.sql("select 1 from run")) == 2
    return Tried(times, tuple(lost), f"both had a share of the work {shared} times")


FAULTS = (Fault("two runs of one night at once", 1, 12, two_runs),)
