"""Where a plot goes: a file, a terminal, or a table of its values in a pipe."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iop4cli.errors import NoSuchItem
from iop4cli.shell import output
from iop4cli.shell.options import PANEL_HOW, ArchiveOptions, FilterOptions

if TYPE_CHECKING:
    from iop4cli.export.plots.chart import Chart

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


@dataclass(frozen=True)
class Plot:
    """What a plot shows: its values as rows, and how it is drawn.

    `chart` where the general drawing will do; else `figure`, and `text` for so many columns, plain or not.
    """

    rows: Sequence[Mapping[str, Any]]
    columns: Sequence[str]
    chart: Callable[[], Chart] | None
    figure: Callable[[], Any] | None = None
    text: Callable[[int, bool], Any] | None = None


def check_output(options: PlotOptions | FilteredPlotOptions) -> None:
    """Refuse a file's name before anything is read."""
    from iop4cli.export.plots.style import check_file

    if options.to is not None:
        check_file(options.to)


def deliver(options: PlotOptions | FilteredPlotOptions, plot: Plot, nothing: str, *, may_be_empty: bool = False) -> int:
    """Draw to the file or the terminal, or write the values; without any, say `nothing` and end as for no such item."""
    if not plot.rows and not may_be_empty:
        raise NoSuchItem(nothing)
    if options.to is not None:
        _to_file(options.to, plot, options.wide)
    elif output.is_terminal():
        _to_terminal(plot)
    else:
        output.table(plot.rows, plot.columns)
    return 0


def _to_file(path: Path, plot: Plot, wide: bool) -> None:
    from iop4cli.export.plots.chart_figure import chart_figure
    from iop4cli.export.plots.style import save_figure

    save_figure(plot.figure() if plot.figure is not None else chart_figure(_chart(plot), wide=wide), path)
    output.line(str(path))


def _to_terminal(plot: Plot) -> None:
    from iop4cli.export.plots.terminal import chart_text

    columns = shutil.get_terminal_size((80, 24)).columns
    plain = not output.can_show(_PROBE)
    if plot.text is not None:
        output.drawing(plot.text(columns, plain or not output.has_colours()))
    else:
        output.drawing(chart_text(_chart(plot), columns, plain=plain))


def _chart(plot: Plot) -> Chart:
    assert plot.chart is not None, "a plot without a chart draws itself"
    return plot.chart()
