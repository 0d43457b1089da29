"""Runs that are killed (kill -9) at any moment: the next one ends with what an undisturbed one would have made."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from iop4cli.frames.checksum import xxh3_of
from tests.night.archives import Archive, environment, without
from tests.soak.faults import Fault, Tried
from tests.soak.many import small_night

NIGHT = "2022-03-10"
# Of each archive that is killed again and again before it is let finish.
_KILLS_IN_A_ROW = 5
# Whose they are and when they were is different in every run.
_OWN = ("run", "made", "updated", "seconds", "mtime_ns", "time_utc")
_TABLES = (
    "frame", "master", "master_input", "master_structure", "reduced", "wcs", "detection", "growth", "aperture",
    "field_star", "measurement", "measurement_input", "correction", "item", "product",
)  # fmt: skip
# Of the time until a kill what is not to be done again, and of a whole run what it takes to begin.
_KEPT_SHARE, _START_SHARE = 0.6, 0.35
_KILLED = -signal.SIGKILL
_DEATH_OF_WORKERS_S = 20.0


def killed(folder: Path, times: int) -> Tried:
    """Half of the kills take the main process alone, half its workers with it."""
    chance = random.Random(20220310)
    raw = small_night(folder / "raw", NIGHT)
    alone = raw.copy(folder / "alone")
    start = time.monotonic()
    alone.iop4("run", "-j2")
    whole_s = time.monotonic() - start
    wanted = contents(alone)
    lost: list[str] = []
    fell: Counter[str] = Counter()
    n_tried = n_archives = 0
    while n_tried < times:
        archive = raw.copy(folder / f"tried-{n_archives}")
        n_archives += 1
        n_here = min(_KILLS_IN_A_ROW, times - n_tried)
        left_s = whole_s
        while n_here > 0:
            begun, after_s = time.time(), chance.uniform(0.05, 0.9) * left_s
            if not _killed_run(archive, after_s, whole_group=chance.random() < 0.5):
                break  # it had ended before; what is left to kill is in a fresh archive
            fell[_step_of(archive, begun)] += 1
            lost += sound(archive)
            n_tried, n_here = n_tried + 1, n_here - 1
            # The next one starts anew, and has less to do.
            left_s = max(left_s - _KEPT_SHARE * after_s, _START_SHARE * whole_s)
        archive.iop4("run", "-j2")
        lost += sound(archive) + leftovers(archive) + different(contents(archive), wanted)
    where = ", ".join(f"{step} {number}" for step, number in fell.most_common())
    return Tried(n_tried, tuple(lost), f"last step that had recorded: {where}; {n_archives} archives")


def _killed_run(archive: Archive, after_s: float, *, whole_group: bool) -> bool:
    """Whether a run could be killed before it ended; its workers are gone when this returns."""
    process = subprocess.Popen(
        [sys.executable, "-m", "iop4cli", "run", "-j2"], cwd=archive.root, env=environment(archive.root),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    time.sleep(after_s)
    if process.poll() is None:
        if whole_group:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()
    end = time.monotonic() + _DEATH_OF_WORKERS_S
    while time.monotonic() < end and _group_lives(process.pid):
        time.sleep(0.02)
    return process.returncode == _KILLED


def killed_init(folder: Path, times: int) -> Tried:
    """`iop4 init` killed, and given again: an archive with its catalogue, in which a night can be reduced."""
    chance = random.Random(7)
    whole = Archive(folder / "whole" / "archive")
    whole.root.mkdir(parents=True)
    start = time.monotonic()
    whole.iop4("init", ".")
    whole_s = time.monotonic() - start
    wanted = whole.sql("select * from source order by name")
    lost: list[str] = []
    half_made = 0
    for number in range(times):
        archive = Archive(folder / f"tried-{number}" / "archive")
        archive.root.mkdir(parents=True)
        process = subprocess.Popen(
            [sys.executable, "-m", "iop4cli", "init", "."], cwd=archive.root, env=environment(archive.root),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(chance.uniform(0.3, 1.0) * whole_s)
        process.kill()
        process.wait()
        half_made += (archive.root / "iop4.toml").exists()
        archive.iop4("init", ".")
        if archive.sql("select * from source order by name") != wanted:
            lost.append("the catalogue is not whole")
        if (archive.root / "iop4.toml").read_bytes() != (whole.root / "iop4.toml").read_bytes():
            lost.append("iop4.toml is torn")
        lost += [f"{path} is left" for path in archive.root.rglob("*.part")]
    return Tried(times, tuple(lost), f"half made {half_made} times")


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _step_of(archive: Archive, begun: float) -> str:
    """The last step that the run had recorded anything of."""
    question = f"select arg_max(step, time_utc) as step from log where epoch(time_utc) >= {begun}"
    return archive.sql(question)[0]["step"] or "nothing"


def sound(archive: Archive) -> list[str]:
    """What must be true at any moment: the store opens, and each row has its file, whole."""
    from astropy.io import fits

    lost = []
    rows = archive.sql("select path from reduced union all select path from master where path is not null")
    lost += [f"{row['path']} is on record and not there" for row in rows if not (archive.root / row["path"]).is_file()]
    for path in _products(archive):
        try:
            with fits.open(path) as hdus:
                hdus.verify("exception")
                shapes = [hdu.data.shape for hdu in hdus]
        except (OSError, ValueError, TypeError) as error:
            lost.append(f"{path} is torn: {error}")
        else:
            if len(set(shapes)) != 1:
                lost.append(f"{path} has images of {shapes}")
    return lost


def leftovers(archive: Archive) -> list[str]:
    """What must be true after a run that ended: each file has its row, and nothing unfinished is left."""
    sums = {row["path"]: row["checksum"] for row in archive.sql("select path, checksum from product")}
    known = set(sums)
    said = {row["path"] for row in archive.sql("select path from reduced union all select path from master")}
    lost = [f"{path} is left" for path in archive.root.rglob("*.part")]
    lost += [
        f"{path} is not what was recorded"
        for path, checksum in sums.items()
        if (archive.root / path).is_file() and xxh3_of(archive.root / path) != checksum
    ]
    lost += [f"{path} is left, and no row speaks of it" for path in _names(archive) - known]
    lost += [f"{path} is known as a product, and no row speaks of it" for path in known - said]
    return lost


def contents(archive: Archive) -> dict[str, Any]:
    """All products: rows, results, and files by their checksums; nothing of who made them when."""
    found: dict[str, Any] = {table: _rows(archive, table) for table in _TABLES}
    found["results"] = sorted(map(str, archive.sql("select * from results")))
    lists = {path.name: sorted(path.read_text().split()) for path in sorted((archive.root / ".names").iterdir())}
    found["names"] = {kind: names for kind, names in lists.items() if names}
    return found


def _rows(archive: Archive, table: str) -> list[str]:
    return sorted(str(without(row, *_OWN)) for row in archive.sql(f"select * from {table}"))


def different(found: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    lost = []
    for name, rows in wanted.items():
        if found[name] != rows:
            other = [row for row in found[name] if row not in rows][:1]
            lost.append(f"{name} is not that of an undisturbed run: {str(other)[:300]}")
    return lost


def _products(archive: Archive) -> Iterator[Path]:
    for top in ("master", "reduced"):
        for path in sorted((archive.root / top).rglob("*")):
            if path.is_file() and not path.name.endswith(".part"):
                yield path


def _names(archive: Archive) -> set[str]:
    return {str(path.relative_to(archive.root)) for path in _products(archive)}


FAULTS = (
    Fault("killed (kill -9) at a random moment of run -j2", 3, 100, killed),
    Fault("killed (kill -9) while an archive is made (init)", 3, 100, killed_init),
)
