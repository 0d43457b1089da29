"""Runs of one archive share its nights, wait for one another no longer than they may, and do nothing twice."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from iop4cli.archive.layout import Layout
from iop4cli.archive.night_locks import Held, NightLocks, file_of
from iop4cli.archive.selection import Selection
from iop4cli.archive.store import Store
from iop4cli.errors import StoreBusy
from iop4cli.instruments.registry import Registry
from iop4cli.pipeline.engine import Ended, Session, Waiting, new_run_id, run_steps
from iop4cli.pipeline.executor import Here
from iop4cli.pipeline.step import Job, Outcome, Parameters
from iop4cli.pipeline.steps import step_named
from iop4cli.pipeline.surroundings import Surroundings
from tests.night.archives import INDEX, Archive, environment
from tests.soak.many import differences, small_night

pytestmark = pytest.mark.night

NIGHT, NEXT = "2022-03-10", "2022-03-11"
EPOCH = f"OSN-T090/{NIGHT}"
# What this process holds, by archive.
_LET_GO: dict[str, Held] = {}


@pytest.fixture(scope="module")
def raw_nights(module_folder: Callable[[str], Path]) -> Archive:
    """Two nights, of which the second has no flats and no bias of its own."""
    archive = small_night(module_folder("nights") / "raw", NIGHT, NEXT)
    for path in (archive.root / "raw" / "OSN-T090" / NEXT).iterdir():
        if path.name.lower().startswith(("bias", "flat")):
            path.unlink()
    return archive


@pytest.fixture(scope="module")
def alone(raw_nights: Archive, module_folder: Callable[[str], Path]) -> Archive:
    """The same, by one run that nobody disturbed."""
    archive = raw_nights.copy(module_folder("nights") / "alone")
    archive.iop4("run", "-j1")
    return archive


@pytest.fixture
def nights(raw_nights: Archive, tmp_path: Path) -> Archive:
    return raw_nights.copy(tmp_path / "archive")


@pytest.fixture
def done(alone: Archive, tmp_path: Path) -> Archive:
    return alone.copy(tmp_path / "archive")


def session(archive: Archive, executor: object = None, **more: object) -> Session:
    layout = Layout(archive.root)
    surroundings = Surroundings(layout, Registry.load([]), Parameters(), (INDEX,), ())
    chosen = Selection(names=tuple(more.pop("names", ())))  # type: ignore[arg-type]
    made = executor or Here()
    return Session(Store(layout.store), surroundings, chosen, made, new_run_id(), **more)  # type: ignore[arg-type]


def ended(events: Iterator[object]) -> list[Ended]:
    return [event for event in events if isinstance(event, Ended)]


@pytest.fixture
def worked_on(done: Archive) -> Iterator[Archive]:
    """Somebody works on the first night; the frames of both are due."""
    done.iop4("sql", "--write", "delete from item where step = 'correct'")
    _LET_GO[str(done.root)] = NightLocks(Layout(done.root).locks).take({EPOCH: 1}, 1)
    try:
        yield done
    finally:
        for held in _LET_GO.values():
            held.release()
        _LET_GO.clear()


def test_who_may_not_wait_is_told_at_once_and_the_other_night_is_done(worked_on: Archive) -> None:
    start = time.monotonic()
    said = worked_on.iop4("correct", "--lock-timeout", "0", code=75)
    assert time.monotonic() - start < 20.0
    assert f"which works on {EPOCH}" in said.err and "process" in said.err and "Traceback" not in said.err
    assert said.lines == [f"OSN-T090/{NEXT}/results"]
    assert worked_on.items("correct").keys() == {f"OSN-T090/{NEXT}/results"}


def test_who_waits_says_for_whom_and_ends_after_the_time_that_was_set(worked_on: Archive) -> None:
    said = worked_on.iop4("correct", EPOCH, code=75, IOP4_NIGHT_TIMEOUT_S="4")
    assert said.err.count("waiting for process") == 1
    assert f"which works on {EPOCH}" in said.err


def test_what_is_up_to_date_needs_no_night_and_a_dry_run_neither(worked_on: Archive) -> None:
    assert worked_on.iop4("reduce", "--lock-timeout", "0").lines == []
    assert worked_on.iop4("correct", "-n", "--lock-timeout", "0").lines != []


def test_who_waited_finds_done_what_the_other_did(nights: Archive, alone: Archive) -> None:
    """While the first does a step, the second comes for all of it, and does nothing that is done."""
    seen: list[object] = []

    @dataclass
    class Slow(Here):
        others: list[subprocess.Popen[str]] = field(default_factory=list)

        def run(self, jobs: Sequence[Job]) -> Iterator[Outcome]:
            if jobs and jobs[0].step == "reduce" and not self.others:
                self.others.append(run_of(nights, "reduce", "--json"))
                time.sleep(6.0)
            yield from super().run(jobs)

    slow = Slow()
    for name in ("classify", "mkmaster", "reduce"):
        seen += run_steps(session(nights, slow), [step_named(name)])
    out, err = slow.others[0].communicate(timeout=120)
    assert slow.others[0].returncode == 0, err
    assert '"status": "done"' not in out and out.count('"status": "current"') == len(nights.items("reduce")) > 0
    assert err.count("waiting for process") == 1
    rest = nights.iop4("run", "-j1")
    assert rest.err
    assert differences(nights, alone) == []


def test_of_two_forced_runs_the_second_does_it_once_more_after_the_first(done: Archive) -> None:
    before = done.sql("select count(*) as n from log where step = 'correct'")[0]["n"]
    runs = [run_of(done, "correct", "--force") for _ in range(2)]
    said = [run.communicate(timeout=120) for run in runs]
    assert [run.returncode for run in runs] == [0, 0], said
    assert done.sql("select count(*) as n from log where step = 'correct'")[0]["n"] == before + 2 * 2


def test_a_watch_leaves_a_busy_night_for_later_and_does_the_other(worked_on: Archive) -> None:
    left: set[str] = set()
    events = list(run_steps(session(worked_on, left=left), [step_named("correct")]))
    assert left == {EPOCH}
    assert [event.nights for event in events if isinstance(event, Waiting)] == [(EPOCH,)]
    assert [event.item for event in ended(iter(events)) if event.status == "done"] == [f"OSN-T090/{NEXT}/results"]


def test_the_lock_of_a_killed_run_is_free_and_what_it_had_planned_is_planned_again(done: Archive) -> None:
    program = (
        "import sys, time; from pathlib import Path; from iop4cli.archive.night_locks import NightLocks\n"
        "held = NightLocks(Path(sys.argv[1])).take({sys.argv[2]: 1}, 1); print('held', flush=True); time.sleep(600)"
    )
    folder = Layout(done.root).locks
    command = [sys.executable, "-c", program, str(folder), EPOCH]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        assert f"process {process.pid} on" in NightLocks(folder).holder(EPOCH)
        process.send_signal(signal.SIGKILL)
    assert f"process {process.pid} on" not in NightLocks(folder).holder(EPOCH)
    assert NightLocks(folder).counts()[file_of(EPOCH)] is None  # not to be relied upon
    done.iop4("correct", "--force", "--lock-timeout", "0")


@dataclass
class Replacing(Here):
    """Makes the first night's masters anew, under other names, when the second night's frames are to be reduced."""

    archive: Archive
    n_done: int = 0

    def run(self, jobs: Sequence[Job]) -> Iterator[Outcome]:
        if jobs and jobs[0].step == "reduce" and self.n_done == 0:
            self.n_done += 1
            before = {row["path"] for row in self.archive.sql("select path from master")}
            self.archive.iop4("mkmaster", EPOCH, "-p", "min_frames=2")
            after = {row["path"] for row in self.archive.sql("select path from master")}
            assert not before & after
        yield from super().run(jobs)


def test_a_frame_whose_master_was_replaced_meanwhile_is_reduced_with_the_new_one(done: Archive) -> None:
    replaced = Replacing(done)
    shutil.rmtree(done.root / "reduced" / "OSN-T090" / NEXT)
    told = ended(run_steps(session(done, replaced, names=(f"OSN-T090/{NEXT}",)), [step_named("reduce")]))
    assert replaced.n_done == 1
    assert {event.status for event in told} == {"done"}
    keys = {row["name"]: row["key"] for row in done.sql("select name, key from master")}
    used = done.sql(f"select parts from item where step = 'reduce' and starts_with(name, 'OSN-T090/{NEXT}/')")
    assert used and all(any(key in row["parts"] for key in keys.values()) for row in used)
    # By the plan of whoever asks next it is up to date; the first night's own frames are not.
    due = done.due("-p", "mkmaster.min_frames=2")["reduce"]
    assert due and all(name.startswith(f"{EPOCH}/") for name in due)


def test_what_was_made_with_a_master_that_is_replaced_later_is_due_again(done: Archive) -> None:
    done.iop4("mkmaster", EPOCH, "-p", "min_frames=2")
    due = done.due("-p", "mkmaster.min_frames=2")["reduce"]
    assert {"/".join(name.split("/")[:2]) for name in due} == {EPOCH, f"OSN-T090/{NEXT}"}


def test_waiting_ends_as_it_was_told(worked_on: Archive) -> None:
    impatient = session(worked_on, names=(EPOCH,), night_timeout_s=0.0)
    with pytest.raises(StoreBusy, match="Nothing was lost"):
        list(run_steps(impatient, [step_named("correct")]))


def run_of(archive: Archive, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "iop4cli", *arguments, "-j1"], cwd=archive.root, env=environment(archive.root),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_a_watch_comes_back_to_a_night_that_was_busy_and_is_not_idle_until_then(worked_on: Archive) -> None:
    """`worked_on` is let go of by us here, once the watch has said that it leaves the night for later."""
    done = worked_on
    held = NightLocks(Layout(done.root).locks)
    with subprocess.Popen(
        [sys.executable, "-m", "iop4cli", "watch", "-j1", "--stop-when-idle", "1", "-v"], cwd=done.root,
        env=environment(done.root), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True,
    ) as watching:  # fmt: skip
        assert watching.stderr is not None
        said = next(line for line in watching.stderr if "left for later" in line)
        assert EPOCH in said and f"process {os.getpid()} on" in said
        time.sleep(3.0)
        assert watching.poll() is None
        assert f"{EPOCH}/results" not in done.items("correct")
        assert held.take({EPOCH: 1}, 1).descriptors == {}
        _LET_GO.pop(str(done.root)).release()
        rest = watching.stderr.read()
    assert watching.returncode == 0, rest
    assert f"{EPOCH}/results" in done.items("correct")


_READ_ONLY = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" || exit 99; shift; exec "$@"'


def test_an_archive_for_reading_only_can_be_looked_at_and_says_that_it_cannot_be_worked_in(done: Archive) -> None:
    def said(*words: str) -> subprocess.CompletedProcess[str]:
        command = ["unshare", "-m", "sh", "-c", _READ_ONLY, "sh", str(done.root), sys.executable, "-m", "iop4cli"]
        found = subprocess.run(
            [*command, *words], cwd=done.root.parent, env=environment(done.root, IOP4_ARCHIVE=str(done.root)),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if found.returncode == 99:
            pytest.skip(f"nothing can be mounted here: {found.stderr.strip()}")
        return found

    if shutil.which("unshare") is None or said("status").returncode == 1:
        pytest.skip("no mounts of one's own here")
    assert [said(*words).returncode for words in (("status",), ("run", "-n"), ("run",), ("export",))] == [0, 0, 0, 0]
    refused = said("correct", "--force")
    assert refused.returncode == 1
    assert "cannot be written to" in refused.stderr and "Traceback" not in refused.stderr
