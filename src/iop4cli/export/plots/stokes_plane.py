"""The track of a source in the plane of q and u, coloured by time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from iop4cli.export.plots.chart import (
    Chart,
    Panel,
    Series,
    hollow_means,
    known,
    labels,
    point_of,
    points,
    x_limits,
    y_limits,
)
from iop4cli.export.plots.chart_figure import add_legend
from iop4cli.export.plots.style import ONE_COLUMN_IN, QUIET, TWO_COLUMNS_IN, marker, new_figure, styled

COLUMNS = (
    "id", "source", "telescope", "instrument", "night", "band", "mjd_utc", "q_percent", "q_err_percent", "u_percent",
    "u_err_percent", "qu_correlation", "flags",
)  # fmt: skip
_PERCENT = 100.0


def stokes_rows(rows: Sequence[Mapping[str, Any]], *, host: bool = False) -> list[dict[str, Any]]:
    """What is drawn, from rows of the view `results` that have q and u, in time; percent, and the correlation."""
    found = []
    for row in sorted(rows, key=lambda row: known(row["mjd_utc"]) or 0.0):
        end = "_host" if host else ""
        q, u, q_err, u_err = (known(row.get(name)) for name in (f"q{end}", f"u{end}", f"q{end}_err", f"u{end}_err"))
        if q is None or u is None or known(row["mjd_utc"]) is None:
            continue
        covariance = known(row.get("qu_host_cov" if host else "qu_cov"))
        correlation = covariance / (q_err * u_err) if covariance is not None and q_err and u_err else None
        found.append({
            **{name: row.get(name) for name in COLUMNS}, "q_percent": _PERCENT * q, "u_percent": _PERCENT * u,
            "q_err_percent": _percent(q_err), "u_err_percent": _percent(u_err), "qu_correlation": correlation,
        })  # fmt: skip
    return found


def _percent(value: float | None) -> float | None:
    return None if value is None else _PERCENT * value


def stokes_chart(found: Sequence[Mapping[str, Any]], *, title: str) -> Chart:
    """Of rows of `stokes_rows`; its panel has no time in it, for a terminal."""
    instruments = sorted({str(row["instrument"]) for row in found})
    series = tuple(
        Series(name, points(
            point_of(row, "q_percent", "u_percent", "u_err_percent", x_err=row["q_err_percent"],
                     hollow=row["flags"] is not None)
            for row in found if str(row["instrument"]) == name
        ), look)
        for look, name in enumerate(instruments)
    )  # fmt: skip
    return Chart(title, "q (%)", (Panel("u (%)", series, level=0.0, share=2.0),), measured_x=True)


def stokes_figure(found: Sequence[Mapping[str, Any]], *, title: str, wide: bool = False) -> Any:
    """Ellipses of one sigma (39 % inside), markers by instrument, a thin line in the order of time."""
    from matplotlib.lines import Line2D
    from matplotlib.ticker import FuncFormatter

    chart = stokes_chart(found, title=title)
    times = [row["mjd_utc"] for row in found if row["flags"] is None] or [row["mjd_utc"] for row in found]
    with styled():
        width = (TWO_COLUMNS_IN if wide else ONE_COLUMN_IN) * (0.75 if wide else 1.0)
        figure = new_figure(width, 0.86 * width)
        axes = figure.add_subplot(aspect="equal", adjustable="box")
        shades = _shades(min(times), max(times))
        solid = [row for row in found if row["flags"] is None]
        axes.plot([row["q_percent"] for row in solid], [row["u_percent"] for row in solid],
                  color="0.75", lw=0.6, zorder=1, gid="track")  # fmt: skip
        colours = shades.to_rgba([row["mjd_utc"] for row in found])
        for row, shade in zip(found, colours, strict=True):
            _ellipse(axes, row, shade)
        for look, name in enumerate(sorted({str(row["instrument"]) for row in found})):
            for kind in ("solid", "hollow"):
                chosen = [
                    i for i, row in enumerate(found)
                    if str(row["instrument"]) == name and (row["flags"] is None) == (kind == "solid")
                ]  # fmt: skip
                _dots(axes, [found[i] for i in chosen], colours[chosen], marker(look), kind)
        axes.axhline(0, color=QUIET, lw=0.6, zorder=0)
        axes.axvline(0, color=QUIET, lw=0.6, zorder=0)
        across, up = _square(x_limits(chart), y_limits(chart.panels[0]))
        axes.set_xlim(*across)
        axes.set_ylim(*up)
        axes.set_xlabel("q (%)")
        axes.set_ylabel("u (%)")
        bar = figure.colorbar(shades, ax=axes, label="MJD (UTC, d)", pad=0.02, fraction=0.05)
        bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.7g}"))
        axes.set_title(title).set_parse_math(False)
        handles = [
            Line2D([], [], ls="none", marker=marker(look), color="0.3", label=label) for label, look in labels(chart)
        ]
        if len(solid) < len(found):
            handles.append(Line2D([], [], ls="none", marker="o", mfc="none", mec="0.3", label=hollow_means(chart)))
        add_legend(figure, handles)
    return figure


def _square(across: tuple[float, float], up: tuple[float, float]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Both ranges as long as the longer one, about their middles."""
    half = max(across[1] - across[0], up[1] - up[0]) / 2
    middles = [(low + high) / 2 for low, high in (across, up)]
    return (middles[0] - half, middles[0] + half), (middles[1] - half, middles[1] + half)


def _shades(first: float, last: float) -> Any:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    return ScalarMappable(Normalize(first, last if last > first else first + 1.0), "viridis")


def _dots(axes: Any, rows: Sequence[Mapping[str, Any]], colours: Any, shape: str, kind: str) -> None:
    axes.scatter(
        [row["q_percent"] for row in rows], [row["u_percent"] for row in rows], s=11, marker=shape, linewidths=0.7,
        edgecolors=colours, facecolors=colours if kind == "solid" else "none", zorder=3, gid=kind,
    )  # fmt: skip


def _ellipse(axes: Any, row: Mapping[str, Any], shade: Any) -> None:
    """The ellipse on which chi squared is 1; none where an error is not known."""
    import numpy as np
    from matplotlib.patches import Ellipse

    q_err, u_err = row["q_err_percent"], row["u_err_percent"]
    if not q_err or not u_err:
        return
    off = (row["qu_correlation"] or 0.0) * q_err * u_err
    lengths, ways = np.linalg.eigh(np.array([[q_err**2, off], [off, u_err**2]]))
    if lengths[0] < 0:
        return
    angle = math.degrees(math.atan2(ways[1, 1], ways[0, 1]))
    # An artist, not a patch: the scale is not to be found out again for each.
    axes.add_artist(
        Ellipse(
            (row["q_percent"], row["u_percent"]), 2 * math.sqrt(lengths[1]), 2 * math.sqrt(lengths[0]), angle=angle,
            fc="none", ec=shade, lw=0.6, alpha=0.8, zorder=2,
        )
    )  # fmt: skip
