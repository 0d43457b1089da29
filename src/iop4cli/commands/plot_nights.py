"""iop4 plot zeropoint, health, masters: what changes from night to night."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from iop4cli.commands.plotting import FilteredPlotOptions, PlotOptions, check_output, deliver, view_of
from iop4cli.shell.arguments import selection_by_filters
from iop4cli.shell.options import PANEL_HOW, PANEL_ITEMS, InBand, OfInstrument, Since, Until, takes_options


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
    from iop4cli.pipeline.drawn_nights import zeropoint as drawn

    check_output(options)
    selection = replace(selection_by_filters(options), names=tuple(nights or ()))
    return deliver(options, drawn(view_of(options), selection, airmass=airmass))


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
    from iop4cli.pipeline.drawn_nights import health as drawn

    check_output(options)
    return deliver(options, drawn(view_of(options), source))


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
    from iop4cli.pipeline.drawn_nights import masters as drawn

    check_output(options)
    selection = Selection(instrument=instrument, band=band, since=since, until=until)
    return deliver(options, drawn(view_of(options), selection, kind or ()))
