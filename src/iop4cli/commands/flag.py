"""iop4 flag."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from iop4cli.archive.people import who
from iop4cli.commands.opening import open_archive
from iop4cli.errors import UsageError
from iop4cli.shell import messages, output, page
from iop4cli.shell.arguments import selection_of
from iop4cli.shell.options import PANEL_HOW, Json, SelectionOptions, takes_options

if TYPE_CHECKING:
    from iop4cli.archive.selection import Selection

EPILOG = """Examples:

  iop4 flag add 804e0c209aef --reason "clouds"

  iop4 flag add --source "BL Lac" --since 2022-09-01 --until 2022-09-03 --reason "shutter stuck"

  iop4 export --where "mag_err > 0.2" --format ndjson | iop4 flag add - --reason "too noisy"

  iop4 flag list --since 2022-09-01

  iop4 flag remove 804e0c209aef
"""

app = typer.Typer(
    help="Mark results by hand, with a reason.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_HELP = {"help_option_names": ["-h", "--help"]}
_COLUMNS = ("id", "source", "night", "mode", "band", "reason", "who", "time_utc")


@app.command("add", context_settings=_HELP, epilog=EPILOG)
@takes_options
def add(
    options: SelectionOptions,
    reason: Annotated[
        str,
        typer.Option("--reason", metavar="TEXT", rich_help_panel=PANEL_HOW, help="Why; it is shown with the result."),
    ],
) -> int:
    """Flag results: those of the ids, frames, groups or nights given, or all that the filters let through.

    A flag names the result by its id, which any reduction of the same frames keeps. Flagged results stay in
    the store, with the reason in the column flags of the view [bold]results[/bold]; `iop4 export` leaves
    them out. Writes the table [bold]flag[/bold] and prints the ids.
    """
    from iop4cli.archive.people import add_flags
    from iop4cli.archive.results import condition_of, result_ids

    words = " ".join(reason.split())
    if not words:
        raise UsageError("--reason must say something")
    selection = _selection(options, "flag")
    opened = open_archive(options)
    condition = condition_of(selection, opened.store, opened.surroundings().registry)
    ids = result_ids(opened.store, condition)
    if ids:
        add_flags(opened.store, ids, words, who())
    _print(ids)
    messages.notice(f"{len(ids)} flagged" if ids else "no result fits; nothing is flagged")
    return 0


@app.command("list", context_settings=_HELP, epilog=EPILOG)
@takes_options
def list_(options: SelectionOptions, json: Json = False) -> int:
    """List flags, the oldest first; those of the results that are given or let through."""
    from iop4cli.archive.people import list_flags
    from iop4cli.archive.results import flagged_ids

    opened = open_archive(options)
    rows = list_flags(opened.store)
    selection = selection_of(options)
    if not selection.everything:
        wanted = set(flagged_ids(opened.store, opened.surroundings().registry, selection, {row["id"] for row in rows}))
        rows = [row for row in rows if row["id"] in wanted]
    if json:
        for row in rows:
            output.json_row(row)
    elif output.is_terminal():
        if rows:
            page.table(rows, ("id", "source", "night", "band", "who", "reason"), indent=0)
    else:
        output.table(rows, _COLUMNS)
    if not rows:
        messages.notice("no flags")
    return 0


@app.command("remove", context_settings=_HELP, epilog=EPILOG)
@takes_options
def remove(
    options: SelectionOptions,
    reason: Annotated[
        str | None,
        typer.Option(
            "--reason",
            metavar="TEXT",
            show_default=False,
            rich_help_panel=PANEL_HOW,
            help="Only flags of exactly this reason.",
        ),
    ] = None,
) -> int:
    """Take flags back from results: all of each, or those of one reason. Prints the ids that lost one."""
    from iop4cli.archive.people import list_flags, remove_flags
    from iop4cli.archive.results import flagged_ids

    selection = _selection(options, "remove flags from")
    opened = open_archive(options)
    words = None if reason is None else " ".join(reason.split())
    flags = [row for row in list_flags(opened.store) if words is None or row["reason"] == words]
    registry = opened.surroundings().registry
    wanted = set(flagged_ids(opened.store, registry, selection, {row["id"] for row in flags}))
    ids = list(dict.fromkeys(row["id"] for row in flags if row["id"] in wanted))
    n_removed = remove_flags(opened.store, ids, words)
    _print(ids)
    messages.notice(f"{n_removed} removed" if n_removed else "no such flag; nothing is removed")
    return 0


def _selection(options: SelectionOptions, what: str) -> Selection:
    selection = selection_of(options)
    if selection.everything:
        raise UsageError(f"say which results to {what}: ids, frames, nights, - for standard input, or filters")
    return selection


def _print(ids: list[str]) -> None:
    for name in ids:
        output.line(name)
