"""A finding chart: the stars of a survey around a source, north up and east to the left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from iop4cli.export.plots.placing import sides
from iop4cli.export.plots.style import check_file, save_figure

LEGEND = "red: chosen, blue: in the catalogue, green: the source"


def draw_chart(
    path: Path,
    title: str,
    centre: tuple[float, float],
    radius_deg: float,
    stars: Sequence[Mapping[str, Any]],
    known: Sequence[Mapping[str, Any]],
) -> None:
    """Write `finding_figure` as PNG, PDF or SVG by the file's name."""
    check_file(path)
    save_figure(finding_figure(title, centre, radius_deg, stars, known), path)


def finding_figure(
    title: str,
    centre: tuple[float, float],
    radius_deg: float,
    stars: Sequence[Mapping[str, Any]],
    known: Sequence[Mapping[str, Any]],
    *,
    legend: str = LEGEND,
    width_in: float = 7.5,
) -> Any:
    """Dots for all `stars` (ra_deg, dec_deg, r_mag), larger when brighter; rings and numbers for those with a `label`.

    `known` (ra_deg, dec_deg, name, and a colour if not blue): sources that are there already, as squares.
    """
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import Circle

    def place(rows: Sequence[Mapping[str, Any]]) -> Any:
        ra, dec = (np.array([row[name] for row in rows], dtype=float) for name in ("ra_deg", "dec_deg"))
        east = np.remainder(ra - centre[0] + 180.0, 360.0) - 180.0
        return 60.0 * east * np.cos(np.radians(dec)), 60.0 * (dec - centre[1])

    half = 60.0 * radius_deg
    figure = Figure(figsize=(width_in, 1.04 * width_in), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(aspect="equal")
    shown = [row for row in stars if row["r_mag"] is not None and np.isfinite(row["r_mag"])]
    x, y = place(shown)
    mag = np.array([row["r_mag"] for row in shown], dtype=float)
    size = np.clip(1.3 * (20.0 - mag), 0.8, 9.0) ** 2
    colours = ["k" if row["label"] else "0.6" for row in shown]
    axes.scatter(x, y, s=size, c=colours, edgecolors="w", linewidths=0.4, zorder=2)
    for row, east, north in zip(shown, x, y, strict=True):
        if row["label"]:
            axes.plot(east, north, "o", ms=15, mfc="none", mec="C3", mew=1.1, zorder=3)
            axes.annotate(
                row["label"],
                (east, north),
                (8, 6),
                textcoords="offset points",
                color="C3",
                fontsize=9,
                parse_math=False,
            )
    placed = list(zip(*place(known), strict=True))
    letter, line = 0.017 * half * 7.5 / width_in, 0.05 * half * 7.5 / width_in
    # Places count from the left, which is the east.
    ways = sides([(half - x, half + y) for x, y in placed], [letter * len(row["name"]) for row in known], line,
                 0.045 * half, 2 * half)  # fmt: skip
    for row, (east, north), (across, up) in zip(known, placed, ways, strict=True):
        colour = row.get("colour", "C0")
        axes.plot(east, north, "s", ms=2.5 * width_in, mfc="none", mec=colour, mew=1.1, zorder=3)
        axes.annotate(row["name"], (east, north), (1.4 * width_in * across, 0.9 * width_in * up),
                      textcoords="offset points", color=colour, fontsize=8, ha="left" if across > 0 else "right",
                      va="bottom" if up > 0 else "top", parse_math=False)  # fmt: skip
    for angle in (0, 90):
        way = np.array([0.03, 0.09]) * half
        axes.plot(*(way * np.sin(np.radians(angle)), way * np.cos(np.radians(angle))), color="C2", lw=1.6, zorder=4)
    axes.add_patch(Circle((0, 0), half, fill=False, ls=":", ec="0.5"))
    axes.set_xlim(1.04 * half, -1.04 * half)
    axes.set_ylim(-1.04 * half, 1.04 * half)
    axes.set_xlabel(f"east of the source (arcmin)\n{legend}", linespacing=1.6)
    axes.set_ylabel("north of the source (arcmin)")
    axes.set_title(title, fontsize="medium").set_parse_math(False)
    return figure
