"""Run steps: plan, work, record. Nothing is printed here; whoever called renders the events."""

from __future__ import annotations

import datetime
import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from iop4cli.archive.name_lists import keep_names
from iop4cli.archive.selection import Selection, frames_selected, nights_selected
from iop4cli.archive.store import Store
from iop4cli.pipeline.arrivals import Underway
from iop4cli.pipeline.executor import Executor, perform
from iop4cli.pipeline.record import Recorder
from iop4cli.pipeline.step import BLOCKED, CURRENT, DONE, DUE, FAILED, IMPOSSIBLE, Decision, Outcome, Step
from iop4cli.pipeline.view import Surroundings, View


@dataclass(frozen=True)
class Planned:
    """A wave of a step has been planned."""

    step: str
    wave: str
    n_due: int
    n_current: int
    n_impossible: int


@dataclass(frozen=True)
class Ended:
    """An item: done, current, failed, impossible, blocked, due (dry run), retired; `news` if new."""

    step: str
    item: str
    status: str
    reason: str
    news: bool = True
    notes: tuple[str, ...] = ()
    outcome: Outcome | None = None


Event = Planned | Ended


@dataclass
class Tally:
    """How many items ended how."""

    counts: Counter[str] = field(default_factory=Counter)
    n_news_failed: int = 0
    n_news_flawed: int = 0

    def add(self, event: Event) -> None:
        if isinstance(event, Ended):
            self.counts[event.status] += 1
            if event.news and event.status in {FAILED, IMPOSSIBLE}:
                self.n_news_failed += 1
            elif event.news and event.status == DONE and event.reason:
                self.n_news_flawed += 1

    @property
    def n_troubles(self) -> int:
        """Items that failed, could not be done, or were done with something a person should look at."""
        return self.n_news_failed + self.n_news_flawed

    @property
    def exit_code(self) -> int:
        """0 all well or nothing due, 1 nothing but failures, 3 some failed or were flawed."""
        if self.n_troubles == 0:
            return 0
        return 3 if self.counts[DONE] or self.counts[CURRENT] else 1


@dataclass(frozen=True)
class Session:
    """What a run of steps needs."""

    store: Store
    surroundings: Surroundings
    selection: Selection
    executor: Executor
    run_id: str
    force: bool = False
    underway: Underway | None = None


def new_run_id() -> str:
    now = datetime.datetime.now(datetime.UTC)
    return f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"


def run_steps(session: Session, steps: Sequence[Step]) -> Iterator[Event]:
    """The steps in order; each wave is planned on what the one before left in the store."""
    for step in steps:
        # A later wave may do what an earlier one could not: an item ends once.
        failed: dict[str, Ended] = {}
        changed = False
        try:
            for wave in step.waves:
                for event in _run_wave(session, step, wave):
                    if isinstance(event, Ended):
                        changed = changed or event.news
                        failed.pop(event.item, None)
                        if event.status == FAILED and event.news and wave != step.waves[-1]:
                            failed[event.item] = event
                            continue
                    yield event
        finally:
            if changed:
                keep_names(session.store, step.tables)
        yield from failed.values()


def dry_run(session: Session, steps: Sequence[Step]) -> Iterator[Event]:
    """What `run_steps` would do, and why; nothing is written, but headers of new frames are read."""
    view = _view(session)
    view.dry_run = True
    for step in steps:
        for wave in step.waves:
            with _one_look(session, step):
                decisions = _selected(session, view, step, wave)
            for decision in decisions:
                if decision.state == DUE and decision.job is not None:
                    expected = _foreseen(view, step, decision)
                    view.expect(expected)
                if decision.state != CURRENT:
                    yield Ended(step.name, decision.item, decision.state, decision.why)
            yield _planned(step, wave, decisions)


def _foreseen(view: View, step: Step, decision: Decision) -> Decision:
    """Classifying is cheap and changes nothing: a dry run does it, to see what would follow."""
    if step.name != "classify" or decision.job is None:
        return decision
    outcome = step.settle(view, perform(decision.job))
    return Decision(
        decision.step,
        decision.item,
        decision.state,
        decision.why,
        decision.frames,
        decision.job,
        outcome.rows,
    )


