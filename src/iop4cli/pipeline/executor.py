"""Where jobs are done: in this process, or in a few that are kept warm."""

from __future__ import annotations

import os
import time
import traceback
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Protocol, TypeVar

from iop4cli.archive.layout import PRODUCT_FOLDERS
from iop4cli.errors import Iop4Error, UsageError
from iop4cli.full_disk import DiskFull
from iop4cli.pipeline.nursery import Nursery, NurseryGone
from iop4cli.pipeline.products import throw_away
from iop4cli.pipeline.step import FAILED, Job, Outcome, night_of
from iop4cli.pipeline.workers import OUT_OF_MEMORY, Answer, Asked, Limits, Worker, machine_memory_mb
from iop4cli.unfinished import forget_own, remove_of

# What workers need costs a second of imports; fewer jobs than this are quicker here, or in a single one.
_JOBS_WORTH_A_WORKER = 4
_PATIENCE_AT_THE_END_S = 10.0
_LOOK_EVERY_S = 0.05
_LOOK_FOR_WORK_S = 1.0
# Nobody waits so much longer than was asked for, unless it was stopped.
_STOPPED_S = 5.0
# Of the machine's memory, what a worker may take where nobody says: more than any honest job, and not all of it.
_MEMORY_SHARE = 0.5
# Python and the libraries of the steps take a third of it.
LEAST_MEMORY_MB = 512
NO_LIMITS = Limits()
T = TypeVar("T")


class Executor(Protocol):
    def run(self, jobs: Sequence[Job]) -> Iterator[Outcome]: ...

    def close(self) -> None: ...


def perform(job: Job) -> Outcome:
    """Do one job; whatever goes wrong is the outcome of that job alone."""
    from iop4cli.pipeline.steps import step_named

    step = step_named(job.step)
    start = time.perf_counter()
    forget_own()
    try:
        outcome = step.work(job)
    except DiskFull as error:
        # Space comes back: no key is kept, so that the next run tries again.
        outcome = Outcome(job.step, job.item, FAILED, str(error))
    except Exception as error:  # a signal is none of these, and ends the run
        if _wanted_memory(error):
            reason = f"{OUT_OF_MEMORY}: a worker may take as much as the setting worker_memory_mb says"
        elif isinstance(error, Iop4Error):
            return replace(step.failed(job, str(error)), seconds=time.perf_counter() - start)
        else:
            reason = f"unexpected {type(error).__name__}: {error}"
        # Not a known failure of these inputs: no key is kept, so that the next run tries again.
        outcome = Outcome(job.step, job.item, FAILED, reason, detail=traceback.format_exc())
    return replace(outcome, seconds=time.perf_counter() - start - (outcome.then.seconds if outcome.then else 0.0))


def _wanted_memory(error: BaseException | None) -> bool:
    """Readers of files may take it for a fault of the file."""
    while error is not None and not isinstance(error, MemoryError):
        error = error.__cause__ or error.__context__
    return error is not None


class Here:
    """One job after the other in this process."""

    def run(self, jobs: Sequence[Job]) -> Iterator[Outcome]:
        for job in jobs:
            yield perform(job)

    def close(self) -> None:
        pass


