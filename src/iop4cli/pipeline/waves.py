"""A wave of a step: plan, take the nights that nobody works on, do what is due there, record it.

Two runs of one archive share its nights: each takes some, leaves those that the other has, and comes back to them when
they are free, with a new plan, in which what the other has done is up to date. Nobody waits while holding a night, so
that no two wait for each other.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

from iop4cli.archive.name_lists import expect_names
from iop4cli.archive.night_locks import Held, NightLocks
from iop4cli.errors import StoreBusy
from iop4cli.pipeline.planning import Look, jobs_that_follow, locks_of, look, one_look, planned
from iop4cli.pipeline.record import Recorder
from iop4cli.pipeline.recovery import clear, mend
from iop4cli.pipeline.session import Ended, Event, Session, Waiting
from iop4cli.pipeline.step import BLOCKED, DUE, FAILED, IMPOSSIBLE, Decision, Job, Outcome, Step, night_of

# Nights are taken until they have so much to do: enough that the last of it keeps no worker waiting for long.
_ITEMS_AT_ONCE = 200
_TOLD_AFTER_S = 2.0
_LOOK_EVERY_S = 0.1


def run_wave(session: Session, step: Step, wave: str, follower: Step | None = None) -> Iterator[Event]:
    """All that is due in the nights of the selection; `follower` goes on at once with each item that is done."""
    now = look(session, step, wave)
    yield planned(step, wave, now.decisions, follower)
    # What was done in one pass with the step before has been told.
    news = (decision for decision in now.decisions if (step.name, decision.item) not in session.passed)
    yield from filter(None, (now.unchanged(step, decision) for decision in news))
    left = now.changes()
    for night in session.left or ():
        left.pop(night, None)
    if left:
        expect_names(session.store)
    locks, patience, follow = locks_of(session), _Patience(session, step), dict[str, Job]()
    if left and follower is not None:
        follow = jobs_that_follow(session, now, follower)
    while left:
        held = locks.take({night: len(items) for night, items in left.items()}, _ITEMS_AT_ONCE)
        mine = {night: items for night, items in left.items() if night in held}
        well = False
        try:
            mend(session, held.begun_s)
            locks.begin(held)
            if mine and not now.is_fresh(held):
                now = look(session, step, wave)
                yield from _by_others(now, step, {item for items in mine.values() for item in items})
                follow = jobs_that_follow(session, now, follower) if follower is not None else follow
            if mine:
                yield from _Work(session, step, wave, now, frozenset(mine), held, follow).events()
                clear(session.surroundings.layout, mine)
            well = True
        finally:
            held.release(well=well)
        now.counts.update(held.counts)
        left = {night: items for night, items in left.items() if night not in mine}
        if mine:
            patience.begin_anew()
        elif session.left is None:
            yield from patience.pause(locks, left)
        else:
            session.left.update(left)
            yield Waiting(step.name, tuple(sorted(left)), locks.holder(min(left)))
            return


def _by_others(now: Look, step: Step, items: set[str]) -> Iterator[Event]:
    """What was due here, and others have done meanwhile."""
    for decision in now.decisions:
        ended = now.unchanged(step, decision)
        if ended is not None and decision.item in items:
            yield ended


@dataclass
class _Patience:
    """Waits for nights that others hold, tells who they are, and does not wait for ever."""

    session: Session
    step: Step
    _since: float | None = None
    _told: str = ""

    def begin_anew(self) -> None:
        self._since = None

    def pause(self, locks: NightLocks, left: Mapping[str, Sequence[str]]) -> Iterator[Waiting]:
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        waited_s, timeout_s = now - self._since, self.session.night_timeout_s
        if waited_s >= timeout_s:
            raise StoreBusy(
                f"{self.step.name} waited {timeout_s:g} s for {locks.holder(min(left))}. Nothing was lost: what was "
                "done is recorded. Try again, or wait longer with --lock-timeout (setting night_timeout_s)."
            )
        if waited_s >= _TOLD_AFTER_S:
            holder = locks.holder(min(left))
            if holder != self._told:
                self._told = holder
                yield Waiting(self.step.name, tuple(sorted(left)), holder)
        time.sleep(min(_LOOK_EVERY_S, timeout_s - waited_s))


def _retired_why(step: Step) -> str:
    return "it is not there any more" if step.name == "classify" else "its frames are now something else"


@dataclass
class _Work:
    """What is due in nights that are held."""

    session: Session
    step: Step
    wave: str
    now: Look
    nights: frozenset[str]
    held: Held
    # What the next step does with the same items.
    follow: Mapping[str, Job]
    # Failures that another run may have caused, by taking away what was to be read.
    doubtful: list[Outcome] = field(default_factory=list)

    def events(self) -> Iterator[Event]:
        recorder = self._recorder()
        retired = [item for item in self.now.retired if night_of(item) in self.nights]
        if retired:
            recorder.retire(retired)
            for item in retired:
                yield Ended(self.step.name, item, "retired", _retired_why(self.step))
        mine = [decision for decision in self.now.decisions if night_of(decision.item) in self.nights]
        for decision in mine:
            if decision.state in {IMPOSSIBLE, BLOCKED} and not self.now.is_known(decision):
                recorder.add(Outcome(self.step.name, decision.item, decision.state, decision.why))
                yield Ended(self.step.name, decision.item, decision.state, decision.why)
        recorder.flush()
        # The largest first, so that none of them is still at work when all others are done.
        mine.sort(key=self._pixels, reverse=True)
        due = [
            replace(decision.job, then=self.follow.get(decision.item))
            for decision in mine
            if decision.state == DUE and decision.job is not None
        ]
        try:
            yield from self._done(recorder, due, doubting=True)
            if self.doubtful:
                yield from self._once_more({job.item: job for job in due})
        finally:
            for outcome in self.doubtful:
                recorder.add(outcome)
            recorder.flush()

    def _pixels(self, decision: Decision) -> int:
        frames = filter(None, map(self.now.view.frames.get, decision.frames))
        return sum((frame["width_px"] or 0) * (frame["height_px"] or 0) for frame in frames)

    def _done(self, recorder: Recorder, due: Sequence[Job], *, doubting: bool) -> Iterator[Event]:
        with one_look(self.session, self.step) if due else nullcontext():
            jobs = self.step.prepare(self.now.view, due)
        try:
            for outcome in self.session.executor.run(jobs):
                if doubting and outcome.status == FAILED and self._others_are_at_work():
                    self.doubtful.append(outcome)
                    continue
                if outcome.then is not None and outcome.then.status == FAILED and self._others_are_at_work():
                    outcome = replace(outcome, then=None)  # it is tried again when its step has its turn
                recorder.add(outcome)
                for one in outcome.of_pass:
                    yield _ended(one)
                self.session.passed.update((one.step, one.item) for one in outcome.of_pass[1:])
        finally:
            recorder.flush()

    def _others_are_at_work(self) -> bool:
        now = locks_of(self.session).counts()
        return any(count != self.now.counts.get(file, 0) for file, count in now.items() if file not in self.held.counts)

    def _once_more(self, tried: Mapping[str, Job]) -> Iterator[Event]:
        """A master of another night that was made anew meanwhile has another key, and its file another name."""
        self.now = look(self.session, self.step, self.wave)
        due = {
            decision.item: decision.job
            for decision in self.now.decisions
            if decision.state == DUE and decision.job is not None
        }
        recorder, again = self._recorder(), list[Job]()
        doubtful, self.doubtful = self.doubtful, []
        try:
            for outcome in doubtful:
                job = due.get(outcome.item)
                if job is not None and job.key != tried[outcome.item].key:
                    again.append(job)
                else:
                    recorder.add(outcome)
                    yield _ended(outcome)
            yield from self._done(recorder, again, doubting=False)
        finally:
            recorder.flush()

    def _recorder(self) -> Recorder:
        return Recorder(self.session.store, self.step, self.now.view, self.session.run_id)


def _ended(outcome: Outcome) -> Ended:
    return Ended(outcome.step, outcome.item, outcome.status, outcome.reason, True, outcome.notes, outcome)
