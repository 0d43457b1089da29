"""iop4 export."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iop4cli.commands.opening import open_archive
from iop4cli.errors import UsageError
from iop4cli.shell import messages, output
from iop4cli.shell.options import PANEL_HOW, SelectionOptions, takes_options

if TYPE_CHECKING:
    from iop4cli.archive.results import Results
    from iop4cli.archive.selection import Selection
    from iop4cli.archive.store import Store
    from iop4cli.instruments.registry import Registry

EPILOG = """Examples:

  iop4 export --since 2022-09-01 -o week.ecsv

  iop4 export --source "BL Lac" --mode pol --columns bjd_tdb,p,p_err,chi_deg,chi_err_deg

  iop4 export --where "mag_err < 0.05 and quality = 0" --format ndjson
"""


@takes_options
def command(
    options: SelectionOptions,
    to: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            show_default=False,
            rich_help_panel=PANEL_HOW,
            help="A file (.csv, .ecsv, .ndjson); else stdout.",
        ),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            show_default=False,
            rich_help_panel=PANEL_HOW,
            help="csv, ecsv or ndjson; else as the file is called, else csv.",
        ),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            "--columns",
            metavar="A,B,C",
            show_default=False,
            rich_help_panel=PANEL_HOW,
            help="These columns only, in this order.",
        ),
    ] = None,
    flagged: Annotated[
        bool, typer.Option("--flagged", rich_help_panel=PANEL_HOW, help="Also results that people flagged.")
    ] = False,
    targets: Annotated[
        bool, typer.Option("--targets", rich_help_panel=PANEL_HOW, help="Only targets, no calibrators.")
    ] = False,
) -> int:
    """Write results as CSV, ECSV or NDJSON.

    Reads the view [bold]results[/bold]; --where is a condition in SQL on its columns, which `iop4 sql
    --schema results` explains. Magnitudes and angles have their units; p, q and u are fractions; times are
    mid-exposure. What is not known is empty (null in NDJSON). Results that people flagged are left out
    unless --flagged is given.
    """
    from iop4cli.archive.results import condition_of, result_columns, select_results
    from iop4cli.export.atomic import write_text
    from iop4cli.export.tables import to_text
    from iop4cli.shell.arguments import selection_of

    chosen_format = _format(form, to)
    opened = open_archive(options)
    registry = opened.surroundings().registry
    selection = selection_of(options)
    chosen = _columns(columns, result_columns(opened.store))
    condition = condition_of(selection, opened.store, registry)
    if targets:
        condition = f"({condition}) and source in {_targets(opened.store)}"
    found = select_results(opened.store, condition, chosen, flagged=flagged)
    text = to_text(found.answer, chosen_format, table_meta(found, selection, registry, opened.store))
    if to is None:
        output.write(text)
    else:
        write_text(to, text)
    left_out = f"; {found.n_flagged} flagged by people left out (--flagged keeps them)" if found.n_flagged else ""
    messages.notice(f"{len(found.answer.rows) or 'no'} result{'s' if len(found.answer.rows) != 1 else ''}{left_out}")
    return 0


def _format(said: str | None, to: Path | None) -> str:
    from iop4cli.export.tables import FORMATS, SUFFIXES
    from iop4cli.nearest import did_you_mean

    if said is not None:
        if said.lower() not in FORMATS:
            raise UsageError(f"--format {said!r} is not known{did_you_mean(said, FORMATS)}")
        return said.lower()
    if to is None:
        return "csv"
    if to.suffix.lower() not in SUFFIXES:
        raise UsageError(f"-o {to}: say --format, for {to.suffix or 'no suffix'} is none of {', '.join(SUFFIXES)}")
    return SUFFIXES[to.suffix.lower()]


def _columns(said: str | None, known: list[str]) -> list[str]:
    from iop4cli.nearest import did_you_mean

    if said is None:
        return known
    wanted = list(dict.fromkeys(name.strip() for name in said.split(",") if name.strip()))
    for name in wanted:
        if name not in known:
            raise UsageError(f"--columns: results have no column {name!r}{did_you_mean(name, known)}")
    if not wanted:
        raise UsageError("--columns: names no column")
    return wanted


def _targets(store: Store) -> str:
    from iop4cli.archive.catalog_store import read_sources
    from iop4cli.archive.people import quoted
    from iop4cli.archive.source import target_names

    return "(" + ", ".join(["null", *map(quoted, sorted(target_names(read_sources(store))))]) + ")"


def table_meta(found: Results, selection: Selection, registry: Registry, store: Store) -> dict[str, Any]:
    """What a reader of the table must know besides its columns; the same each time it is written."""
    from iop4cli import __version__
    from iop4cli.pipeline.calibrations import from_rows, shipped_calibrations

    answer = found.answer

    said = {
        name: value
        for name in ("source", "instrument", "band", "mode", "since", "until", "where")
        if (value := getattr(selection, name)) is not None
    }
    used = (
        {row[answer.columns.index("calibration")] for row in answer.rows} if "calibration" in answer.columns else None
    )
    known = [*shipped_calibrations(registry), *from_rows(store.rows("select * from calibration"))]
    references = {one.name: one.source for one in known if used is None or one.name in used}
    return {
        "software": "iop4",
        "version": __version__,
        "selection": said,
        "flagged_left_out": found.n_flagged,
        "calibration_references": references,
    }