class Processes:
    """A few worker processes that are kept; one that hangs, dies or takes too much memory costs its own job.

    `eager`: even a single job goes to a worker, so that a crash in a C library costs that job and not the program.
    What they wrote for the last jobs and nobody took is removed at the end from the nights of `archive`.
    """

    def __init__(
        self, n_workers: int, limits: Limits = NO_LIMITS, *, eager: bool = False, archive: Path | None = None
    ) -> None:
        self.n_workers, self.limits, self.eager, self.archive = n_workers, limits, eager, archive
        self._jobs: SimpleQueue[Asked | None] = SimpleQueue()
        self._answers: SimpleQueue[Answer] = SimpleQueue()
        self._workers: list[Worker] = []
        self._nursery: Nursery | None = None
        self._run = 0
        # Of all workers so far, and of the last jobs.
        self._processes, self._nights = set[int](), set[str]()

    def run(self, jobs: Sequence[Job]) -> Iterator[Outcome]:
        if not self.eager and not self._workers and len(jobs) < _JOBS_WORTH_A_WORKER:
            yield from Here().run(jobs)
            return
        self._run += 1
        n_workers = self.n_workers if self._workers or len(jobs) >= _JOBS_WORTH_A_WORKER else 1
        self._nights = {night_of(job.item) for job in jobs}
        self._let_early_ones_go()
        # Cores without a job are shared out to those that have one.
        cores = max(1, self.n_workers // max(1, len(jobs)))
        waiting, tried = deque(replace(job, cores=cores) for job in jobs), set[str]()
        n_asked = 0
        try:
            while waiting or n_asked:
                # One more than each can do at a time, so that none waits while outcomes are recorded.
                while waiting and n_asked < 2 * n_workers:
                    self._jobs.put(Asked(self._run, waiting.popleft()))
                    n_asked += 1
                self._start(min(n_asked, n_workers))
                answer = self._answer()
                job = answer.asked.job
                if answer.outcome is None:
                    self._leave_dead_nursery()
                if answer.asked.run != self._run:
                    _discard(answer)
                    continue
                n_asked -= 1
                if answer.outcome is not None:
                    yield answer.outcome
                elif job.then is not None:
                    # It may be the second step's fault, which has its turn by itself.
                    waiting.append(replace(job, then=None))
                elif answer.worker.was_late:
                    yield _late(job, self.limits.job_timeout_s)
                elif job.item in tried:
                    reason = f"its worker process {answer.worker.cause_of_death()}; the second time too"
                    yield Outcome(job.step, job.item, FAILED, reason)
                else:
                    # Out of memory, the kernel takes the largest: that need not be the one who asked for too much.
                    tried.add(job.item)
                    waiting.append(job)
        finally:
            _taken_from(self._jobs)

    def warm(self) -> None:
        """Let what the steps use be loaded, so that the first frame need not wait for it."""
        if self._nursery is None:
            self._nursery = Nursery(vars(self.limits))

    def _let_early_ones_go(self) -> None:
        """Each of them would load for itself what was not yet there when it was forked."""
        if self._workers and all(worker.is_early and not worker.is_busy for worker in self._workers):
            for _ in self._workers:
                self._jobs.put(None)
            self._workers.clear()
            # Nobody else may take it for a word to themselves.
            self._jobs = SimpleQueue()

    def _leave_dead_nursery(self) -> None:
        """Its workers end one after the other: what waits goes to others, so that it costs no job more than one try."""
        if self._nursery is None or not self._nursery.is_gone:
            return
        waiting = [asked for asked in _taken_from(self._jobs) if asked is not None]
        for _ in self._workers:
            self._jobs.put(None)
        self._workers.clear()
        self._jobs = SimpleQueue()
        for asked in waiting:
            self._jobs.put(asked)
        self._nursery.close()
        self._nursery = None

    def close(self) -> None:
        """Let go of the workers; the files of what they were at when a signal came are not to be kept."""
        _taken_from(self._jobs)
        for _ in self._workers:
            self._jobs.put(None)
        try:
            until = time.monotonic() + _PATIENCE_AT_THE_END_S
            while any(worker.is_busy for worker in self._workers) and time.monotonic() < until:
                time.sleep(_LOOK_EVERY_S)
        finally:
            for worker in self._workers:
                worker.kill()
            for answer in _taken_from(self._answers):
                _discard(answer)
            self._workers.clear()
            self._jobs = SimpleQueue()
            if self._nursery is not None:
                self._nursery.close()
                self._nursery = None
            self._remove_untaken()

    def _remove_untaken(self) -> None:
        """Files, whole or half, of dead workers: what was recorded has its final name.

        A signal may come when an answer is on its way, or was taken and not yet handed on: no queue has it then.
        """
        if self.archive is not None:
            for folder in (self.archive / top / night for top in PRODUCT_FOLDERS for night in self._nights):
                remove_of(self._processes, folder)

    def _start(self, n_wanted: int) -> None:
        self._workers = [worker for worker in self._workers if not worker.is_over]
        while len(self._workers) < n_wanted:
            self._workers.append(self._born())
            self._processes.add(self._workers[-1].process)

    def _born(self) -> Worker:
        """A worker, of another nursery if somebody has killed the one that was there."""
        self.warm()
        assert self._nursery is not None
        try:
            return Worker(self.limits, self._jobs, self._answers, self._nursery)
        except NurseryGone:
            self._nursery.close()
            self._nursery = Nursery(vars(self.limits))
            return Worker(self.limits, self._jobs, self._answers, self._nursery)

    def _answer(self) -> Answer:
        """The next one; who takes too long meanwhile is ended, and so answers too."""
        while True:
            left = [left_s for worker in self._workers if (left_s := worker.left_s()) is not None]
            wait_s, start_s = max(_LOOK_EVERY_S, min(left, default=_LOOK_FOR_WORK_S)), time.monotonic()
            try:
                return self._answers.get(timeout=wait_s)
            except Empty:
                stopped_s = time.monotonic() - start_s - wait_s
                for worker in self._workers:
                    if stopped_s > _STOPPED_S:
                        worker.allow(stopped_s)
                    worker.end_if_late()


def _late(job: Job, timeout_s: float) -> Outcome:
    """No key is kept, so that the next run tries again; the same holds for a worker that died."""
    reason = f"took longer than {timeout_s:g} s (job_timeout_s): a library hangs, or the machine is overloaded"
    return Outcome(job.step, job.item, FAILED, reason, seconds=timeout_s)


def _discard(answer: Answer) -> None:
    """Nobody waits for it any more: its files are not to be kept."""
    if answer.outcome is not None:
        throw_away(answer.outcome.of_pass)


def _taken_from(queue: SimpleQueue[T]) -> list[T]:
    taken = []
    while True:
        try:
            taken.append(queue.get_nowait())
        except Empty:
            return taken


def one_thread_each() -> None:
    """Keep C libraries from starting threads of their own: on small cut-outs they only wait for each other.

    The libraries read these variables when they are loaded, which is later than this.
    """
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")


def worker_count(n_jobs: int) -> int:
    """0 is one a core."""
    return n_jobs or (os.cpu_count() or 1)


def worker_limits(job_timeout_s: float, memory_mb: int) -> Limits:
    """Limits as the settings say; a negative memory is a share of the machine's."""
    if job_timeout_s < 0:
        raise UsageError(f"job_timeout_s must be a number of seconds, or 0 for no limit, not {job_timeout_s:g}")
    if 0 < memory_mb < LEAST_MEMORY_MB:
        raise UsageError(f"worker_memory_mb is {memory_mb}: a worker needs {LEAST_MEMORY_MB} MB; 0 is no limit")
    if memory_mb < 0:
        memory_mb = max(LEAST_MEMORY_MB, int(_MEMORY_SHARE * machine_memory_mb()))
    return Limits(job_timeout_s, memory_mb)


def make_executor(name: str, n_jobs: int, limits: Limits, archive: Path) -> Executor:
    """The executor that a setting names; `archive` is the folder that its workers have to see."""
    one_thread_each()
    if name.startswith("dask:"):
        from iop4cli.pipeline.dask_executor import connected

        return connected(name.removeprefix("dask:"), n_jobs, limits, archive)
    if name not in {"auto", "processes", "here"}:
        raise UsageError(f"unknown executor {name!r}; known: auto, here, processes, dask:ADDRESS")
    workers = worker_count(n_jobs)
    is_limited = limits != NO_LIMITS
    if name == "here" or (workers == 1 and not is_limited):
        return Here()
    # Nothing ends a C library in this process: even a single job goes to a worker, for a third of a second.
    return Processes(workers, limits, eager=is_limited, archive=archive)
