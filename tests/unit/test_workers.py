"""A worker that hangs, crashes or eats memory costs its own job, and no other."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from multiprocessing import Pipe
from pathlib import Path

import pytest

from iop4cli.errors import UsageError
from iop4cli.pipeline.executor import Here, Processes, make_executor, worker_limits
from iop4cli.pipeline.nursery import _ASK, _REQUEST, Nursery
from iop4cli.pipeline.step import DONE, FAILED, Job, Outcome
from iop4cli.pipeline.workers import Limits, machine_memory_mb, resident_mb

MISBEHAVING = Path(__file__).parents[1] / "soak" / "misbehaving"
TIMEOUT_S = 4.0


@pytest.fixture(autouse=True)
def toy_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers know a step `toy` whose items say what to do."""
    monkeypatch.setenv("PYTHONPATH", f"{MISBEHAVING}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")


@pytest.fixture
def two_workers() -> Iterator[Processes]:
    executor = Processes(2, Limits(TIMEOUT_S, 600), eager=True)
    yield executor
    executor.close()


def toy(item: str, **payload: object) -> Job:
    return Job("toy", item, item, {}, "", payload)


def done_among(executor: Processes, *odd: Job) -> dict[str, Outcome]:
    """Outcomes of odd jobs among good ones; all the good ones must be done, each once."""
    jobs = [toy(f"{n}/good") for n in range(8)]
    jobs[2:2] = odd
    outcomes = list(executor.run(jobs))
    assert sorted(outcome.item for outcome in outcomes) == sorted(job.item for job in jobs)
    assert all(outcome.status == DONE for outcome in outcomes if outcome.item.endswith("/good"))
    return {outcome.item: outcome for outcome in outcomes}


@pytest.mark.night
@pytest.mark.parametrize("how", ["hang", "stop"])
def test_a_job_that_hangs_in_c_fails_after_its_time(two_workers: Processes, how: str) -> None:
    start = time.monotonic()
    outcome = done_among(two_workers, toy(how))[how]
    assert outcome.status == FAILED and outcome.key is None
    assert outcome.reason.startswith("took longer than 4 s (job_timeout_s)")
    assert TIMEOUT_S <= time.monotonic() - start < 10 * TIMEOUT_S


@pytest.mark.night
@pytest.mark.parametrize(("how", "said"), [("abort", "SIGABRT"), ("segfault", "SIGSEGV"), ("kill", "memory ran out")])
def test_a_job_that_kills_its_worker_fails_alone(two_workers: Processes, how: str, said: str) -> None:
    outcome = done_among(two_workers, toy(how))[how]
    assert outcome.status == FAILED and outcome.key is None
    assert said in outcome.reason and "second time" in outcome.reason


@pytest.mark.night
def test_a_worker_that_is_killed_once_costs_nothing(two_workers: Processes, tmp_path: Path) -> None:
    job = toy("kill", once=str(tmp_path / "killed"))
    assert done_among(two_workers, job)["kill"].status == DONE
    assert (tmp_path / "killed").exists()


@pytest.mark.night
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits what a process may write to")
def test_a_job_without_end_of_memory_fails_alone(two_workers: Processes) -> None:
    outcome = done_among(two_workers, toy("memory"))["memory"]
    assert outcome.status == FAILED and outcome.key is None
    assert "ran out of memory" in outcome.reason and "worker_memory_mb" in outcome.reason
    # Its worker is replaced: what did not fit once is not carried along.
    pids = {int(good.notes[0]) for good in two_workers.run([toy(f"{n}/good") for n in range(8)])}
    assert all(resident_mb(pid) < 300 for pid in pids)


def test_no_job_in_flight_outlives_close(tmp_path: Path) -> None:
    executor = Processes(1, Limits(60.0), eager=True)
    left = tmp_path / "left"
    jobs = [toy("good"), toy("sleep1", files=[(left, tmp_path / "final")]), toy("2/good")]
    outcomes = executor.run(jobs)
    pid = int(next(outcomes).notes[0])
    time.sleep(0.5)
    executor.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    # The temporary file of what was finished and nobody took is gone.
    assert list(tmp_path.iterdir()) == []


