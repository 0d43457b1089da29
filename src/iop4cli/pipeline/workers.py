"""Worker processes: one job at a time each, so that one that hangs or dies can be ended alone.

Pools that share a queue between their workers (concurrent.futures, Pebble, loky) wait for ever, or lose all that is
running, when a worker is killed while it holds the lock of that queue. Here each worker has a pipe of its own, whose
other end is closed by the kernel when it dies, whatever it was at.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from iop4cli.pipeline.nursery import FOR_PARENT, Nursery
from iop4cli.unfinished import forget_own, remove_own

if TYPE_CHECKING:
    from iop4cli.pipeline.step import Job, Outcome

_LOOK_FOR_PARENT_S = 2.0
# The kernel ends a worker whose parent was killed and could not: it never does while a parent lives.
_ORPHANS_PATIENCE = 2.0
# A worker that keeps more than this share of its memory when its job is done is replaced by a fresh one.
_KEPT_SHARE = 0.5
# A half of an answer that does not go on comes from a worker that was stopped.
_HALF_ANSWER_S = 10.0
OUT_OF_MEMORY = "ran out of memory"


@dataclass(frozen=True)
class Limits:
    """What a job may take: seconds, and MB of memory in its worker; 0 is no limit."""

    job_timeout_s: float = 0.0
    memory_mb: int = 0


@dataclass(frozen=True)
class Asked:
    """A job, and the run of jobs that it belongs to."""

    run: int
    job: Job


@dataclass(frozen=True)
class Answer:
    """What a worker made of a job: an outcome, or None if it died over it."""

    worker: Worker
    asked: Asked
    outcome: Outcome | None


class Worker:
    """A process that takes jobs from a queue until it is told to end, is killed, dies or is worn out.

    A thread of ours waits for its answers, so that it has its next job at once, whatever the main thread does.
    """

    def __init__(
        self, limits: Limits, jobs: SimpleQueue[Asked | None], answers: SimpleQueue[Answer], nursery: Nursery
    ) -> None:
        from multiprocessing.connection import Pipe

        self.limits, self.is_over, self.was_late = limits, False, False
        self._jobs, self._answers = jobs, answers
        self._asked: Asked | None = None
        self._since_s = 0.0
        self._lock = threading.Lock()
        self._pipe, theirs = Pipe()
        with theirs:
            self._process = nursery.bear(theirs.fileno())
        self.process, self.is_early = self._process.pid, self._process.is_early
        threading.Thread(target=self._tend, daemon=True).start()

    @property
    def is_busy(self) -> bool:
        return self._asked is not None

    def left_s(self) -> float | None:
        """Seconds that its job may still take; None if nothing limits it."""
        if self._asked is None or not self.limits.job_timeout_s:
            return None
        return self._since_s + self.limits.job_timeout_s - time.monotonic()

    def allow(self, more_s: float) -> None:
        """Time that was nobody's: this program, and mostly its workers too, were stopped (Ctrl-Z)."""
        self._since_s += more_s

    def end_if_late(self) -> None:
        with self._lock:
            left_s = self.left_s()
            # What has come and was not read yet is no reason to end it (this program may have been stopped).
            if left_s is None or left_s > 0:
                return
            if left_s <= -_HALF_ANSWER_S or not self._pipe.poll():
                self.was_late = True
                self._process.kill()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def cause_of_death(self) -> str:
        """Why it died, as far as the kernel tells."""
        code = self._process.wait()
        if code == -signal.SIGKILL:
            return "was killed (SIGKILL): by the system because memory ran out, or by somebody"
        if code < 0:
            name = signal.Signals(-code).name
            limited = f", or a library that got no memory (worker_memory_mb is {self.limits.memory_mb})"
            return f"died of {name}: a crash in a C library{limited if self.limits.memory_mb else ''}"
        return f"ended with exit code {code}"

    def _tend(self) -> None:
        """Hand on jobs and answers, in a thread of its own."""
        while not self.is_over and (asked := self._jobs.get()) is not None:
            with self._lock:
                self._asked, self._since_s = asked, time.monotonic()
            outcome, is_worn = self._exchange(asked)
            with self._lock:
                self._asked = None
                self.is_over = outcome is None or is_worn or self.was_late
            self._answers.put(Answer(self, asked, outcome))
        self.is_over = True
        self._pipe.close()
        self._process.wait()

    def _exchange(self, asked: Asked) -> tuple[Outcome | None, bool]:
        try:
            self._pipe.send(asked.job)
            answer: tuple[Outcome, bool] = self._pipe.recv()
        except (EOFError, OSError):
            return None, True
        return answer


