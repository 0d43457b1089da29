"""iop4 catalog."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from iop4cli.commands.opening import open_archive
from iop4cli.errors import NoSuchItem
from iop4cli.shell import messages, output
from iop4cli.shell.options import ArchiveOptions, Json, takes_options

EPILOG = """Examples:

  iop4 catalog import my_sources.csv

  iop4 catalog list --json

  iop4 catalog export -o sources.csv

  iop4 catalog health "BL Lac"
"""

app = typer.Typer(
    help="Targets and calibrators: import, list, export, and how the calibrators do.", no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich", epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip
_HELP = {"help_option_names": ["-h", "--help"]}


@app.command("import", context_settings=_HELP, epilog=EPILOG)
@takes_options
def import_(
    options: ArchiveOptions,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]",
            show_default=False,
            help="CSV or ECSV; none: the shipped blazars and comparison stars.",
        ),
    ] = None,
) -> int:
    """Add sources, or replace those of the same name; all of the file or, with any error, nothing.

    Columns: name, other_names, ra, dec (degrees, or sexagesimal with hours for ra), kind, redshift, mag_BAND and
    mag_BAND_err for any band, p (a fraction), p_err, chi, chi_err (degrees), calibrates, comment; lists are separated
    by `;`. Results that rest on a changed entry become due.
    """
    from iop4cli.archive.catalog import read_catalog
    from iop4cli.archive.catalog_store import read_sources, write_sources
    from iop4cli.share import share_dir

    opened = open_archive(options)
    before = {source.name: source for source in read_sources(opened.store)}
    path = file or share_dir() / "catalogs" / "comparison_stars.ecsv"
    sources = read_catalog(path, {name: source.other_names for name, source in before.items()})
    changed = [source for source in sources if before.get(source.name) != source]
    if changed:
        write_sources(opened.store, changed)
    n_new = sum(source.name not in before for source in changed)
    messages.notice(f"{n_new} new, {len(changed) - n_new} changed, {len(sources) - len(changed)} the same")
    for source in changed:
        output.line(source.name)
    return 0


@app.command("list", context_settings=_HELP, epilog=EPILOG)
@takes_options
def list_(
    options: ArchiveOptions,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAMES]...", show_default=False, help="Sources, by any of their names."),
    ] = None,
    json: Json = False,
) -> int:
    """List the sources of the catalogue with their magnitudes."""
    rows = [_row(source) for source in _sources(options, names or [])]
    if json:
        for row in rows:
            output.json_row(row)
    else:
        output.table(rows, ("name", "other_names", "ra_deg", "dec_deg", "kind", "mags", "calibrates"))
    return 0


@app.command("export", context_settings=_HELP, epilog=EPILOG)
@takes_options
def export(
    options: ArchiveOptions,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAMES]...", show_default=False, help="Sources, by any of their names."),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", show_default=False, help="A file; else stdout."),
    ] = None,
) -> int:
    """The catalogue as CSV that `catalog import` reads back to the same."""
    from iop4cli.archive.catalog import to_csv
    from iop4cli.export.atomic import write_text

    text = to_csv(_sources(options, names or []))
    if to is None:
        output.write(text)
    else:
        write_text(to, text)
    return 0


@app.command("health", context_settings=_HELP, epilog=EPILOG)
@takes_options
def health(
    options: ArchiveOptions,
    source: Annotated[
        str | None,
        typer.Argument(metavar="[SOURCE]", show_default=False, help="A calibrator, or a target for all of its own."),
    ] = None,
    json: Json = False,
) -> int:
    """What the results say of each calibrator: good, offset, variable, or with a trend.

    Reads the results of calibrators, each of which was measured against the others of its field, and compares them
    with the catalogue, by instrument and band: mean residual (its error contains the catalogue's errors), scatter,
    chi squared about the mean, trend, and the largest. A verdict other than good is wrong in one list of a hundred,
    however many stars there are. Flagged, saturated or disturbed results do not count.
    """
    from iop4cli.archive.results import source_named
    from iop4cli.pipeline.catalog_health import COLUMNS, calibrator_health, calibrators_named

    store = open_archive(options).store
    names = None
    if source is not None:
        named = source_named(store, source)
        names = calibrators_named(store, named)
        if not names:
            raise NoSuchItem(f"{named} calibrates nothing and has no calibrators")
    rows = calibrator_health(store, names)
    if json:
        for row in rows:
            output.json_row(row)
    elif output.is_terminal():
        _health_page(rows)
    else:
        output.table(rows, (*COLUMNS, "note"))
    if not rows:
        messages.notice("no calibrator with a magnitude has been measured against others yet: `iop4 run`")
    return 0


def _health_page(rows: list[dict[str, Any]]) -> None:
    from iop4cli.shell import page, words

    shown = [
        {
            **row,
            "mean": words.measured(row["mean_mag"], row["mean_err_mag"], 3),
            "scatter": words.number(row["scatter_mag"], 3),
            "chi2": words.number(row["chi2_red"], 2),
            "trend_yr": words.measured(row["trend_mag_yr"], row["trend_err_mag_yr"], 3),
            "largest": words.number(row["largest_mag"], 3),
        }
        for row in rows
    ]
    if shown:
        columns = ("source", "instrument", "band", "n", "mean", "scatter", "chi2", "trend_yr", "largest", "verdict")
        page.table(shown, columns, indent=0)
    for row in rows:
        if row["note"]:
            page.text(f"{row['source']}, {row['instrument']}, {row['band']}: {row['note']}", style="warning")


def _sources(options: ArchiveOptions, names: list[str]) -> list[Any]:
    from iop4cli.archive.catalog_store import read_sources
    from iop4cli.archive.names import NameIndex

    sources = read_sources(open_archive(options).store)
    if not names:
        return sources
    index = NameIndex({source.name: source.other_names for source in sources})
    wanted = set()
    for name in names:
        found = index.find(name)
        if not found:
            raise NoSuchItem(f"no source is called {name!r}; `iop4 catalog list` shows those there are")
        wanted |= set(found)
    return [source for source in sources if source.name in wanted]


def _row(source: Any) -> dict[str, Any]:
    mags = {band: mag for band, (mag, _) in sorted(source.mags.items())}
    return {
        "name": source.name, "other_names": ";".join(source.other_names) or None, "ra_deg": source.ra_deg,
        "dec_deg": source.dec_deg, "kind": source.kind, "redshift": source.redshift,
        "mags": " ".join(f"{band}={mag:g}" for band, mag in mags.items()) or None,
        "p": source.p, "chi_deg": source.chi_deg, "calibrates": ";".join(source.calibrates) or None,
        "comment": source.comment or None,
    }  # fmt: skip
