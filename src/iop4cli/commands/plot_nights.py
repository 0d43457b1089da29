"""iop4 plot zeropoint, health, masters: what changes from night to night."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from iop4cli.commands.opening import open_archive
from iop4cli.commands.plotting import FilteredPlotOptions, Plot, PlotOptions, check_output, deliver
from iop4cli.errors import NoSuchItem, UsageError
from iop4cli.shell.options import PANEL_HOW, PANEL_ITEMS, InBand, OfInstrument, Since, Until, takes_options

_KINDS = ("bias", "dark", "flat")
_HEALTH_COLUMNS = (
    "source", "instrument", "band", "night", "mjd_utc", "mag", "catalog_mag", "catalog_mag_err", "residual_mag",
    "residual_err_mag", "n_calibrators", "id",
)  # fmt: skip


@takes_options
def zeropoint(
    options: FilteredPlotOptions,
    nights: Annotated[
        list[str] | None,
        typer.Argument(metavar="NIGHT", show_default=False, help="Epochs or globs of them; none: all."),
    ] = None,
    airmass: Annotated[
        bool, typer.Option("--airmass", rich_help_panel=PANEL_HOW, help="Against airmass instead of time.")
    ] = False,
) -> int:
    """Draw the zero points of frames and groups, and the scatter of their calibrators, against time or airmass.

    Reads the view [bold]results[/bold]: the zero point of each target, by instrument, band and mode. Writes FILE
    with -o, else draws in the terminal; in a pipe (> file) it writes the values, tab-separated.
    """
    from iop4cli.export.plots.nights import zero_point_chart
    from iop4cli.pipeline.plotted_nights import ZERO_POINT_COLUMNS, zero_point_rows
    from iop4cli.pipeline.view import View
    from iop4cli.shell.arguments import selection_by_filters

    check_output(options)
    opened = open_archive(options)
    selection = replace(selection_by_filters(options), names=tuple(nights or ()))
    rows = zero_point_rows(View(opened.store, opened.surroundings()), selection)
    drawn = [row for row in rows if not airmass or row["airmass"] is not None]
    title = "zero points" + (f", {', '.join(nights)}" if nights else "")
    plot = Plot(drawn, ZERO_POINT_COLUMNS, lambda: zero_point_chart(drawn, title=title, by_airmass=airmass))
    return deliver(options, plot, "nothing to draw: no result that was asked for has a zero point")


@takes_options
def health(
    options: PlotOptions,
    source: Annotated[
        str | None,
        typer.Argument(metavar="SOURCE", show_default=False, help="A calibrator, or a target for all of its own."),
    ] = None,
) -> int:
    """Draw what calibrators were measured to be, less the catalogue's magnitude, against time.

    Reads the results of calibrators that `iop4 catalog health` judges, each measured against the others of its field;
    a panel a star with its verdict, the worst first, at most eight. Writes FILE with -o, else draws in the terminal;
    in a pipe (> file) it writes the values, tab-separated.
    """
    from iop4cli.archive.results import source_named
    from iop4cli.export.plots.nights import health_chart
    from iop4cli.pipeline.catalog_health import calibrator_health, calibrators_named, residual_rows

    check_output(options)
    store = open_archive(options).store
    names, title = None, "calibrators"
    if source is not None:
        title = source_named(store, source)
        names = calibrators_named(store, title)
        if not names:
            raise NoSuchItem(f"{title} calibrates nothing and has no calibrators")
    verdicts: dict[str, str] = {}
    for row in calibrator_health(store, names):
        # A row for each instrument and band; the worst of a star comes first.
        verdicts.setdefault(row["source"], row["verdict"])
    rows = residual_rows(store, names)
    plot = Plot(rows, _HEALTH_COLUMNS, lambda: health_chart(rows, verdicts, title=title))
    return deliver(options, plot, "nothing to draw: no calibrator was measured against others yet (`iop4 run`)")


@takes_options
def masters(
    options: PlotOptions,
    instrument: OfInstrument = None,
    band: InBand = None,
    since: Since = None,
    until: Until = None,
    kind: Annotated[
        list[str] | None,
        typer.Option("--kind", metavar="KIND", show_default=False, rich_help_panel=PANEL_ITEMS,
                     help="Only bias, dark or flat; may be repeated."),
    ] = None,
) -> int:  # fmt: skip
    """Draw level, scatter and number of frames of masters, night by night.

    Reads the store. Masters that are not accepted are hollow and do not set the scale; a flat has no level, for it is
    divided by it. Writes FILE with -o, else draws in the terminal; in a pipe (> file) it writes the values,
    tab-separated.
    """
    from iop4cli.archive.selection import Selection
    from iop4cli.export.plots.nights import masters_chart
    from iop4cli.pipeline.plotted_nights import MASTER_COLUMNS, master_rows
    from iop4cli.pipeline.view import View

    check_output(options)
    for one in kind or ():
        if one not in _KINDS:
            raise UsageError(f"--kind {one!r}: choose of {', '.join(_KINDS)}")
    opened = open_archive(options)
    selection = Selection(instrument=instrument, band=band, since=since, until=until)
    rows = master_rows(View(opened.store, opened.surroundings()), selection, kind or _KINDS)
    plot = Plot(rows, MASTER_COLUMNS, lambda: masters_chart(rows, title="masters"))
    return deliver(options, plot, "nothing to draw: no master that was asked for has been made")