def _run_wave(session: Session, step: Step, wave: str) -> Iterator[Event]:
    with _one_look(session, step):
        view = _view(session)
        decisions = _selected(session, view, step, wave)
        retired = _retired(session, view, step, wave, decisions)
    yield _planned(step, wave, decisions)
    recorder = Recorder(session.store, step, view, session.run_id)
    if retired:
        recorder.retire(retired)
        for item in retired:
            yield Ended(step.name, item, "retired", "its frames are now something else")
    for decision in decisions:
        if decision.state in {IMPOSSIBLE, BLOCKED}:
            yield _note_impossible(recorder, view, step, decision)
        elif decision.state == CURRENT:
            row = view.items[(step.name, decision.item)]
            state = CURRENT if row["status"] == DONE else row["status"]
            yield Ended(step.name, decision.item, state, row["reason"] or "up to date", news=False)
    recorder.flush()
    due = [d.job for d in decisions if d.state == DUE and d.job is not None]
    with _one_look(session, step) if due else nullcontext():
        jobs = step.prepare(view, due)
    try:
        for outcome in session.executor.run(jobs):
            recorder.add(outcome)
            yield Ended(step.name, outcome.item, outcome.status, outcome.reason, True, outcome.notes, outcome)
    finally:
        recorder.flush()


def _one_look(session: Session, step: Step) -> AbstractContextManager[None]:
    """The store held open for a plan; not where the plan looks at files, which may take long on a far disk."""
    return nullcontext() if step.name == "classify" else session.store.reading()


def _view(session: Session) -> View:
    nights = nights_selected(session.selection, session.store, session.surroundings.registry)
    return View(session.store, session.surroundings, nights, session.force, underway=session.underway)


def _selected(session: Session, view: View, step: Step, wave: str) -> list[Decision]:
    """The plan, narrowed to what was asked for."""
    selection = session.selection
    decisions = list(step.plan(view, wave))
    if selection.everything:
        return decisions
    candidates = {frame for decision in decisions for frame in decision.frames}
    if step.of_nights:
        # A master or a night's judgement is wanted where any of the night's frames is.
        candidates |= set(view.frames)
    wanted = frames_selected(selection, session.store, view.frames, candidates, session.surroundings.registry)
    if step.of_nights:
        nights = {name.rsplit("/", 1)[0] for name in wanted}
        return [decision for decision in decisions if decision.item.rsplit("/", 1)[0] in nights]
    if step.name == "classify":
        # What a frame is cannot be asked before it is classified.
        wanted |= {frame for frame in candidates if frame not in view.frames and not selection.names}
    return [decision for decision in decisions if any(frame in wanted for frame in decision.frames)]


def _retired(session: Session, view: View, step: Step, wave: str, decisions: Sequence[Decision]) -> list[str]:
    """Items of this step in the store that its plan no longer knows; only a plan of whole nights can tell."""
    if step.name == "classify" or wave != step.waves[-1] or not session.selection.whole_nights:
        return []
    planned = {decision.item for decision in decisions}
    if len(step.waves) > 1:
        planned |= {decision.item for other in step.waves[:-1] for decision in step.plan(view, other)}
    return sorted(item for name, item in view.items if name == step.name and item not in planned)


def _note_impossible(recorder: Recorder, view: View, step: Step, decision: Decision) -> Ended:
    stored = view.items.get((step.name, decision.item))
    known = stored is not None and stored["status"] == decision.state and stored["reason"] == decision.why
    if not known:
        recorder.add(Outcome(step.name, decision.item, decision.state, decision.why))
    return Ended(step.name, decision.item, decision.state, decision.why, news=not known)


def _planned(step: Step, wave: str, decisions: Sequence[Decision]) -> Planned:
    counts = Counter(decision.state for decision in decisions)
    return Planned(step.name, wave, counts[DUE], counts[CURRENT], counts[IMPOSSIBLE] + counts[BLOCKED])
