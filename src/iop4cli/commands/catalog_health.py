"""iop4 catalog health."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from iop4cli.commands.opening import open_archive
from iop4cli.errors import NoSuchItem
from iop4cli.shell import messages, output
from iop4cli.shell.options import ArchiveOptions, Json, takes_options


@takes_options
def health(
    options: ArchiveOptions,
    source: Annotated[
        str | None,
        typer.Argument(metavar="SOURCE", show_default=False, help="A calibrator, or a target for all of its own."),
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
