"""A plot: the values it shows, and how it is drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iop4cli.export.plots.chart import Chart


@dataclass(frozen=True)
class Plot:
    """What a plot shows: its values as rows, and how it is drawn.

    `chart` where the general drawing will do; else `figure` (of two columns' width or one), and `text` for so many
    columns, plain or not. Without any rows there is `nothing` to draw, which says why; None: it is drawn all the same.
    """

    rows: Sequence[Mapping[str, Any]]
    columns: Sequence[str]
    nothing: str | None
    chart: Callable[[], Chart] | None = None
    figure: Callable[[bool], Any] | None = None
    text: Callable[[int, bool], Any] | None = None

    def drawn(self) -> Chart:
        """The general drawing."""
        assert self.chart is not None, "a plot without a chart draws itself"
        return self.chart()


def save_plot(plot: Plot, path: Path, *, wide: bool) -> None:
    """Draw to a PNG, PDF or SVG file, as wide as one column of a journal (3.5 in) or two (7.1 in)."""
    from iop4cli.export.plots.chart_figure import chart_figure
    from iop4cli.export.plots.style import save_figure

    save_figure(plot.figure(wide) if plot.figure is not None else chart_figure(plot.drawn(), wide=wide), path)
