"""iop4 log."""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iop4cli.commands.opening import open_archive
from iop4cli.errors import UsageError
from iop4cli.nearest import did_you_mean
from iop4cli.shell import messages, output, page
from iop4cli.shell.options import ArchiveOptions, Json, takes_options

if TYPE_CHECKING:
    from iop4cli.instruments.registry import Registry

EPILOG = """Examples:

  iop4 log

  iop4 log OSN-T090/2022-09-08 --level error

  iop4 log --runs --since 7d
"""

_LEVELS = ("info", "warning", "error")
_AGO = re.compile(r"(\d+)([mhd])")
_COLUMNS = ("time_utc", "level", "step", "item", "message")
_RUN_COLUMNS = ("id", "started", "exit_code", "n_done", "n_failed", "command")


@takes_options
def command(
    options: ArchiveOptions,
    items: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ITEMS",
            show_default=False,
            help="Epochs, frames, masters, groups, or globs of them.",
        ),
    ] = None,
    item: Annotated[
        list[str] | None,
        typer.Option("--item", metavar="NAME", show_default=False, help="The same as an option."),
    ] = None,
    run: Annotated[
        str | None,
        typer.Option(
            "--run",
            metavar="ID",
            show_default=False,
            help="Of this run; its first letters are enough, `last` is the newest.",
        ),
    ] = None,
    step: Annotated[
        str | None, typer.Option("--step", metavar="STEP", show_default=False, help="Of this step.")
    ] = None,
    level: Annotated[
        str | None,
        typer.Option("--level", metavar="LEVEL", show_default=False, help="info, warning or error: this and worse."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="TIME",
            show_default=False,
            help="From this UTC date or time on, or 30m, 2h, 7d ago.",
        ),
    ] = None,
    lines: Annotated[int, typer.Option("-n", "--lines", metavar="N", min=0, help="The newest N; 0 is all.")] = 50,
    runs: Annotated[bool, typer.Option("--runs", help="List runs instead of what they did.")] = False,
    json: Json = False,
) -> int:
    """Show what happened, by run, step and item, the newest last.

    Reads the table [bold]log[/bold] (or, with --runs, [bold]run[/bold]), of which nothing is ever deleted;
    writes nothing.
    """
    from iop4cli.archive.people import quoted
    from iop4cli.archive.queries import log_rows, run_rows, since_condition

    opened = open_archive(options)
    when = _time(since)
    run_id = _run_id(opened.store, run)
    if runs:
        conditions = [since_condition("started", when)] if when else []
        conditions += [f"id = {quoted(run_id)}"] if run_id else []
        _show_runs(run_rows(opened.store, conditions, lines), as_json=json)
        return 0
    conditions = [since_condition("time_utc", when)] if when else []
    if run_id:
        conditions.append(f"run = {quoted(run_id)}")
    if step:
        conditions.append(f"step = {quoted(_known(step, _steps(), '--step'))}")
    if level:
        worse = _LEVELS[_LEVELS.index(_known(level, _LEVELS, "--level")) :]
        conditions.append(f"level in ({', '.join(map(quoted, worse))})")
    wanted = [*(items or ()), *(item or ())]
    if wanted:
        registry = opened.surroundings().registry
        conditions.append(" or ".join(_item_condition(name, registry) for name in wanted))
    _show_lines(log_rows(opened.store, conditions, lines), as_json=json)
    return 0


def _steps() -> tuple[str, ...]:
    from iop4cli.pipeline.steps import STEP_NAMES

    return STEP_NAMES


def _known(word: str, known: tuple[str, ...], said: str) -> str:
    if word.lower() not in known:
        raise UsageError(f"{said} {word!r} is not known{did_you_mean(word, known)}")
    return word.lower()


def _time(said: str | None) -> datetime.datetime | None:
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
            f"--since {said!r}: must be a date, a time like 2022-09-08T20:00, or like 2h or 7d ago"
        ) from None
    return when.astimezone(datetime.UTC).replace(tzinfo=None) if when.tzinfo else when


def _run_id(store: Any, said: str | None) -> str | None:
    from iop4cli.archive.people import quoted
    from iop4cli.archive.queries import runs_named
    from iop4cli.errors import NoSuchItem

    if said is None:
        return None
    found = runs_named(store, "true" if said == "last" else f"starts_with(id, {quoted(said)})")
    if not found:
        raise NoSuchItem(f"no run is called {said!r}; `iop4 log --runs` lists them")
    if said != "last" and len(found) > 1:
        raise UsageError(f"--run {said!r} may be {', '.join(found)}")
    return found[-1]


def _item_condition(name: str, registry: Registry) -> str:
    """Lines about an item; of an epoch, about all in it. A pattern is DuckDB's GLOB, of the same grammar."""
    from iop4cli.archive.epochs import Epoch, NameGlob
    from iop4cli.archive.people import quoted
    from iop4cli.archive.selection import parse_name

    item = parse_name(name, registry)
    if isinstance(item, NameGlob):
        return f"item glob {quoted('/'.join((item.telescope, item.night, item.filename or '*')))}"
    if isinstance(item, Epoch):
        return f"starts_with(item, {quoted(f'{item}/')})"
    return f"item = {quoted(str(item))}"


def _show_lines(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        for row in rows:
            output.json_row({name: row[name] for name in ("time_utc", "run", "level", "step", "item", "message")})
    elif output.is_terminal():
        _by_run(rows)
    else:
        output.table([{**row, "time_utc": _clock(row["time_utc"])} for row in rows], _COLUMNS)
    if not rows:
        messages.notice("nothing in the log fits")


def _by_run(rows: list[dict[str, Any]]) -> None:
    """What a run did under its name, each line cut in two where the terminal is narrow."""
    run = None
    for row in rows:
        if row["run"] != run:
            run = row["run"]
            page.heading(f"run {run}")
        page.text(f"{row['time_utc']:%H:%M:%S} {row['step']:<8} {row['item']}", style=row["level"])
        if row["message"] != "done":
            for line in row["message"].splitlines():
                page.text(line, indent=20, style=row["level"])


def _clock(time_utc: datetime.datetime) -> str:
    return time_utc.isoformat(timespec="seconds")


def _show_runs(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        for row in rows:
            output.json_row({name: value for name, value in row.items() if name != "n"})
    elif output.is_terminal():
        if rows:
            page.table(rows, _RUN_COLUMNS, indent=0)
    else:
        output.table([{**row, "started": _clock(row["started"])} for row in rows], _RUN_COLUMNS)
    if not rows:
        messages.notice("no run is on record")
