"""Where a plot goes: a file, a terminal, or a table of its values in a pipe."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from iop4cli.commands.opening import open_archive
from iop4cli.errors import NoSuchItem
from iop4cli.shell import output
from iop4cli.shell.options import PANEL_HOW, ArchiveOptions, FilterOptions

if TYPE_CHECKING:
    from iop4cli.export.plots.plot import Plot
    from iop4cli.pipeline.view import View

ToFile = Annotated[
    Path | None,
    typer.Option("-o", "--output", metavar="FILE", show_default=False, rich_help_panel=PANEL_HOW,
                 help="A PNG, PDF or SVG file; else drawn in the terminal, or a table in a pipe."),
]  # fmt: skip
Wide = Annotated[
    bool, typer.Option("--wide", rich_help_panel=PANEL_HOW, help="As wide as two columns of a journal (7.1 in).")
]
_PROBE = "●○┤⣿↓▀"


@dataclass(frozen=True, kw_only=True)
class PlotOptions(ArchiveOptions):
    """Plots of one thing."""

    to: ToFile = None
    wide: Wide = False


@dataclass(frozen=True, kw_only=True)
class FilteredPlotOptions(FilterOptions):
    """Plots of what filters leave."""

    to: ToFile = None
    wide: Wide = False


def check_output(options: PlotOptions | FilteredPlotOptions) -> None:
    """Refuse a file's name before anything is read."""
    from iop4cli.export.plots.style import check_file

    if options.to is not None:
        check_file(options.to)


def view_of(options: PlotOptions | FilteredPlotOptions) -> View:
    from iop4cli.pipeline.view import View

    opened = open_archive(options)
    return View(opened.store, opened.surroundings())


def deliver(options: PlotOptions | FilteredPlotOptions, plot: Plot) -> int:
    """Draw to the file or the terminal, or write the values; with nothing to draw end as for no such item."""
    if not plot.rows and plot.nothing is not None:
        raise NoSuchItem(plot.nothing)
    if options.to is not None:
        from iop4cli.export.plots.plot import save_plot

        save_plot(plot, options.to, wide=options.wide)
        output.line(str(options.to))
    elif output.is_terminal():
        _to_terminal(plot)
    else:
        output.table(plot.rows, plot.columns)
    return 0


def _to_terminal(plot: Plot) -> None:
    from iop4cli.export.plots.terminal import chart_text

    columns = shutil.get_terminal_size((80, 24)).columns
    plain = not output.can_show(_PROBE)
    if plot.text is not None:
        output.drawing(plot.text(columns, plain or not output.has_colours()))
    else:
        output.drawing(chart_text(plot.drawn(), columns, plain=plain))