def serve(said: dict[str, Any]) -> None:
    """The main loop of a worker."""
    from multiprocessing.connection import Connection

    from iop4cli.pipeline.executor import perform

    for number in FOR_PARENT:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, FOR_PARENT)
    # Batch systems and systemd send it to every process of a run: what was being written goes.
    handing = _Handing()
    signal.signal(signal.SIGTERM, handing.leave)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    threading.Thread(target=_end_with, args=(said["parent"],), daemon=True).start()
    memory_mb = said["memory_mb"]
    _limit_memory(memory_mb)
    with Connection(said["pipe"]) as pipe:
        while True:
            try:
                job = pipe.recv()
            except (EOFError, OSError):
                return
            signal.setitimer(signal.ITIMER_REAL, _ORPHANS_PATIENCE * said["job_timeout_s"])
            outcome = perform(job)
            signal.setitimer(signal.ITIMER_REAL, 0.0)
            is_worn = bool(memory_mb) and (
                OUT_OF_MEMORY in outcome.reason or resident_mb(os.getpid()) > _KEPT_SHARE * memory_mb
            )
            with handing:
                try:
                    pipe.send((outcome, is_worn))
                except OSError:
                    remove_own()
                    return
                # From here on they are files of who asked for them.
                forget_own()


class _Handing:
    """The end of a worker that is told to end: at once, and what it was writing goes.

    Within, while it hands over its files to who asked for them, it ends when that is done: they are no more its own.
    """

    def __init__(self) -> None:
        self._is_within, self._told = False, 0

    def leave(self, number: int, _frame: object) -> None:
        self._told = number
        if not self._is_within:
            remove_own()
            os._exit(128 + number)

    def __enter__(self) -> None:
        self._is_within = True

    def __exit__(self, *_: object) -> None:
        self._is_within = False
        if self._told:
            self.leave(self._told, None)


def _end_with(parent: int) -> None:
    """A worker whose parent was killed in the middle of a job would finish it for nobody."""
    while os.getppid() == parent:
        time.sleep(_LOOK_FOR_PARENT_S)
    remove_own()
    os._exit(1)


def _limit_memory(memory_mb: int) -> None:
    """What the process may write to; not files that it maps. Only Linux heeds it."""
    import resource

    if not memory_mb:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    bytes_ = memory_mb << 20
    resource.setrlimit(resource.RLIMIT_DATA, (bytes_ if hard < 0 else min(bytes_, hard), hard))


def resident_mb(pid: int) -> float:
    """Memory that a process has now; 0 where the kernel does not tell (macOS)."""
    try:
        with open(f"/proc/{pid}/statm") as told:  # noqa: PTH123 (after each job: pathlib is slower)
            return int(told.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:
        return 0.0


def machine_memory_mb() -> int:
    """Memory of the machine, or of the container or job that this process is confined to."""
    from pathlib import Path

    sizes = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for name in _control_groups():
        try:
            text = Path("/sys/fs/cgroup", name.strip("/"), "memory.max").read_text(encoding="ascii").strip()
        except OSError:
            continue
        if text.isdigit():
            sizes.append(int(text))
    return min(sizes) >> 20


def _control_groups() -> list[str]:
    """That of this process and those above it (Linux, version 2)."""
    try:
        with open("/proc/self/cgroup", encoding="ascii") as told:  # noqa: PTH123
            own = next((line.strip()[3:] for line in told if line.startswith("0::")), "")
    except OSError:
        return []
    parts = own.strip("/").split("/")
    return ["/".join(parts[:depth]) for depth in range(len(parts) + 1)]
