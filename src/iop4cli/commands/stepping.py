"""Running one or several steps as the options say, and showing what happens."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import Any

from iop4cli.archive.store import utc_now
from iop4cli.commands.executing import executor_of
from iop4cli.commands.opening import Opened, open_archive, parameter_flags
from iop4cli.pipeline import runs
from iop4cli.pipeline.engine import Ended, Event, Planned, Session, Tally, Waiting, dry_run, new_run_id, run_steps
from iop4cli.pipeline.step import BLOCKED, CURRENT, DONE, DUE, FAILED, IMPOSSIBLE, Step
from iop4cli.pipeline.steps import step_named
from iop4cli.shell import messages, output
from iop4cli.shell.arguments import selection_of
from iop4cli.shell.config import described
from iop4cli.shell.options import StepOptions


def run_verb(names: Sequence[str], options: StepOptions) -> int:
    """Run these steps; returns the exit code."""
    flags = parameter_flags(options.param or (), names)
    if options.jobs is not None:
        flags.append(("jobs", options.jobs, "--jobs"))
    if options.executor is not None:
        flags.append(("executor", options.executor, "--executor"))
    opened = open_archive(options, flags)
    if options.show_params:
        _show_parameters(names, opened, options)
        return 0
    session = Session(
        opened.store, opened.surroundings(), selection_of(options),
        executor_of(opened), new_run_id(), options.force,
        night_timeout_s=opened.night_timeout_s,
    )  # fmt: skip
    steps = [step_named(name) for name in names]
    started, tally = utc_now(), Tally()
    try:
        # Closed when a signal comes while an event is shown: what was finished is recorded before anything else ends.
        with messages.Progress() as progress, closing(_events(session, steps, dry=options.dry_run)) as events:
            _Screen(options, progress, several=len(names) > 1).show(events, tally)
    finally:
        session.executor.close()
        if not options.dry_run:
            record_run(opened, session.run_id, started, tally)
    return 0 if options.dry_run else tally.exit_code


def _events(session: Session, steps: Sequence[Step], *, dry: bool) -> Generator[Event, None, None]:
    yield from dry_run(session, steps) if dry else run_steps(session, steps)


def record_run(opened: Opened, run_id: str, started: Any, tally: Tally) -> None:
    """One row for a run that did something, under the command line of this program."""
    runs.record_run(opened.store, run_id, started, tally, " ".join(["iop4", *sys.argv[1:]]))


def _show_parameters(names: Sequence[str], opened: Opened, options: StepOptions) -> None:
    rows = [row for row in described(opened.config) if row["name"].split(".")[0] in names]
    if options.json:
        for row in rows:
            output.json_row(row)
    else:
        output.table(rows, ("name", "value", "unit", "default", "from", "help"))


class _Screen:
    """Renders events: data on stdout as each item ends, words and a bar on stderr."""

    def __init__(self, options: StepOptions, progress: messages.Progress, *, several: bool) -> None:
        self.options, self.progress, self.several = options, progress, several
        self.rows: list[dict[str, Any]] = []
        self.at_work = ""
        # Reason -> items, of one step: twenty frames with one trouble are one message.
        self.troubles: dict[tuple[str, str], list[str]] = {}

    def show(self, events: Iterator[Event], tally: Tally) -> None:
        for event in events:
            tally.add(event)
            if isinstance(event, Planned):
                self._planned(event)
            elif isinstance(event, Waiting):
                messages.notice(f"waiting for {event.holder}")
            else:
                self._ended(event)
        self.progress.end()
        self._say_troubles()
        if self.rows and output.is_terminal():
            columns = ("step", "name", "status", "reason") if self.several else ("name", "status", "reason")
            output.table(self.rows, columns)
        self._summary(tally)

    def _planned(self, event: Planned) -> None:
        self._say_troubles()
        wave = f" ({event.wave})" if event.wave else ""
        messages.detail(
            f"{event.step}{wave}: {event.n_due} due, {event.n_current} up to date, {event.n_impossible} impossible"
        )
        if not self.options.dry_run:
            self.at_work = event.step
            self.progress.begin(f"{event.step}+{event.passes_to}" if event.passes_to else event.step, event.n_due)

    def _ended(self, event: Ended) -> None:
        if event.status in {DONE, FAILED} and event.news and event.step == self.at_work:
            self.progress.step()
        row = {"step": event.step, "name": event.item, "status": event.status, "reason": event.reason or None}
        if event.notes:
            row["reason"] = "; ".join(filter(None, (event.reason, *event.notes)))
        if self.options.json:
            if not self.several or event.status != CURRENT:
                output.json_row(row)
        elif output.is_terminal():
            if event.status not in {CURRENT, BLOCKED} and event.news:
                self.rows.append(row)
        elif event.status == DONE or (self.options.dry_run and event.status == DUE):
            self._name(event)
        if event.news and not self.options.dry_run:
            self._say(event)

    def _name(self, event: Ended) -> None:
        if self.options.dry_run:
            output.write("\t".join(output.clean(part) for part in (event.step, event.item, event.reason)) + "\n")
        else:
            output.line(event.item)

    def _say(self, event: Ended) -> None:
        if event.status in {FAILED, IMPOSSIBLE} or (event.status == DONE and event.reason):
            self.troubles.setdefault((event.step, event.reason), []).append(event.item)
        if event.outcome is not None and event.outcome.detail:
            messages.detail(event.outcome.detail)

    def _say_troubles(self) -> None:
        for (step, reason), items in self.troubles.items():
            if len(items) == 1:
                messages.warn(f"{step} {items[0]}: {reason}")
            else:
                messages.warn(f"{step}: {len(items)} items, {items[0]} to {items[-1].rsplit('/', 1)[-1]}: {reason}")
        self.troubles.clear()

    def _summary(self, tally: Tally) -> None:
        counts = tally.counts
        if self.options.dry_run:
            messages.notice(f"{counts[DUE]} due" if counts[DUE] else "nothing due")
            return
        bad = counts[FAILED] + counts[IMPOSSIBLE] + counts[BLOCKED]
        if counts[DONE] == 0 and tally.n_troubles == 0:
            earlier = f"; {bad} could not be done before (iop4 status --why)" if bad else ""
            messages.notice(f"nothing due{earlier}")
            return
        messages.notice(f"{counts[DONE]} done, {tally.n_troubles} with problems, {counts[CURRENT]} up to date")
