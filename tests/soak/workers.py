"""Workers that hang, die or eat memory while a night is reduced: it costs one frame, and the next run makes it good."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from tests.night.archives import Archive, Said, environment
from tests.soak.faults import Fault, Tried
from tests.soak.killed import NIGHT, contents, different, leftovers, sound
from tests.soak.many import small_night

MISBEHAVING = Path(__file__).parent / "misbehaving"
# Longer than an honest job of this night on a busy machine; a hung one costs so much of the test.
TIMEOUT_S = 20
_HANGING = {"hang", "stop"}
# Several times what these frames need, and soon full.
MEMORY_MB = 1000
# A result and its error: where a frame that the next one is tracked from is missing, another one serves, and the place
# where a star is looked for begins elsewhere by next to nothing.
_MEASURED = {"mag": "mag_err", "zp": "zp_err", "p": "p_err", "chi_deg": "chi_err_deg"}
_NOTHING_SIGMAS = 1e-3
STEPS = ("solve", "reduce", "mkmaster", "phot")


def misbehaving(archive: Archive, step: str, item: str, how: str, *more: str, code: int) -> Said:
    """`iop4 run` in which the work on one item does `how`."""
    timeout_s = TIMEOUT_S if how in _HANGING else 0
    path = os.pathsep.join(filter(None, (str(MISBEHAVING), os.environ.get("PYTHONPATH"))))
    return archive.iop4(
        "run", *more, code=code, PYTHONPATH=path, MISBEHAVING=f"{step} {item} {how}",
        IOP4_JOB_TIMEOUT_S=str(timeout_s), IOP4_WORKER_MEMORY_MB=str(MEMORY_MB),
    )  # fmt: skip


def _undisturbed(folder: Path) -> tuple[Archive, Archive]:
    """A night that is raw, and the same one after a run in which nothing went wrong."""
    raw = small_night(folder / "raw", NIGHT)
    whole = raw.copy(folder / "whole")
    whole.iop4("run", "-j2")
    return raw, whole


def tried(how: str, said: str, folder: Path, times: int) -> Tried:
    """Each time at another step or frame, with one worker (as cron has it) and with two in turn."""
    raw, whole = _undisturbed(folder)
    wanted = contents(whole)
    lost: list[str] = []
    for turn in range(times):
        step = STEPS[turn % len(STEPS)]
        items = sorted(whole.items(step))
        item = items[(turn // len(STEPS)) % len(items)]
        archive = raw.copy(folder / f"tried-{turn}")
        told = misbehaving(archive, step, item, how, f"-j{1 + turn % 2}", code=3)
        found = archive.items(step)
        if said not in found[item]["reason"] or found[item]["key"] is not None:
            lost.append(f"{step} {item}: {found[item]['status']}, {found[item]['reason']!r}, {told.err[-300:]}")
        lost += [
            f"{step} {name} {row['status']} too: {row['reason']}"
            for name, row in found.items()
            if name != item and row["status"] != "done" and not (step == "mkmaster" and "no master" in row["reason"])
        ]
        # Without a master its frames are reduced with another one, or not.
        lost += sound(archive) + ([] if step == "mkmaster" else _changed(archive, whole))
        archive.iop4("run", "-j2")
        lost += leftovers(archive) + different(contents(archive), wanted)
    return Tried(times, tuple(lost), f"{times} runs in which a job of {', '.join(STEPS[:times])} did so")


def _changed(archive: Archive, whole: Archive) -> list[str]:
    """Results that are there without the frame, do not say that it is missing, and are not as they would be with it."""
    wanted = whole.results()
    same = {name: row for name, row in archive.results().items() if name in wanted}
    return [
        f"{row['source']} {row['mode']} {name} is another"
        for name, row in same.items()
        if row["n_frames"] == wanted[name]["n_frames"] and not _alike(row, wanted[name])
    ]


def _alike(row: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return row["mjd_utc"] == wanted["mjd_utc"] and all(
        row[one] == wanted[one]
        or (None not in (row[one], wanted[one]) and abs(row[one] - wanted[one]) < _NOTHING_SIGMAS * wanted[error])
        for one, error in _MEASURED.items()
    )


def killed_once(folder: Path, times: int) -> Tried:
    """A worker that is killed over a job is replaced and the job done again: the run ends as if nothing had been."""
    raw, whole = _undisturbed(folder)
    wanted = contents(whole)
    lost: list[str] = []
    for turn in range(times):
        step = STEPS[turn % len(STEPS)]
        archive, mark = raw.copy(folder / f"tried-{turn}"), folder / f"killed-{turn}"
        misbehaving(archive, step, sorted(whole.items(step))[0], f"kill {mark}", f"-j{1 + turn % 2}", code=0)
        if not mark.exists():
            lost.append(f"no worker was killed at {step}")
        lost += sound(archive) + leftovers(archive) + different(contents(archive), wanted)
    return Tried(times, tuple(lost), "runs that ended with exit 0")


def nursery_killed(folder: Path, times: int) -> Tried:
    """The process that workers are forked from is killed at any moment: its workers end, and others come."""
    chance = random.Random(29)
    raw, whole = _undisturbed(folder)
    wanted = contents(whole)
    lost: list[str] = []
    n_killed = 0
    for turn in range(times):
        archive = raw.copy(folder / f"tried-{turn}")
        with subprocess.Popen(
            [sys.executable, "-m", "iop4cli", "run", "-j2"], cwd=archive.root, env=environment(archive.root),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        ) as run:  # fmt: skip
            n_killed += _child_killed(run, chance.uniform(0.0, 4.0))
            _, said = run.communicate()
        if run.returncode:
            lost.append(f"exit code {run.returncode}: {said[-300:]}")
        lost += sound(archive) + leftovers(archive) + different(contents(archive), wanted)
    return Tried(times, tuple(lost), f"{n_killed} of them while it was there")


def _child_killed(run: subprocess.Popen[str], after_s: float) -> bool:
    """Whether a process had a child to kill so long after the first one was seen."""
    seen_s = None
    while run.poll() is None:
        listed = subprocess.run(["ps", "--ppid", str(run.pid), "-o", "pid="], capture_output=True, text=True)
        children = [int(pid) for pid in listed.stdout.split()]
        seen_s = time.monotonic() if children and seen_s is None else seen_s
        if children and seen_s is not None and time.monotonic() - seen_s >= after_s:
            with contextlib.suppress(ProcessLookupError):
                os.kill(children[0], signal.SIGKILL)
                return True
        time.sleep(0.02)
    return False


def _fault(name: str, how: str, said: str, whole: int) -> Fault:
    attempt: Callable[[Path, int], Tried] = partial(tried, how, said)
    return Fault(name, 1, whole, attempt)


FAULTS = (
    _fault("worker hangs in C", "hang", "job_timeout_s", 8),
    _fault("worker stopped (kill -STOP)", "stop", "job_timeout_s", 4),
    _fault("worker crashes (segmentation fault)", "segfault", "SIGSEGV", 8),
    Fault("worker killed (kill -9), once", 1, 8, killed_once),
    Fault("process that forks workers killed (kill -9)", 1, 12, nursery_killed),
    _fault("worker killed (kill -9), each time", "kill", "SIGKILL", 8),
    *((_fault("worker runs out of memory", "memory", "ran out of memory", 8),) if sys.platform == "linux" else ()),
)
