"""iop4 catalog."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from iop4cli.commands import (
    catalog_adding,
    catalog_calibrators,
    catalog_changing,
    catalog_checking,
    catalog_exposure,
    catalog_health,
    catalog_resolve,
)
from iop4cli.commands.catalog_named import HELP, known_names, make_change, sources_named
from iop4cli.commands.opening import open_archive
from iop4cli.errors import UsageError
from iop4cli.shell import messages, output
from iop4cli.shell.options import ArchiveOptions, Json, takes_options

EPILOG = """Examples:

  iop4 catalog import my_sources.csv && iop4 catalog list

  iop4 catalog add "TXS 0506+056" --ra 77.358185 --dec 5.693148 --kind bllac

  iop4 catalog edit "OJ 287" && iop4 run -n

  iop4 catalog export -o sources.vot

  iop4 catalog calibrators "OJ 287" --chart oj287.png --apply

  iop4 catalog check && iop4 catalog resolve "OJ 287"

  iop4 catalog exposure "BL Lac" --instrument AndorT90 --p-error 0.002

  iop4 catalog health "BL Lac"

  iop4 catalog rename "OJ 287" "0851+202"

  iop4 catalog remove "OJ 287" && iop4 catalog undo

  iop4 catalog log "OJ 287"
"""

app = typer.Typer(
    help="Targets and calibrators: import, edit, find, check, and how they do.", no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich", epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip
Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAMES", show_default=False, help="Sources, by any of their names."),
]
FORMATS = {".csv": "csv", ".ecsv": "ecsv", ".vot": "votable", ".votable": "votable", ".xml": "votable"}


@app.command("import", context_settings=HELP, epilog=EPILOG)
@takes_options
def import_(
    options: ArchiveOptions,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            show_default=False,
            help="CSV, ECSV or VOTable (.vot, .xml); none: the shipped blazars and comparison stars.",
        ),
    ] = None,
) -> int:
    """Add sources, or replace those of the same name; all of the file or, with any error, nothing.

    Columns: name, other_names, ra, dec (degrees, or sexagesimal with hours for ra), kind, redshift, mag_BAND and
    mag_BAND_err for any band, p (a fraction), p_err, chi, chi_err (degrees), calibrates, comment; lists are separated
    by `;`. Results that rest on a changed entry become due.
    """
    from iop4cli.archive.catalog import read_catalog
    from iop4cli.archive.catalog_journal import pairs_of
    from iop4cli.archive.catalog_store import read_sources
    from iop4cli.share import share_dir

    opened = open_archive(options)
    known = read_sources(opened.store)
    path = file or share_dir() / "catalogs" / "comparison_stars.ecsv"
    sources = read_catalog(path, known_names(known))
    names = {source.name for source in sources}
    pairs = pairs_of([source for source in known if source.name in names], sources)
    n_new = sum(pair.before is None for pair in pairs)
    messages.notice(f"{n_new} new, {len(pairs) - n_new} changed, {len(sources) - len(pairs)} the same")
    if pairs:
        make_change(opened.store, f"import {path.name}", pairs)
    return 0


@app.command("list", context_settings=HELP, epilog=EPILOG)
@takes_options
def list_(options: ArchiveOptions, names: Names = None, json: Json = False) -> int:
    """List the sources of the catalogue with their magnitudes."""
    from iop4cli.archive.catalog_store import read_sources

    rows = [source_row(source) for source in sources_named(read_sources(open_archive(options).store), names or [])]
    if json:
        for row in rows:
            output.json_row(row)
    else:
        output.table(rows, ("name", "other_names", "ra_deg", "dec_deg", "kind", "mags", "calibrates"))
    return 0


@app.command("export", context_settings=HELP, epilog=EPILOG)
@takes_options
def export(
    options: ArchiveOptions,
    names: Names = None,
    to: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", show_default=False, help="A file; else stdout."),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option("--format", metavar="csv|ecsv|votable", show_default=False, help="Else by the name, else csv."),
    ] = None,
) -> int:
    """The catalogue as CSV, ECSV or VOTable; `catalog import` reads each back to the same."""
    from iop4cli.archive.catalog import to_csv
    from iop4cli.archive.catalog_store import read_sources
    from iop4cli.archive.catalog_tables import to_ecsv, to_votable
    from iop4cli.export.atomic import write_text

    if form is None and to is not None and to.suffix.lower() not in FORMATS:
        raise UsageError(f"{to}: its name must end in {', '.join(FORMATS)}, or give --format")
    form = form or (FORMATS[to.suffix.lower()] if to is not None else "csv")
    writers = {"csv": to_csv, "ecsv": to_ecsv, "votable": to_votable}
    if form not in writers:
        raise UsageError(f"{form!r} is no format for catalogues: {', '.join(writers)}")
    text = writers[form](sources_named(read_sources(open_archive(options).store), names or []))
    if to is None:
        output.write(text)
    else:
        write_text(to, text)
    return 0


def source_row(source: Any) -> dict[str, Any]:
    """A source as one flat row."""
    mags = {band: mag for band, (mag, _) in sorted(source.mags.items())}
    return {
        "name": source.name, "other_names": ";".join(source.other_names) or None, "ra_deg": source.ra_deg,
        "dec_deg": source.dec_deg, "kind": source.kind, "redshift": source.redshift,
        "mags": " ".join(f"{band}={mag:g}" for band, mag in mags.items()) or None,
        "p": source.p, "chi_deg": source.chi_deg, "calibrates": ";".join(source.calibrates) or None,
        "comment": source.comment or None,
    }  # fmt: skip


for _name, _verb in (
    ("add", catalog_adding.add),
    ("edit", catalog_adding.edit),
    ("remove", catalog_changing.remove),
    ("rename", catalog_changing.rename),
    ("log", catalog_changing.log),
    ("undo", catalog_changing.undo),
    ("calibrators", catalog_calibrators.calibrators),
    ("resolve", catalog_resolve.resolve),
    ("check", catalog_checking.check),
    ("exposure", catalog_exposure.exposure),
    ("health", catalog_health.health),
):
    app.command(_name, context_settings=HELP, epilog=EPILOG)(_verb)
