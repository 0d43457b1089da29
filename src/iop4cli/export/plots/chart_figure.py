"""A chart as a figure of matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from iop4cli.export.plots.chart import Chart, Panel, Point, Series, hollow_means, labels, x_limits, y_limits
from iop4cli.export.plots.style import ONE_COLUMN_IN, QUIET, TWO_COLUMNS_IN, colour, marker, new_figure, styled

_PANEL_IN, _REST_IN = 1.25, 0.85
# Days from matplotlib's origin (1970-01-01) to that of MJD.
_MJD_OF_1970 = 40587.0
_LIMIT_ARROW_PT = 9
_TICKS_AN_INCH = 1.7
_FEW_DAYS = 6.0
_LETTER_IN, _HANDLE_IN = 0.052, 0.32


def chart_figure(chart: Chart, *, wide: bool = False) -> Any:
    """A figure with a row of axes for each panel: hollow points are hollow, limits are arrows."""
    from matplotlib.ticker import MaxNLocator

    with styled():
        width = TWO_COLUMNS_IN if wide else ONE_COLUMN_IN
        shares = [panel.share for panel in chart.panels]
        figure = new_figure(width, _REST_IN + _PANEL_IN * sum(shares) * (1.15 if wide else 1.0))
        every = figure.subplots(len(shares), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": shares})[:, 0]
        for axes, panel in zip(every, chart.panels, strict=True):
            draw_panel(axes, panel)
        every[0].set_xlim(*x_limits(chart))
        every[-1].set_xlabel(chart.x_label)
        every[-1].xaxis.set_major_locator(
            MaxNLocator(round(_TICKS_AN_INCH * width), steps=[1, 2, 5, 10], integer=chart.whole)
        )
        if chart.origin_mjd is not None:
            date_axis(every[0], chart.origin_mjd, whole=chart.whole)
        figure.align_ylabels(every)
        finish(figure, chart)
    return figure


def draw_panel(axes: Any, panel: Panel) -> None:
    """The series of a panel, with its scale."""
    from matplotlib.ticker import MaxNLocator

    if panel.level is not None:
        axes.axhline(panel.level, color=QUIET, lw=0.6, zorder=0)
    for x, look in panel.marks:
        axes.axvline(x, color=colour(look), lw=0.8, ls=":", zorder=0)
    for series in panel.series:
        (_line if series.joined else _markers)(axes, series)
    low, high = y_limits(panel)
    axes.set_ylim(*((high, low) if panel.inverted else (low, high)))
    # Labels are ours, and one has a Greek letter; names are not to be taken for mathematics.
    axes.set_ylabel(panel.y_label).set_parse_math(True)
    axes.tick_params(right=True, top=False)
    if all(one.y == round(one.y) for series in panel.series for one in series.points):
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=True, min_n_ticks=1))
    if panel.note:
        axes.text(0.985, 0.95, panel.note, transform=axes.transAxes, ha="right", va="top", fontsize=6.5, color="0.25")


def _line(axes: Any, series: Series) -> None:
    from matplotlib.colors import to_rgba

    axes.plot(
        [one.x for one in series.points], [one.y for one in series.points],
        color=to_rgba(colour(series.look), 0.8), ls=":" if series.dashed else "-", lw=0.8, zorder=1,
    )  # fmt: skip


def _markers(axes: Any, series: Series) -> None:
    """Solid and hollow points and limits, each as one artist whose label says which they are."""
    kinds: tuple[tuple[str, list[Point]], ...] = (
        ("solid", [one for one in series.points if not one.hollow and not one.limit]),
        ("hollow", [one for one in series.points if one.hollow and not one.limit]),
        ("limit", [one for one in series.points if one.limit]),
    )
    for kind, chosen in kinds:
        if chosen:
            (_limits if kind == "limit" else _points)(axes, series, kind, chosen)


def _points(axes: Any, series: Series, kind: str, chosen: Sequence[Point]) -> None:
    x, y = [one.x for one in chosen], [one.y for one in chosen]
    shade = colour(series.look)
    bars = {
        name: [error or 0.0 for error in errors] if any(errors) else None
        for name, errors in (("yerr", [one.y_err for one in chosen]), ("xerr", [one.x_err for one in chosen]))
    }
    face = "none" if kind == "hollow" else shade
    axes.errorbar(x, y, **bars, fmt="none", ecolor=shade, elinewidth=0.6, alpha=0.75, zorder=2)
    axes.plot(
        x, y, ls="none", marker=marker(series.look), mfc=face, mec=shade, mew=0.7, zorder=3, gid=kind
    )  # fmt: skip


def _limits(axes: Any, series: Series, kind: str, chosen: Sequence[Point]) -> None:
    shade = colour(series.look)
    for one in chosen:
        axes.annotate(
            "", (one.x, one.y), (0, -_LIMIT_ARROW_PT), textcoords="offset points", gid="arrow", annotation_clip=True,
            arrowprops={"arrowstyle": "<|-", "color": shade, "lw": 0.7, "shrinkA": 0, "shrinkB": 0,
                        "mutation_scale": 5, "fc": "none" if one.hollow else shade},
        )  # fmt: skip
    x, y = [one.x for one in chosen], [one.y for one in chosen]
    axes.plot(x, y, ls="none", marker="_", ms=5, mec=shade, mew=0.9, zorder=3, gid=kind)


def date_axis(axes: Any, origin_mjd: float, *, whole: bool = False) -> None:
    """Calendar dates above an axis in MJD; of `whole` days no hours."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, DayLocator

    off = origin_mjd - _MJD_OF_1970
    above = axes.secondary_xaxis("top", functions=(lambda x: x + off, lambda x: x - off))
    ends = axes.get_xlim()
    few = whole and ends[1] - ends[0] < _FEW_DAYS
    locator = DayLocator() if few else AutoDateLocator(minticks=3, maxticks=6)
    above.xaxis.set_major_locator(locator)
    above.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    above.xaxis.get_offset_text().set_size(7)
    above.tick_params(axis="x", pad=2)


