"""What people ask of the log, as conditions in SQL: times, runs, steps, levels, items."""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING

from iop4cli.archive.epochs import Epoch, NameGlob
from iop4cli.archive.people import quoted
from iop4cli.archive.queries import runs_named, since_condition
from iop4cli.archive.selection import parse_name
from iop4cli.archive.store import Store
from iop4cli.errors import NoSuchItem, UsageError
from iop4cli.nearest import did_you_mean
from iop4cli.pipeline.steps import STEP_NAMES

if TYPE_CHECKING:
    from iop4cli.instruments.registry import Registry

LEVELS = ("info", "warning", "error")
_AGO = re.compile(r"(\d+)([mhd])")


def between(column: str, since: str | None, until: str | None) -> list[str]:
    """Lines from one time on and before another, each a date, a time, or like 2h (ago)."""
    first, end = _time(since, "--since"), _time(until, "--until")
    found = [since_condition(column, first)] if first else []
    return found + ([f"not {since_condition(column, end)}"] if end else [])


def of_lines(run_id: str | None, step: str | None, level: str | None) -> list[str]:
    """Lines of a run, of a step, of a level and worse."""
    found = [f"run = {quoted(run_id)}"] if run_id else []
    if step:
        found.append(f"step = {quoted(_known(step, STEP_NAMES, '--step'))}")
    if level:
        worse = LEVELS[LEVELS.index(_known(level, LEVELS, "--level")) :]
        found.append(f"level in ({', '.join(map(quoted, worse))})")
    return found


def _known(word: str, known: tuple[str, ...], said: str) -> str:
    if word.lower() not in known:
        raise UsageError(f"{said} {word!r} is not known{did_you_mean(word, known)}")
    return word.lower()


def _time(said: str | None, option: str) -> datetime.datetime | None:
    """A UTC time without a zone, from `2022-09-08`, `2022-09-08T20:00` or `2h` (ago)."""
    if said is None:
        return None
    ago = _AGO.fullmatch(said.strip())
    if ago:
        unit = {"m": "minutes", "h": "hours", "d": "days"}[ago[2]]
        return datetime.datetime.now(datetime.UTC).replace(tzinfo=None) - datetime.timedelta(**{unit: int(ago[1])})
    try:
        when = datetime.datetime.fromisoformat(said.strip())
    except ValueError:
        raise UsageError(
            f"{option} {said!r}: must be a date, a time like 2022-09-08T20:00, or like 2h or 7d ago"
        ) from None
    return when.astimezone(datetime.UTC).replace(tzinfo=None) if when.tzinfo else when


def run_named(store: Store, said: str | None) -> str | None:
    """The id of a run: `last`, or its first letters."""
    if said is None:
        return None
    found = runs_named(store, "true" if said == "last" else f"starts_with(id, {quoted(said)})")
    if not found:
        raise NoSuchItem(f"no run is called {said!r}; `iop4 log --runs` lists them")
    if said != "last" and len(found) > 1:
        raise UsageError(f"--run {said!r} may be {', '.join(found)}")
    return found[-1]


def about_item(name: str, registry: Registry) -> str:
    """Lines about an item; of an epoch, about all in it. A pattern is DuckDB's GLOB, of the same grammar."""
    item = parse_name(name, registry)
    if isinstance(item, NameGlob):
        return f"item glob {quoted('/'.join((item.telescope, item.night, item.filename or '*')))}"
    if isinstance(item, Epoch):
        return f"starts_with(item, {quoted(f'{item}/')})"
    return f"item = {quoted(str(item))}"
