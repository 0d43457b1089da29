"""iop4 log."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from iop4cli.commands.opening import Opened, open_archive
from iop4cli.errors import UsageError
from iop4cli.shell import messages, output, page
from iop4cli.shell.options import ArchiveOptions, Json, takes_options

EPILOG = """Examples:

  iop4 log

  iop4 log OSN-T090/2022-09-08 --level error

  iop4 log --runs --since 7d

  iop4 log --follow --level warning | grep -v blocked
"""

_ON_TERMINAL, _BEFORE_FOLLOWING, _POLL_S = 50, 10, 0.25
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
            help="Epochs, frames, masters, groups, or globs of them; - reads names or NDJSON from standard input.",
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
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="TIME", show_default=False, help="Before this time, said like --since."),
    ] = None,
    lines: Annotated[
        int | None,
        typer.Option(
            "-n",
            "--lines",
            metavar="N",
            min=0,
            show_default=False,
            help=f"The newest N; 0 is all. Default: {_ON_TERMINAL} on a terminal, {_BEFORE_FOLLOWING} with --follow, "
            "else all.",
        ),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C or nobody reads any more.")
    ] = False,
    runs: Annotated[bool, typer.Option("--runs", help="List runs instead of what they did.")] = False,
    json: Json = False,
) -> int:
    """Show what happened, by run, step and item, the newest last.

    Reads the table [bold]log[/bold] (or, with --runs, [bold]run[/bold]), of which nothing is ever deleted;
    writes nothing. In a pipe each line is time (UTC), level, step, item and message, separated by tabs, under
    a line with these names.
    """
    from iop4cli.pipeline.log_conditions import about_item, between, of_lines, run_named

    opened = open_archive(options)
    if runs and follow:
        raise UsageError("--follow is for the log; runs are listed when they end")
    if until and follow:
        raise UsageError("--follow has no end: it goes on with what comes")
    n_lines = _n_lines(lines, follow=follow, as_json=json)
    run_id = run_named(opened.store, run)
    if runs:
        from iop4cli.archive.people import quoted
        from iop4cli.archive.queries import run_rows

        conditions = between("started", since, until) + ([f"id = {quoted(run_id)}"] if run_id else [])
        _show_runs(run_rows(opened.store, conditions, n_lines), as_json=json)
        return 0
    conditions = between("time_utc", since, until) + of_lines(run_id, step, level)
    wanted = _names([*(items or ()), *(item or ())])
    if wanted is not None:
        registry = opened.surroundings().registry
        conditions.append(" or ".join(["false", *(about_item(name, registry) for name in wanted)]))
    if follow:
        return _follow(opened, conditions, n_lines, as_json=json)
    from iop4cli.archive.queries import log_rows

    rows = log_rows(opened.store, conditions, n_lines)
    _Lines(as_json=json).show(rows)
    if not rows:
        messages.notice("nothing in the log fits")
    return 0


def _n_lines(said: int | None, *, follow: bool, as_json: bool) -> int | None:
    """How many lines at most; None is all. What reads a pipe chooses for itself."""
    if said is not None:
        return said or None
    if follow:
        return _BEFORE_FOLLOWING
    return _ON_TERMINAL if output.is_terminal() and not as_json else None


def _names(said: list[str]) -> list[str] | None:
    """The names given, those on standard input for `-`; None if nothing was given, which is not the same as none."""
    from iop4cli.shell.arguments import names_from

    if "-" not in said:
        return said or None
    return [name for name in said if name != "-"] + list(names_from(sys.stdin, with_failed=True))


def _follow(opened: Opened, conditions: list[str], n_lines: int | None, *, as_json: bool) -> int:
    """Lines as they come. The store is opened only when it has changed, so that waiting costs others nothing."""
    from iop4cli.archive.queries import log_end, log_rows, log_rows_after
    from iop4cli.errors import StoreBusy

    store, lines = opened.store, _Lines(as_json=as_json)
    changed = store.stamp()
    number = log_end(store)
    try:
        lines.show(log_rows(store, [*conditions, f"rowid <= {number}"], n_lines))
        while output.is_read_for(_POLL_S):
            try:
                newest = store.stamp()
                if newest == changed:
                    continue
                rows, number = log_rows_after(store, conditions, number)
            except StoreBusy:
                continue
            changed = newest
            lines.show(rows)
    except KeyboardInterrupt:
        raise SystemExit(messages.EXIT_INTERRUPTED) from None  # it was to be ended so: nothing to say
    return 0


class _Lines:
    """Lines of the log as they are wanted; the header and the names of runs come once."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._run: str | None = None
        self._has_header = False

    def show(self, rows: list[dict[str, Any]]) -> None:
        if self._as_json:
            for row in rows:
                output.json_row({name: row[name] for name in ("time_utc", "run", "level", "step", "item", "message")})
        elif output.is_terminal():
            for row in rows:
                self._for_people(row)
        else:
            output.table(rows, _COLUMNS, header=not self._has_header)
            self._has_header = True

    def _for_people(self, row: dict[str, Any]) -> None:
        """What a run did under its name, each line cut in two where the terminal is narrow."""
        if row["run"] != self._run:
            self._run = row["run"]
            page.heading(f"run {self._run}")
        page.text(f"{row['time_utc']:%H:%M:%S} {row['step']:<8} {row['item']}", style=row["level"])
        if row["message"] != "done":
            for line in row["message"].splitlines():
                page.text(line, indent=20, style=row["level"])


def _show_runs(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        for row in rows:
            output.json_row({name: value for name, value in row.items() if name != "n"})
    elif output.is_terminal():
        if rows:
            page.table(rows, _RUN_COLUMNS, indent=0)
    else:
        output.table(rows, _RUN_COLUMNS)
    if not rows:
        messages.notice("no run is on record")
