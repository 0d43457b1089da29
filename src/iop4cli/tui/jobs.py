"""Commands in processes of their own, whose rows and words are read as they come."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from textual.message import Message

from iop4cli.errors import UsageError
from iop4cli.pipeline.steps import STEP_NAMES

WAITING, RUNNING, CANCELLED = "waiting", "running", "cancelled"
RUNNABLE = ("run", *STEP_NAMES)
# Verbs that the screens of masters and calibrations start.
_OTHERS = ("calib",)
_PLANNED = re.compile(r"(\w+)(?: \(.*\))?: (\d+) due, \d+ up to date, \d+ impossible")
_LINES_KEPT = 1000
_STOP_S = 10.0
_SHOW_EVERY_S = 0.25
_ENDS = {0: "done", 1: "failed", 3: "partly failed", 75: "store busy"}


@dataclass
class Job:
    """One command: what it was told, how far it is, what it said last."""

    number: int
    words: tuple[str, ...]
    status: str = WAITING
    step: str = ""
    n_due: int = 0
    n_ended: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    started: datetime | None = None
    seconds: float = 0.0
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=_LINES_KEPT))
    process: subprocess.Popen[str] | None = None
    is_over: bool = False

    @property
    def command(self) -> str:
        return shlex.join(["iop4", *self.words])

    def row(self) -> dict[str, Any]:
        """The job in a table."""
        progress = f"{self.step} {self.n_ended}/{self.n_due}" if self.step and not self.is_over else ""
        return {
            "number": self.number, "command": self.command, "status": self.status, "progress": progress,
            "done": self.counts["done"], "failed": self.counts["failed"] + self.counts["impossible"],
            "seconds": round(self.seconds), "started": self.started,
        }  # fmt: skip


class JobChanged(Message):
    """There is something new of a job."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.job = job


def parsed_command(text: str) -> tuple[str, ...]:
    """What a person typed after `iop4`."""
    try:
        words = shlex.split(text)
    except ValueError as problem:
        raise UsageError(f"{text!r}: {problem}") from None
    if words[:1] == ["iop4"]:
        words = words[1:]
    if not words or words[0] not in RUNNABLE:
        raise UsageError(f"a job is one of {', '.join(RUNNABLE)}, with items and options")
    return tuple(words)


def perform(job: Job, archive: Path, changed: Callable[[Job], None]) -> None:
    """Run a job to its end; for threads. `changed` is called when there is something new to show."""
    said = [*job.words, "--archive", str(archive)]
    if job.words[0] not in _OTHERS:
        said += ["--json", "-v"]
    job.started, began = datetime.now(), time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-m", "iop4cli", *said], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
        env={**os.environ, "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"},
    ) as process:  # fmt: skip
        job.process = process
        if job.status == CANCELLED:
            process.terminate()
        changed(job)
        shown = began
        assert process.stdout is not None
        for line in process.stdout:
            _take(job, line.rstrip("\n"))
            now = time.monotonic()
            job.seconds = now - began
            if now - shown > _SHOW_EVERY_S:
                shown = now
                changed(job)
    job.seconds = time.monotonic() - began
    if job.status != CANCELLED:
        job.status = _ENDS.get(process.returncode, f"failed ({process.returncode})")
    job.is_over = True


def _take(job: Job, line: str) -> None:
    """One line: a row of what ended, how much a step has to do, or words."""
    if line.startswith("{"):
        with contextlib.suppress(ValueError):
            row = json.loads(line)
            job.counts[row.get("status", "")] += 1
            job.n_ended += row.get("status") in {"done", "failed"}
            reason = f": {row['reason']}" if row.get("reason") else ""
            job.lines.append(f"{row.get('status', '')} {row.get('step', '')} {row.get('name', '')}{reason}")
            return
    planned = _PLANNED.fullmatch(line)
    if planned:
        job.step, job.n_due, job.n_ended = planned[1], int(planned[2]), 0
    job.lines.append(line)


def next_job(jobs: Sequence[Job]) -> Job | None:
    """The job whose turn it is, from now on running; None while another runs."""
    if any(job.status != WAITING and not job.is_over for job in jobs):
        return None
    job = next((job for job in jobs if job.status == WAITING), None)
    if job is not None:
        job.status = RUNNING
    return job


def stop(job: Job) -> None:
    """Tell a job to end; what it has finished is recorded."""
    if job.is_over:
        return
    job.is_over = job.status == WAITING
    job.status = CANCELLED
    if job.process is not None and job.process.poll() is None:
        job.process.send_signal(signal.SIGTERM)


def stop_all(jobs: Sequence[Job]) -> None:
    """At the end of the application: tell all, and wait a while."""
    running = [job for job in jobs if not job.is_over and job.status != WAITING]
    for job in jobs:
        stop(job)
    for job in running:
        if job.process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                job.process.wait(_STOP_S)
