"""Jobs on a Dask cluster: they go out, outcomes come back to the one that records; the files are on a shared disk.

The libraries of the steps are not safe with several threads, and Dask can end no job alone: each thread of a Dask
worker has a worker process of ours, with the same limits as on one machine.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from iop4cli.errors import Iop4Error, UsageError
from iop4cli.pipeline.executor import Processes
from iop4cli.pipeline.products import throw_away
from iop4cli.pipeline.step import FAILED, Job, Outcome
from iop4cli.pipeline.workers import Limits, machine_memory_mb

# One waits at each worker while it works, so that none is idle while its outcome travels.
_JOBS_OF_A_THREAD = 2
_CONNECT_S = 20.0
_CHECK_S = 60.0
_LOOK_FOR_WORKERS_S = 5.0
_PATIENCE_AT_THE_END_S = 10.0
# Numbers depend on these; what is pickled depends on iop4.
_SAME_VERSIONS = ("iop4cli", "numpy", "astropy", "photutils", "sep", "scipy", "astrometry")
_PROOF = ".dask-{}.probe"


def connected(place: str, n_jobs: int, limits: Limits, archive: Path) -> DaskExecutor:
    """The executor of a scheduler's address, a scheduler file, or `local` (a cluster on this machine, for tries)."""
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise UsageError("--executor dask:ADDRESS needs Dask: pip install 'iop4cli[dask]'") from None
    cluster = None
    try:
        if place == "local" or place.startswith("local:"):
            count = place.partition(":")[2] or str(n_jobs or 2)
            if not count.isdigit() or not int(count):
                raise UsageError(f"dask:{place}: must be dask:local or dask:local:N")
            cluster = LocalCluster(n_workers=int(count), threads_per_worker=1, dashboard_address=None)
            client = Client(cluster, set_as_default=False)
        elif "://" in place:
            client = Client(place, timeout=_CONNECT_S, set_as_default=False)
        elif Path(place).is_file():
            client = Client(scheduler_file=place, timeout=_CONNECT_S, set_as_default=False)
        else:
            raise UsageError(f"dask:{place}: must be dask:tcp://HOST:PORT, dask:FILE of a scheduler, or dask:local")
    except (OSError, ValueError) as error:
        raise UsageError(f"dask:{place}: there is no scheduler: {str(error).splitlines()[0]}") from None
    executor = DaskExecutor(client, cluster, limits, archive)
    try:
        executor.check_workers()
    except BaseException:
        executor.close()
        raise
    return executor


