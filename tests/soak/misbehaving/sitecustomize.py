"""Every Python process that has this folder on PYTHONPATH: jobs that do what no job should, in worker processes.

MISBEHAVING is `STEP ITEM HOW [FILE]`: the work of that step on that item does HOW, every time or, with FILE, only as
long as that is not there. The step `toy` is known besides, whose item says HOW itself (or anything else: it is done).
"""

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def misbehave(how: str) -> None:
    if how == "hang":
        # As a loop in a C library: the interpreter's lock is held, so that no other thread of Python goes on.
        ctypes.PyDLL(None).pause()
    elif how == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "abort":
        # No core file of a crash that is wanted.
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.abort()
    elif how == "segfault":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        ctypes.string_at(0)
    elif how == "memory":
        kept = []
        while True:
            kept.append(bytearray(16 << 20))
    elif how.startswith("sleep"):
        time.sleep(float(how.removeprefix("sleep")))


def _writing(final: str | None) -> contextlib.AbstractContextManager[object]:
    """In the middle of a file that is to be `final`."""
    from iop4cli.unfinished import unfinished_beside, written_whole

    if final is None:
        return contextlib.nullcontext()
    unfinished_beside(Path(final)).touch()
    return written_whole(Path(final))


def _install() -> None:
    from iop4cli.pipeline import steps
    from iop4cli.pipeline.step import Job, Outcome, Step
    from iop4cli.unfinished import unfinished_beside

    class Toy(Step):
        name, version = "toy", 1

        def work(self, job: Job) -> Outcome:
            how = job.item.split("/")[-1]
            once = job.payload.get("once")
            if once is None or not Path(once).exists():
                if once is not None:
                    Path(once).touch()
                with _writing(job.payload.get("writes")):
                    misbehave(how)
            if "leaves" in job.payload:
                unfinished_beside(Path(job.payload["leaves"])).touch()
            files = job.payload.get("files", ())
            for temporary, _ in files:
                temporary.touch()
            told = [str(os.getpid())]
            if "tells" in job.payload:
                told.append("loaded" if job.payload["tells"] in sys.modules else "not loaded")
            return self.done(job, notes=tuple(told), files=tuple(files))

    known, toy = steps.step_named, Toy()
    wanted_step, wanted_item, how, *marks = os.environ.get("MISBEHAVING", "no no no").split()

    def misbehaving(work: Callable[..., Outcome]) -> Callable[..., Outcome]:
        def works(job: Job, *more: Any) -> Outcome:
            if job.item == wanted_item and not any(Path(mark).exists() for mark in marks):
                for mark in marks:
                    Path(mark).touch()
                misbehave(how)
            return work(job, *more)

        return works

    def step_named(name: str) -> Any:
        if name == "toy":
            return toy
        step = known(name)
        if name == wanted_step and "work" not in vars(step):
            # By itself, and in one pass with the step before it.
            for way in ("work", "work_on"):
                setattr(step, way, misbehaving(getattr(step, way)))
        return step

    steps.step_named = step_named  # type: ignore[assignment]


_install()
