"""Run steps: plan, work, record. Nothing is printed here; whoever called renders the events."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import zip_longest

from iop4cli.archive.name_lists import expect_no_names, keep_names
from iop4cli.pipeline.executor import perform
from iop4cli.pipeline.planning import look, planned, view_of
from iop4cli.pipeline.recovery import recover
from iop4cli.pipeline.session import Ended, Event, Planned, Session, Tally, Waiting, new_run_id
from iop4cli.pipeline.step import CURRENT, DUE, FAILED, Decision, Step
from iop4cli.pipeline.steps import step_named
from iop4cli.pipeline.view import View
from iop4cli.pipeline.waves import run_wave

__all__ = ["Ended", "Event", "Planned", "Session", "Tally", "Waiting", "dry_run", "new_run_id", "run_steps"]


def run_steps(session: Session, steps: Sequence[Step]) -> Iterator[Event]:
    """The steps in order; each wave is planned on what the one before left in the store."""
    # What lies beside the store (index files) may have changed since an earlier run.
    session.seen.clear()
    session.passed.clear()
    recover(session)
    changed = set[str]()
    # A later wave may do what an earlier one could not: an item ends once.
    failed: dict[str, dict[str, Ended]] = {step.name: {} for step in steps}
    last = {step.name: step.waves[-1] for step in steps}
    try:
        for step, then in zip_longest(steps, steps[1:]):
            follower = then if then is not None and then.name == step.passes_to else None
            for wave in step.waves:
                for event in run_wave(session, step, wave, follower):
                    if isinstance(event, Ended):
                        if event.news:
                            changed.update(step_named(event.step).tables)
                        failed[event.step].pop(event.item, None)
                        is_last = wave == last[event.step] and event.step == step.name
                        if event.status == FAILED and event.news and not is_last:
                            failed[event.step][event.item] = event
                            continue
                    yield event
            yield from failed[step.name].values()
    finally:
        try:
            _keep_names(session, changed)
        except BaseException:
            # A signal: the lists are a copy of what is recorded, and it would be long before another run made them.
            _keep_names(session, changed)
            raise


def _keep_names(session: Session, tables: Collection[str]) -> None:
    keep_names(session.store, tables)
    expect_no_names(session.store)


def dry_run(session: Session, steps: Sequence[Step]) -> Iterator[Event]:
    """What `run_steps` would do, and why; nothing is written, but headers of new frames are read."""
    view = view_of(session)
    view.dry_run = True
    for step in steps:
        for wave in step.waves:
            decisions = look(session, step, wave, view).decisions
            view.expect(_foreseen(view, step, decision) for decision in decisions if decision.state == DUE)
            for decision in decisions:
                if decision.state != CURRENT:
                    yield Ended(step.name, decision.item, decision.state, decision.why)
            yield planned(step, wave, decisions)


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