def finish(figure: Any, chart: Chart) -> None:
    """Title, and what the markers mean, above the panels."""
    from matplotlib.lines import Line2D

    figure.suptitle("\n".join((chart.title, *chart.remarks)), fontsize=8).set_parse_math(False)
    shown = labels(chart)
    dashed = {series.label for panel in chart.panels for series in panel.series if series.dashed}
    every = [one for panel in chart.panels for series in panel.series if not series.joined for one in series.points]
    handles = [
        Line2D([], [], ls="none", marker=marker(look), color=colour(look), label=label) for label, look in shown
    ] if len(shown) > 1 or chart.origin_mjd is not None else []  # fmt: skip
    if any(one.hollow for one in every):
        handles.append(Line2D([], [], ls="none", marker="o", mfc="none", mec="0.3", label=hollow_means(chart)))
    handles += [
        Line2D([], [], color=colour(look), ls=":" if label in dashed else "-", lw=0.8, label=label)
        for label, look in labels(chart, joined=True)
    ]
    if chart.marks_mean and any(panel.marks for panel in chart.panels):
        handles.append(Line2D([], [], color="0.3", ls=":", lw=0.8, label=chart.marks_mean))
    add_legend(figure, handles)


def add_legend(figure: Any, handles: Sequence[Any]) -> None:
    """A legend below all axes, with as many columns as its longest label lets fit."""
    if not handles:
        return
    longest = max(len(handle.get_label()) for handle in handles)
    columns = int(figure.get_size_inches()[0] / (_LETTER_IN * longest + _HANDLE_IN))
    figure.legend(
        handles=handles, loc="outside lower center", ncols=max(1, min(columns, len(handles))), frameon=False,
        handletextpad=0.2, columnspacing=1.0, borderaxespad=0.1,
    )  # fmt: skip