@pytest.mark.night
def test_close_does_not_wait_for_a_job_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iop4cli.pipeline.executor._PATIENCE_AT_THE_END_S", 0.5)
    executor = Processes(1, Limits(600.0), eager=True)
    outcomes = executor.run([toy("good"), toy("hang")])
    pid = int(next(outcomes).notes[0])
    time.sleep(0.5)
    executor.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def soon(is_so: Callable[[], bool], within_s: float = 60.0) -> bool:
    until = time.monotonic() + within_s
    while not is_so() and time.monotonic() < until:
        time.sleep(0.05)
    return is_so()


def at_work(executor: Processes, job: Job, folder: Path) -> tuple[Iterator[Outcome], int]:
    """The outcome that is still to come, and its worker, in the middle of a job that writes into a folder."""
    outcomes = executor.run([toy("good"), job])
    pid = int(next(outcomes).notes[0])
    assert soon(lambda: any(folder.glob(".*.part")))
    return outcomes, pid


def test_the_end_of_a_terminal_is_for_who_started_the_workers(tmp_path: Path) -> None:
    with closing(Processes(1, Limits(60.0), eager=True)) as executor:
        outcomes, pid = at_work(executor, toy("sleep1", writes=str(tmp_path / "final")), tmp_path)
        for number in (signal.SIGHUP, signal.SIGINT):
            os.kill(pid, number)
        assert [(outcome.status, outcome.notes) for outcome in outcomes] == [(DONE, (str(pid),))]


def test_a_terminated_worker_leaves_no_half_of_a_file(tmp_path: Path) -> None:
    with closing(Processes(1, Limits(60.0), eager=True)) as executor:
        job = toy("sleep60", writes=str(tmp_path / "final"), once=str(tmp_path / "once"))
        outcomes, pid = at_work(executor, job, tmp_path)
        os.kill(pid, signal.SIGTERM)
        # Another one does it again.
        assert [outcome.status for outcome in outcomes] == [DONE]
        assert not list(tmp_path.glob(".final.*.part"))


@pytest.mark.night
def test_an_orphan_removes_what_it_was_writing(tmp_path: Path) -> None:
    script = (
        "import sys; from iop4cli.pipeline.executor import Processes; from iop4cli.pipeline.workers import Limits; "
        "from iop4cli.pipeline.step import Job; executor = Processes(1, Limits(60.0), eager=True); "
        "list(executor.run([Job('toy', 'sleep60', '', {}, '', {'writes': sys.argv[1]})]))"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "final")]) as parent:
        assert soon(lambda: any(tmp_path.iterdir()))
        (half,) = tmp_path.iterdir()
        parent.kill()
    # A file of a dead process is abandoned: its writer removed it while it lived, long before its job had ended.
    assert soon(lambda: not half.exists(), within_s=40.0)


def test_what_is_being_written_when_patience_ends_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iop4cli.pipeline.executor._PATIENCE_AT_THE_END_S", 0.2)
    folder = tmp_path / "reduced" / "T" / "2022-01-01"
    folder.mkdir(parents=True)
    with closing(Processes(1, Limits(60.0), eager=True, archive=tmp_path)) as executor:
        at_work(executor, toy("T/2022-01-01/sleep60", writes=str(folder / "final")), folder)
    assert list(folder.iterdir()) == []


def test_a_file_that_was_taken_and_not_recorded_goes(tmp_path: Path) -> None:
    folder = tmp_path / "reduced" / "T" / "2022-01-01"
    folder.mkdir(parents=True)
    with closing(Processes(1, Limits(60.0), eager=True, archive=tmp_path)) as executor:
        outcomes = executor.run([toy("T/2022-01-01/good", leaves=str(folder / "final"))])
        assert next(outcomes).status == DONE
        assert len(list(folder.iterdir())) == 1
    assert list(folder.iterdir()) == []


