"""Where jobs are done: in this process, or in a few that are kept warm."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from typing import Protocol

from iop4cli.errors import Iop4Error, UsageError
from iop4cli.pipeline.step import FAILED, Job, Outcome
from iop4cli.pipeline.workers import workers_context

# Starting a worker costs a second or two of imports; fewer jobs than this are quicker here.
_JOBS_WORTH_A_WORKER = 4
_LOOK_FOR_PARENT_S = 2.0
_LIBRARIES = (
    "astropy.io.fits", "astropy.wcs", "astropy.time", "astrometry", "astroscrappy", "photutils.aperture", "sep",
    "scipy.optimize", "iop4cli.pipeline.astrometer", "iop4cli.pipeline.photometer", "iop4cli.pipeline.polarimeter",
)  # fmt: skip


class Executor(Protocol):
    def run(self, jobs: Sequence[Job]) -> Iterator[Outcome]: ...

    def close(self) -> None: ...


def perform(job: Job) -> Outcome:
    """Do one job; whatever goes wrong is the outcome of that job alone."""
    from iop4cli.pipeline.steps import step_named

    step = step_named(job.step)
    start = time.perf_counter()
    try:
        outcome = step.work(job)
    except Iop4Error as error:
        outcome = step.failed(job, str(error))
    except Exception as error:  # a signal is none of these, and ends the run
        # Not a known failure of these inputs: no key is kept, so that the next run tries again.
        reason = f"unexpected {type(error).__name__}: {error}"
        outcome = Outcome(job.step, job.item, FAILED, reason, detail=traceback.format_exc())
    return replace(outcome, seconds=time.perf_counter() - start)


class Here:
    """One job after the other in this process."""

    def run(self, jobs: Sequence[Job]) -> Iterator[Outcome]:
        for job in jobs:
            yield perform(job)

    def close(self) -> None:
        pass


class Processes:
    """A pool of spawned processes (never forked: a child would keep the store's lock).

    `eager`: even a single job goes to a worker, so that a crash in a C library costs that job and not the program.
    """

    def __init__(self, n_workers: int, *, eager: bool = False) -> None:
        self.n_workers, self.eager = n_workers, eager
        self._pool: ProcessPoolExecutor | None = None
        self._running: dict[Future[Outcome], Job] = {}

    def run(self, jobs: Sequence[Job]) -> Iterator[Outcome]:
        if not self.eager and self._pool is None and len(jobs) < _JOBS_WORTH_A_WORKER:
            yield from Here().run(jobs)
            return
        waiting = list(reversed(jobs))
        running = self._running = {}
        while waiting or running:
            while waiting and len(running) < 2 * self.n_workers:
                job = waiting.pop()
                running[self._submit(job)] = job
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            broken: list[Job] = []
            for future in finished:
                job = running.pop(future)
                try:
                    yield future.result()
                except BrokenProcessPool:
                    broken.append(job)
            if broken:
                broken += running.values()
                running.clear()
                yield from self._one_by_one(broken)

    def _one_by_one(self, jobs: Sequence[Job]) -> Iterator[Outcome]:
        """A worker died: find whose fault it was by giving each suspect a pool of its own."""
        self.close()
        for job in jobs:
            try:
                yield self._submit(job).result()
            except BrokenProcessPool:
                self.close()
                reason = "the worker process died (out of memory, or a crash in a C library)"
                yield Outcome(job.step, job.item, FAILED, reason)

    def _submit(self, job: Job) -> Future[Outcome]:
        return self._started().submit(perform, job)

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self.n_workers, mp_context=workers_context(), initializer=_quiet_worker, initargs=(os.getpid(),)
            )
        return self._pool

    def warm(self) -> None:
        """Start a worker and let it load what the steps use, so that the first frame need not wait for it."""
        self._started().submit(_load_libraries)

    def close(self) -> None:
        """Let go of the workers; the files of what they were at when a signal came are not to be kept."""
        if self._pool is None:
            return
        pool, self._pool = self._pool, None
        pool.shutdown(wait=True, cancel_futures=True)
        for future in self._running:
            if not future.cancelled() and future.exception() is None:
                for temporary, _ in future.result().files:
                    temporary.unlink(missing_ok=True)
        self._running.clear()


def _quiet_worker(parent: int) -> None:
    """Ctrl-C is the main process' business; the workers finish or are dropped, and end with it if it is killed."""
    import signal
    import threading

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """A worker whose parent was killed would wait for work for ever."""
    while os.getppid() == parent:
        time.sleep(_LOOK_FOR_PARENT_S)
    os._exit(1)


def _load_libraries() -> None:
    import importlib

    for module in _LIBRARIES:
        importlib.import_module(module)


def one_thread_each() -> None:
    """Keep C libraries from starting threads of their own: on small cut-outs they only wait for each other.

    The libraries read these variables when they are loaded, which is later than this.
    """
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")


def worker_count(n_jobs: int) -> int:
    """0 is one a core."""
    return n_jobs or (os.cpu_count() or 1)


def make_executor(name: str, n_jobs: int) -> Executor:
    one_thread_each()
    if name in {"auto", "processes", "here"}:
        workers = worker_count(n_jobs)
        return Here() if name == "here" or workers == 1 else Processes(workers)
    raise UsageError(f"unknown executor {name!r}; known: auto, here, processes")
