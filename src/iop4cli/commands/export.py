"""iop4 export."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from iop4cli.commands.opening import open_archive
from iop4cli.errors import UsageError
from iop4cli.shell import messages, output
from iop4cli.shell.options import PANEL_HOW, SelectionOptions, takes_options

if TYPE_CHECKING:
    from iop4cli.archive.store import Store

EPILOG = """Examples:

  iop4 export --since 2022-09-01 -o week.ecsv

  iop4 export --source "BL Lac" --mode pol --columns polarimetry,fwhm_arcsec -o bllac.vot

  iop4 export --source "BL Lac" --targets --format latex --columns atel

  iop4 export --source "BL Lac" --cite -o bllac.bib

  iop4 export --source "BL Lac" --until 2022-12-31 --bundle bllac-2022.zip
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
            help="A file (.csv .ecsv .vot .xml .fits .parquet .ndjson .jsonl .md .tex); else stdout.",
        ),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            show_default=False,
            rich_help_panel=PANEL_HOW,
            help="csv, ecsv, votable, fits, parquet, ndjson, markdown or latex; else as the file is called, else csv.",
        ),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            "--columns",
            metavar="A,B,C",
            show_default=False,
            rich_help_panel=PANEL_HOW,
            help="These columns only, in this order; lightcurve, polarimetry, atel and full stand for several.",
        ),
    ] = None,
    flagged: Annotated[
        bool, typer.Option("--flagged", rich_help_panel=PANEL_HOW, help="Also results that people flagged.")
    ] = False,
    targets: Annotated[
        bool, typer.Option("--targets", rich_help_panel=PANEL_HOW, help="Only targets, no calibrators.")
    ] = False,
    cite: Annotated[
        bool,
        typer.Option("--cite", rich_help_panel=PANEL_HOW, help="Not results but BibTeX of what they rest on."),
    ] = False,
    bundle: Annotated[
        Path | None,
        typer.Option(
            "--bundle",
            metavar="DIR|FILE.zip",
            show_default=False,
            rich_help_panel=PANEL_HOW,
            help="Tables, plots, README, BibTeX and checksums for a collaborator.",
        ),
    ] = None,
) -> int:
    """Write results as a table: CSV, ECSV, VOTable, FITS, Parquet, NDJSON, Markdown or LaTeX.

    Reads the view [bold]results[/bold]; --where is a condition in SQL on its columns, which `iop4 sql
    --schema results` explains. Magnitudes and angles have their units; p, q and u are fractions; times are
    mid-exposure. What is not known is empty (null in NDJSON, NaN or the column's null in VOTable and FITS). Results
    that people flagged are left out unless --flagged is given. ECSV, VOTable, FITS, Parquet, Markdown and LaTeX say
    which software, calibrations, comparison stars (with their references) and conventions the results rest on.
    Markdown and LaTeX are rounded by the errors, and have the columns of atel unless --columns is given.
    """
    from iop4cli.archive.results import condition_of, result_columns, select_results
    from iop4cli.export.column_sets import chosen_columns
    from iop4cli.export.formats import BARE, BINARY, PRINTED, written
    from iop4cli.pipeline.provenance import bibtex_of, provenance
    from iop4cli.shell.arguments import selection_of

    _check_asked(form, to, cite, bundle)
    chosen_format = "csv" if cite or bundle is not None else _format(form, to)
    if not cite and bundle is None:
        _check_terminal(chosen_format, to)
    opened = open_archive(options)
    registry = opened.surroundings().registry
    selection = selection_of(options)
    said = columns if columns is not None or chosen_format not in PRINTED else "atel"
    known = result_columns(opened.store)
    chosen = known if said is None else chosen_columns(said, known)
    condition = condition_of(selection, opened.store, registry)
    if targets:
        condition = f"({condition}) and source in {_targets(opened.store)}"
    found = select_results(opened.store, condition, chosen, flagged=flagged)
    if bundle is None and not cite and chosen_format in BARE:
        _deliver(written(found.frame, chosen_format, {}), to, binary=False)
    else:
        rests = provenance(opened.store, registry, selection, condition, flagged=flagged, n_flagged=found.n_flagged)
        if bundle is not None:
            from iop4cli.commands.export_bundle import write_bundle

            write_bundle(bundle, found, rests, opened.store, condition, flagged=flagged)
        elif cite:
            _deliver([bibtex_of(rests).encode("utf-8")], to, binary=False)
        else:
            _deliver(written(found.frame, chosen_format, rests.meta), to, binary=chosen_format in BINARY)
    left_out = f"; {found.n_flagged} flagged by people left out (--flagged keeps them)" if found.n_flagged else ""
    messages.notice(f"{found.frame.height or 'no'} result{'s' if found.frame.height != 1 else ''}{left_out}")
    return 0


def _check_asked(form: str | None, to: Path | None, cite: bool, bundle: Path | None) -> None:
    given = [name for name, there in (("--cite", cite), ("--bundle", bundle is not None)) if there]
    if len(given) > 1:
        raise UsageError("--bundle has the BibTeX in it: --cite is not needed")
    if given and form is not None:
        raise UsageError(f"{given[0]} has no --format")
    if bundle is not None and to is not None:
        raise UsageError("--bundle says where it goes: -o is for one table")


def _check_terminal(form: str, to: Path | None) -> None:
    from iop4cli.export.formats import BINARY

    if to is None and form in BINARY and output.is_terminal():
        raise UsageError(f"{form} is no text for a terminal: give -o FILE, or send it on (> FILE)")


def _deliver(parts: Iterable[bytes], to: Path | None, *, binary: bool) -> None:
    from iop4cli.export.atomic import write_parts

    if to is not None:
        write_parts(to, parts)
        return
    for part in parts:
        if not (output.write_bytes(part) if binary else output.write(part.decode("utf-8"))):
            return


def _format(said: str | None, to: Path | None) -> str:
    from iop4cli.export.formats import FORMATS, SUFFIXES
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


def _targets(store: Store) -> str:
    from iop4cli.archive.catalog_store import read_sources
    from iop4cli.archive.people import quoted
    from iop4cli.archive.source import target_names

    return "(" + ", ".join(["null", *map(quoted, sorted(target_names(read_sources(store))))]) + ")"
