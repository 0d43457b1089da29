"""Workers of a Dask cluster that are killed while a night is reduced there: it costs nothing."""

from __future__ import annotations

import random
import time
from pathlib import Path

from tests.soak.dask_cluster import cluster
from tests.soak.faults import Fault, Tried
from tests.soak.killed import NIGHT, contents, different, leftovers, sound
from tests.soak.many import small_night, started


def killed(folder: Path, times: int) -> Tried:
    """One of two workers is killed once the run records, and another one comes."""
    chance = random.Random(20220310)
    raw = small_night(folder / "raw", NIGHT)
    whole = raw.copy(folder / "whole")
    whole.iop4("run", "-j2")
    wanted = contents(whole)
    lost: list[str] = []
    n_killed = 0
    for turn in range(times):
        archive = raw.copy(folder / f"tried-{turn}")
        with cluster(folder / f"dask-{turn}", 2) as dask:
            run = started(archive, "run", "--executor", f"dask:{dask.file}")
            while run.poll() is None and not (archive.root / "master").exists():
                time.sleep(0.05)
            time.sleep(chance.uniform(0.0, 3.0))
            if run.poll() is None:
                n_killed += 1
                dask.started[1].kill()
                dask.add_worker()
            _, err = run.communicate(timeout=300)
        if run.returncode != 0:
            lost.append(f"exit {run.returncode}: {err[-300:]}")
        lost += sound(archive) + leftovers(archive) + different(contents(archive), wanted)
    return Tried(times, tuple(lost), f"{n_killed} killed before the run had ended")


FAULTS = (Fault("Dask worker killed (kill -9) in a run", 1, 8, killed),)