def test_workers_are_born_with_the_libraries_loaded() -> None:
    with closing(Processes(2, Limits(60.0), eager=True)) as executor:
        jobs = [toy(f"{n}/sleep0.1", tells="photutils.geometry") for n in range(6)]

        def all_have() -> bool:
            # Those of the first jobs need not wait for what these do not use.
            return {outcome.notes[1] for outcome in executor.run(jobs)} == {"loaded"}

        assert soon(all_have)


def test_somebody_kills_the_process_that_workers_come_from(tmp_path: Path) -> None:
    with closing(Processes(2, Limits(60.0), eager=True)) as executor:
        jobs = [toy(f"{n}/sleep0.2") for n in range(8)]
        outcomes = executor.run(jobs)
        first = next(outcomes)
        os.kill(parent_of(int(first.notes[0])), signal.SIGKILL)
        assert {outcome.status for outcome in [first, *outcomes]} == {DONE}
        # Its workers ended with it, and others have come.
        again = {int(outcome.notes[0]) for outcome in executor.run(jobs)}
        assert again and int(first.notes[0]) not in again


def parent_of(pid: int) -> int:
    said = subprocess.run(["ps", "-o", "ppid=", "-p", str(pid)], capture_output=True, text=True, check=True)
    return int(said.stdout)


def test_nothing_is_left_when_this_program_is_killed(tmp_path: Path) -> None:
    script = (
        "import sys; from iop4cli.pipeline.executor import Processes; from iop4cli.pipeline.workers import Limits; "
        "from iop4cli.pipeline.step import Job; executor = Processes(2, Limits(60.0), eager=True); "
        "outcomes = executor.run([Job('toy', f'{n}/good', '', {}, '') for n in range(2)] "
        "+ [Job('toy', 'sleep60', '', {}, '')]); print(next(outcomes).notes[0], flush=True); next(outcomes); "
        "next(outcomes)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        nursery = parent_of(worker)
        assert parent_of(nursery) == parent.pid
        parent.kill()
    assert soon(lambda: not is_running(nursery) and not is_running(worker))


def is_running(pid: int) -> bool:
    said = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return said.stdout.strip()[:1] not in {"", "Z"}


def test_a_reply_that_a_signal_kept_from_being_taken_is_nobody_elses() -> None:
    nursery = Nursery(vars(Limits()))
    ours, theirs = Pipe()
    with closing(nursery), ours, theirs:
        worker = nursery.bear(theirs.fileno())
        asked = nursery._n_asked + 1
        nursery._line.sendall(_REQUEST.pack(_ASK, asked, worker.pid))
        nursery._n_asked = asked
        worker.kill()
        assert worker.wait() == -signal.SIGKILL


def test_workers_end_when_a_reply_was_on_its_way_to_who_is_gone() -> None:
    nursery = Nursery(vars(Limits()))
    ours, theirs = Pipe()
    with ours, theirs:
        worker = nursery.bear(theirs.fileno())
        nursery._line.sendall(_REQUEST.pack(_ASK, 0, worker.pid))
        select.select([nursery._line], [], [])
        nursery.close()
        assert nursery._process.returncode == 0 and not is_running(worker.pid)


def test_one_process_has_the_protection_too(tmp_path: Path) -> None:
    assert isinstance(make_executor("auto", 1, Limits(10.0), tmp_path), Processes)
    assert isinstance(make_executor("auto", 1, Limits(), tmp_path), Here)
    assert isinstance(make_executor("here", 4, Limits(10.0), tmp_path), Here)


def test_limits_that_cannot_be_are_refused() -> None:
    with pytest.raises(UsageError, match="job_timeout_s"):
        worker_limits(-1.0, 0)
    with pytest.raises(UsageError, match="512"):
        worker_limits(0.0, 100)
    assert worker_limits(0.0, 0) == Limits(0.0, 0)
    assert worker_limits(5.0, -1).memory_mb == machine_memory_mb() // 2
