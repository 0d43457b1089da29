"""One look at the store: what a wave of a step has to do, narrowed to what was asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from iop4cli.archive.night_locks import Held, NightLocks
from iop4cli.archive.selection import frames_selected, nights_selected
from iop4cli.pipeline.session import Ended, Planned, Session
from iop4cli.pipeline.step import BLOCKED, CURRENT, DONE, DUE, IMPOSSIBLE, Decision, Job, Step, night_of
from iop4cli.pipeline.view import View


@dataclass(frozen=True)
class Look:
    """What was seen: decisions on items, items that are no more, and how often nights had been worked on before."""

    view: View
    decisions: Sequence[Decision]
    retired: Sequence[str]
    counts: dict[int, int | None]

    def changes(self) -> dict[str, list[str]]:
        """Items of which something would be written, by night."""
        found: dict[str, list[str]] = {}
        for decision in self.decisions:
            if decision.state == DUE or (decision.state in {IMPOSSIBLE, BLOCKED} and not self.is_known(decision)):
                found.setdefault(night_of(decision.item), []).append(decision.item)
        for item in self.retired:
            found.setdefault(night_of(item), []).append(item)
        return found

    def is_fresh(self, held: Held) -> bool:
        """Whether nobody has worked on these nights since."""
        return all(count is not None and self.counts.get(file, 0) == count for file, count in held.found.items())

    def is_known(self, decision: Decision) -> bool:
        """Whether the store says already that it cannot be done, for this reason."""
        stored = self.view.items.get(decision.step, decision.item)
        return stored is not None and stored["status"] == decision.state and stored["reason"] == decision.why

    def unchanged(self, step: Step, decision: Decision) -> Ended | None:
        """How an item stands of which nothing is to be written; None if something is."""
        if decision.state in {IMPOSSIBLE, BLOCKED} and self.is_known(decision):
            return Ended(step.name, decision.item, decision.state, decision.why, news=False)
        if decision.state != CURRENT:
            return None
        row = self.view.items.of(step.name)[decision.item]
        state = CURRENT if row["status"] == DONE else row["status"]
        return Ended(step.name, decision.item, state, row["reason"] or "up to date", news=False)


def locks_of(session: Session) -> NightLocks:
    return NightLocks(session.surroundings.layout.locks)


def look(session: Session, step: Step, wave: str, view: View | None = None) -> Look:
    """Plan a wave; with a `view` of its own for a dry run, which has no use for the rest."""
    # Before anything of the store is read: what others record from now on is seen by a count that is another.
    counts = locks_of(session).counts() if view is None else {}
    with one_look(session, step):
        seen = _view_now(session) if view is None else view
        decisions = _selected(session, seen, step, wave)
        retired = _retired(session, seen, step, wave, decisions) if view is None else []
    return Look(seen, decisions, retired, counts)


def one_look(session: Session, step: Step) -> AbstractContextManager[None]:
    """The store held open for a plan; not where the plan looks at files, which may take long on a far disk."""
    return nullcontext() if step.name == "classify" else session.store.reading()


def _view_now(session: Session) -> View:
    """The view of the wave before, if nobody has written since: it is of the same moment."""
    stamp, seen = session.store.stamp(), session.seen
    if not seen or seen[0][0] != stamp:
        seen[:] = [(stamp, view_of(session))]
    return seen[0][1]


def view_of(session: Session) -> View:
    nights = nights_selected(session.selection, session.store, session.surroundings.registry)
    return View(
        session.store, session.surroundings, nights, session.force, underway=session.underway, passed=session.passed
    )


def planned(step: Step, wave: str, decisions: Sequence[Decision], follower: Step | None = None) -> Planned:
    counts = Counter(decision.state for decision in decisions)
    n_impossible = counts[IMPOSSIBLE] + counts[BLOCKED]
    return Planned(step.name, wave, counts[DUE], counts[CURRENT], n_impossible, follower.name if follower else "")


def jobs_that_follow(session: Session, now: Look, step: Step) -> dict[str, Job]:
    """What the first wave of the next step has to do when all that is due now is done; its keys are known before."""
    due = [decision for decision in now.decisions if decision.state == DUE and decision.job is not None]
    if not due:
        return {}
    with one_look(session, step):
        view = now.view.after(due)
        jobs = [decision.job for decision in step.plan(view, step.waves[0]) if decision.state == DUE]
        ready: Sequence[Job] = step.prepare(view, [job for job in jobs if job is not None])
    return {job.item: job for job in ready}


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
    """Items of this step in the store that its plan no longer knows; only a plan of whole nights can tell.

    A frame that was classified stays, though its disk may be away; a file that never was a frame may go.
    """
    if wave != step.waves[-1] or not session.selection.whole_nights:
        return []
    planned = {decision.item for decision in decisions}
    if len(step.waves) > 1:
        planned |= {decision.item for other in step.waves[:-1] for decision in step.plan(view, other)}
    lost = (item for item in view.items.of(step.name) if item not in planned)
    return sorted(item for item in lost if step.name != "classify" or not view.finished("classify", item))
