"""Running steps: events go to whoever called as they come, and the run is recorded whatever ends it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, cast

from iop4cli.api.choosing import Filters, Item, selection
from iop4cli.api.run import Row, Run
from iop4cli.errors import UsageError

if TYPE_CHECKING:
    from iop4cli.commands.opening import Opened
    from iop4cli.pipeline.engine import Event

Flags = list[tuple[str, Any, str]]


class How(Filters, total=False):
    """The filters, and how a step is done: the options of the commands.

    `force` does again what is up to date; `dry_run` says what is due and writes nothing; `jobs` is the number of
    processes (0 is one a core); `executor` is auto, here, processes or dask:ADDRESS; `params` are parameters of steps
    by name, like {"phot.radius_fwhm": 1.5} (for a single step the name of the step may be left out); `on_event` is
    called with each event of the pipeline, in this thread.
    """

    force: bool
    dry_run: bool
    jobs: int | None
    executor: str | None
    params: Mapping[str, Any] | None
    on_event: Callable[[Event], object] | None


def run_steps(
    open_with: Callable[[Flags], Opened], verb: str, steps: Sequence[str], items: Iterable[Item], how: How
) -> Run:
    """Plan, work and record; KeyboardInterrupt, or an error of `on_event`, goes on to the caller after the record."""
    from iop4cli.archive.store import utc_now
    from iop4cli.commands.executing import executor_of
    from iop4cli.pipeline.engine import Ended, Session, Tally, dry_run, new_run_id
    from iop4cli.pipeline.engine import run_steps as run_pipeline
    from iop4cli.pipeline.runs import record_run
    from iop4cli.pipeline.steps import step_named

    given = tuple(items)
    _check(how)
    dry, on_event = how.get("dry_run", False), how.get("on_event")
    opened = open_with(_flags(how, steps))
    session = Session(
        opened.store, opened.surroundings(), selection(given, filters_of(how)),
        executor_of(opened), new_run_id(), how.get("force", False),
        night_timeout_s=opened.night_timeout_s,
    )  # fmt: skip
    started, tally, rows = utc_now(), Tally(), list[Row]()
    chosen = [step_named(name) for name in steps]
    events = dry_run(session, chosen) if dry else run_pipeline(session, chosen)
    try:
        with closing(cast(Any, events)):
            for event in events:
                tally.add(event)
                if isinstance(event, Ended):
                    reason = "; ".join(filter(None, (event.reason, *event.notes)))
                    rows.append(Row(event.step, event.item, event.status, reason, event.news))
                if on_event is not None:
                    on_event(event)
    finally:
        session.executor.close()
        if not dry:
            record_run(opened.store, session.run_id, started, tally, _said(verb, given, how))
    return Run(session.run_id, tuple(rows), 0 if dry else tally.exit_code, dry)


def filters_of(how: How) -> Filters:
    """The filters among the arguments of a step."""
    return cast(Filters, {name: value for name, value in how.items() if name in Filters.__annotations__})


def _check(how: How) -> None:
    unknown = how.keys() - How.__annotations__.keys() - Filters.__annotations__.keys()
    if unknown:
        raise UsageError(f"{', '.join(sorted(unknown))}: no such argument of a step")


def _flags(how: How, steps: Sequence[str]) -> Flags:
    flags: Flags = []
    for name, value in (how.get("params") or {}).items():
        whole = f"{steps[0]}.{name}" if len(steps) == 1 and "." not in name else name
        flags.append((whole, str(value), f"params[{name!r}]"))
    for name in ("jobs", "executor"):
        if how.get(name) is not None:
            flags.append((name, how.get(name), f"{name}={how.get(name)!r}"))
    return flags


def _said(verb: str, items: tuple[Item, ...], how: How) -> str:
    """How the call is told in the log; callbacks are nobody's business."""
    words = [repr(item) if isinstance(item, str) else f"run {item.id}" for item in items]
    words += [
        f"{name}={value!r}"
        for name, value in how.items()
        if value is not None and value is not False and name != "on_event"
    ]
    return f"Archive.{verb}({', '.join(words)})"