class DaskExecutor:
    """Hands out a bounded number of jobs, so that a night of ten thousand frames does not lie in the scheduler.

    A Dask worker that is lost costs what it was at, which Dask gives to another one.
    """

    def __init__(self, client: Any, cluster: Any, limits: Limits, archive: Path) -> None:
        self.client, self.cluster, self.limits, self.archive = client, cluster, limits, archive
        self._running: dict[Any, Job] = {}
        self._checked: set[str] = set()

    def run(self, jobs: Sequence[Job]) -> Iterator[Outcome]:
        waiting, ended = deque(jobs), SimpleQueue[Any]()
        try:
            while waiting or self._running:
                if waiting:
                    room = _JOBS_OF_A_THREAD * self.check_workers() - len(self._running)
                    for _ in range(min(room, len(waiting))):
                        self._submit(waiting.popleft(), ended)
                try:
                    future = ended.get(timeout=_LOOK_FOR_WORKERS_S)
                except Empty:
                    self.check_workers()
                    continue
                job = self._running.pop(future)
                outcome, is_lost = self._outcome(future, job)
                if is_lost and job.then is not None:
                    # It may be the second step's fault, which has its turn by itself.
                    waiting.append(replace(job, then=None))
                else:
                    yield outcome
        finally:
            self._cancel()

    def check_workers(self) -> int:
        """How many threads there are; each new worker must see the archive and have the same programs."""
        found = self.client.scheduler_info(n_workers=-1)["workers"]
        if not found:
            found = self._waited_for()
        new = [address for address in found if address not in self._checked]
        if new:
            self._check(new)
        return sum(int(worker["nthreads"]) for worker in found.values())

    def _waited_for(self) -> dict[str, Any]:
        """A cluster that starts, or that lost all its workers, has none for a while."""
        until = time.monotonic() + _CHECK_S
        while time.monotonic() < until:
            workers: dict[str, Any] = self.client.scheduler_info(n_workers=-1)["workers"]
            if workers:
                return workers
            time.sleep(0.2)
        raise Iop4Error(f"the Dask cluster had no worker for {_CHECK_S:g} s; what is finished is recorded")

    def _check(self, workers: list[str]) -> None:
        proof = self.archive / _PROOF.format(threading.get_native_id())
        proof.write_text(version("iop4cli"), encoding="utf-8")
        try:
            told = self.client.run(_seen, str(proof), workers=workers, on_error="return")
        except ImportError as error:
            raise UsageError(f"a Dask worker cannot do our jobs (is iop4 installed there?): {error}") from None
        finally:
            proof.unlink(missing_ok=True)
        ours = _versions()
        for address, answer in told.items():
            if isinstance(answer, OSError):
                continue  # it is gone already
            if isinstance(answer, BaseException):
                raise UsageError(f"the Dask worker {address} cannot do our jobs: {type(answer).__name__}: {answer}")
            sees, theirs = answer
            if not sees:
                raise UsageError(f"the Dask worker {address} cannot read and write {self.archive}: it must be shared")
            other = [f"{name} {theirs[name]} (here {ours[name]})" for name in ours if theirs[name] != ours[name]]
            if other:
                raise UsageError(f"the Dask worker {address} has other versions: {', '.join(other)}")
            self._checked.add(address)

    def _submit(self, job: Job, ended: SimpleQueue[Any]) -> None:
        future = self.client.submit(guarded, job, self.limits, pure=False, retries=0)
        self._running[future] = job
        future.add_done_callback(ended.put)

    def _outcome(self, future: Any, job: Job) -> tuple[Outcome, bool]:
        """And whether the cluster failed: no key is kept then, so that the next run tries again."""
        from distributed.scheduler import KilledWorker

        try:
            outcome: Outcome = future.result(timeout=_CHECK_S)
        except KilledWorker as error:
            reason = (
                f"{error.allowed_failures + 1} Dask workers died over it, the last one was {error.last_worker.address}"
            )
            return Outcome(job.step, job.item, FAILED, reason), True
        except Exception as error:
            reason = f"the Dask cluster lost it: {type(error).__name__}: {error}"
            return Outcome(job.step, job.item, FAILED, reason), True
        finally:
            future.release()
        return outcome, False

    def _cancel(self) -> None:
        """Nobody waits for these any more: those not begun are not, files of those that end are not to be kept."""
        if not self._running:
            return
        futures, self._running = list(self._running), {}
        begun = {key for keys in self.client.processing().values() for key in keys}
        self.client.cancel([future for future in futures if future.key not in begun])
        until = time.monotonic() + _PATIENCE_AT_THE_END_S
        for future in futures:
            if future.key not in begun:
                continue
            try:
                outcome = future.result(timeout=max(0.0, until - time.monotonic()))
            except Exception:  # it ended in another way, or too late: what it leaves is removed by who does it again
                future.cancel()
                continue
            throw_away(outcome.of_pass)

    def close(self) -> None:
        self._cancel()
        self.client.close()
        if self.cluster is not None:
            self.cluster.close()


_own = threading.local()


def guarded(job: Job, limits: Limits) -> Outcome:
    """Do a job, in a Dask worker, in a process that this thread keeps for it."""
    from iop4cli.frames.fits import sync

    if getattr(_own, "limits", None) != limits:
        from iop4cli.pipeline.executor import one_thread_each

        one_thread_each()
        # Who started the run may have had a larger machine.
        memory_mb = min(limits.memory_mb, machine_memory_mb())
        _own.limits, _own.executor = limits, Processes(1, replace(limits, memory_mb=memory_mb), eager=True)
    (outcome,) = _own.executor.run([job])
    for temporary, final in (files for one in outcome.of_pass for files in one.files):
        if temporary != final:
            # The recorder's machine cannot make this one write what it still has in memory.
            sync(temporary)
    return outcome


def _versions() -> dict[str, str]:
    import platform

    return {"Python": ".".join(platform.python_version_tuple()[:2]), **{name: version(name) for name in _SAME_VERSIONS}}


def _seen(proof: str) -> tuple[bool, dict[str, str]]:
    """Whether this worker reads what was just written and may write beside it, and what it would work with."""
    import os

    path = Path(proof)
    try:
        sees = bool(path.read_text(encoding="utf-8")) and os.access(path.parent, os.W_OK)
    except OSError:
        sees = False
    return sees, _versions()
