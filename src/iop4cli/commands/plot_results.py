"""iop4 plot lightcurve, qu, modulation, sweep: what was measured."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from iop4cli.commands.opening import Opened, open_archive
from iop4cli.commands.plotting import FilteredPlotOptions, Plot, PlotOptions, check_output, deliver
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
    from iop4cli.export.plots.light_curve import COLUMNS, Shown, light_curve_chart, light_curve_rows

    check_output(options)
    name, rows = _results(open_archive(options), options, source)
    shown = Shown(host, debiased, unwrap)
    values = [row for row in light_curve_rows(rows, shown) if any(row[column] is not None for column in _DRAWN)]
    plot = Plot(values, COLUMNS, lambda: light_curve_chart(rows, title=name, shown=shown))
    return deliver(options, plot, f"nothing to draw: no result of {name}{_left(options)} has a value")


_DRAWN = ("mag", "p_percent", "p_upper95_percent", "chi_deg")


def _results(opened: Opened, options: FilteredPlotOptions, source: str) -> tuple[str, list[dict[str, Any]]]:
    """The name of a source, and its rows of the view `results` that the filters leave."""
    from iop4cli.archive.results import condition_of, result_columns, select_results, source_named
    from iop4cli.shell.arguments import selection_by_filters

    store = opened.store
    name = source_named(store, source)
    condition = condition_of(selection_by_filters(options, name), store, opened.surroundings().registry)
    found = select_results(store, condition, result_columns(store), flagged=True).answer
    return name, [dict(zip(found.columns, row, strict=True)) for row in found.rows]


def _left(options: FilteredPlotOptions) -> str:
    """The filters in words, for what they left."""
    said = [
        f"--{name} {value}"
        for name in ("instrument", "band", "mode", "since", "until", "where")
        if (value := getattr(options, name)) is not None
    ]
    return f" with {' '.join(said)}" if said else ""


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
    from iop4cli.export.plots.stokes_plane import COLUMNS, stokes_chart, stokes_figure, stokes_rows

    check_output(options)
    name, rows = _results(open_archive(options), options, source)
    values = stokes_rows(rows, host=host)
    plot = Plot(
        values, COLUMNS, lambda: stokes_chart(values, title=name),
        lambda: stokes_figure(values, title=name, wide=options.wide),
    )  # fmt: skip
    return deliver(options, plot, f"nothing to draw: no result of {name}{_left(options)} has q and u")


ResultId = Annotated[str, typer.Argument(metavar="RESULT", show_default=False, help="The id of a result.")]


@takes_options
def modulation(options: PlotOptions, result: ResultId) -> int:
    """Draw the exposures of a polarimetric result against the angle of the analyser, with the fit and what it leaves.

    Reads the store and measures the group again with the parameters that it had: (O - E) / (O + E) of two beams,
    the flux over the transparency of one. Exposures that were not used are hollow. Writes FILE with -o, else draws
    in the terminal; in a pipe (> file) it writes the values, tab-separated.
    """
    from iop4cli.export.plots.modulation import modulation_chart
    from iop4cli.pipeline.modulation import COLUMNS, modulation_rows
    from iop4cli.pipeline.view import View

    check_output(options)
    opened = open_archive(options)
    rows, curve, quantity = modulation_rows(View(opened.store, opened.surroundings()), result)
    title = _title(opened, result)
    plot = Plot(rows, COLUMNS, lambda: modulation_chart(rows, curve, title=title, quantity=quantity))
    return deliver(options, plot, f"nothing to draw: no exposure of {result} was measured")


@takes_options
def sweep(options: PlotOptions, result: ResultId) -> int:
    """Draw how magnitude, q and u of a result change with the radius of the aperture.

    Reads the store and measures the group again with the parameters that it had. Changes are against the aperture in
    use, and so are their errors: small, for nested circles have most of their noise in common. Writes FILE with -o,
    else draws in the terminal; in a pipe (> file) it writes the values, tab-separated.
    """
    from iop4cli.export.plots.apertures import sweep_chart
    from iop4cli.pipeline.swept_result import COLUMNS, sweep_rows
    from iop4cli.pipeline.view import View

    check_output(options)
    opened = open_archive(options)
    rows = sweep_rows(View(opened.store, opened.surroundings()), result)
    title = _title(opened, result)
    plot = Plot(rows, COLUMNS, lambda: sweep_chart(rows, title=title))
    return deliver(options, plot, f"nothing to draw: {result} was measured in one circle only")


def _title(opened: Opened, result: str) -> str:
    row = opened.store.rows("select source, instrument, band, night::text as night from results where id = ?", [result])
    return ", ".join(str(value) for value in row[0].values() if value is not None)
