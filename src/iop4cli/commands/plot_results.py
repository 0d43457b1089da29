"""iop4 plot lightcurve, qu, modulation, sweep: what was measured."""

from __future__ import annotations

from typing import Annotated

import typer

from iop4cli.commands.plotting import FilteredPlotOptions, PlotOptions, check_output, deliver, view_of
from iop4cli.shell.arguments import selection_by_filters
from iop4cli.shell.options import PANEL_HOW, takes_options

SourceName = Annotated[str, typer.Argument(metavar="SOURCE", show_default=False, help="A source, by any of its names.")]


@takes_options
def lightcurve(
    options: FilteredPlotOptions,
    source: SourceName,
    unwrap: Annotated[
        bool, typer.Option("--unwrap", rich_help_panel=PANEL_HOW, help="Angles as a continuous series.")
    ] = False,
    host: Annotated[
        bool, typer.Option("--host", rich_help_panel=PANEL_HOW, help="Without the light of the host galaxy.")
    ] = False,
    debiased: Annotated[
        bool, typer.Option("--debiased", rich_help_panel=PANEL_HOW, help="p without its bias (MAS estimator).")
    ] = False,
) -> int:
    """Draw magnitude, degree and angle of polarisation of a source against time.

    Reads the view [bold]results[/bold]. Results that people flagged are hollow and do not set the scale; p below 3
    sigma is an arrow at its 95 % upper limit. With --unwrap each angle is moved by multiples of 180 deg to be
    nearest the one before, of all instruments and bands together (flagged ones and those of upper limits are moved,
    but nothing is moved to them); steps that may have gone the other way, within 2 sigma of 90 deg, are dotted.
    Writes FILE with -o, else draws in the terminal; in a pipe (> file) it writes the values, tab-separated.
    """
    from iop4cli.pipeline.drawn_results import lightcurve as drawn

    check_output(options)
    selection = selection_by_filters(options, source)
    return deliver(options, drawn(view_of(options), selection, unwrap=unwrap, host=host, debiased=debiased))


@takes_options
def qu(
    options: FilteredPlotOptions,
    source: SourceName,
    host: Annotated[
        bool, typer.Option("--host", rich_help_panel=PANEL_HOW, help="Without the light of the host galaxy.")
    ] = False,
) -> int:
    """Draw the track of a source in the plane of q and u, coloured by time, with an ellipse of one sigma each.

    Reads the view [bold]results[/bold]. Results that people flagged are hollow, do not set the scale, and are not
    on the track. Writes FILE with -o, else draws in the terminal; in a pipe (> file) it writes the values,
    tab-separated.
    """
    from iop4cli.pipeline.drawn_results import qu as drawn

    check_output(options)
    return deliver(options, drawn(view_of(options), selection_by_filters(options, source), host=host))


ResultId = Annotated[str, typer.Argument(metavar="RESULT", show_default=False, help="The id of a result.")]


@takes_options
def modulation(options: PlotOptions, result: ResultId) -> int:
    """Draw the exposures of a polarimetric result against the angle of the analyser, with the fit and what it leaves.

    Reads the store and measures the group again with the parameters that it had: (O - E) / (O + E) of two beams,
    the flux over the transparency of one. Exposures that were not used are hollow. Writes FILE with -o, else draws
    in the terminal; in a pipe (> file) it writes the values, tab-separated.
    """
    from iop4cli.pipeline.drawn_results import modulation as drawn

    check_output(options)
    return deliver(options, drawn(view_of(options), result))


@takes_options
def sweep(options: PlotOptions, result: ResultId) -> int:
    """Draw how magnitude, q and u of a result change with the radius of the aperture.

    Reads the store and measures the group again with the parameters that it had. Changes are against the aperture in
    use, and so are their errors: small, for nested circles have most of their noise in common. Writes FILE with -o,
    else draws in the terminal; in a pipe (> file) it writes the values, tab-separated.
    """
    from iop4cli.pipeline.drawn_results import sweep as drawn

    check_output(options)
    return deliver(options, drawn(view_of(options), result))
