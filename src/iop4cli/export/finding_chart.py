"""A finding chart: the stars of a survey around a source, north up and east to the left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from iop4cli.errors import UsageError

SUFFIXES = (".png", ".pdf", ".svg")


def draw_chart(
    path: Path,
    title: str,
    centre: tuple[float, float],
    radius_deg: float,
    stars: Sequence[Mapping[str, Any]],
    known: Sequence[Mapping[str, Any]],
) -> None:
    """Dots for all `stars` (ra_deg, dec_deg, r_mag), larger when brighter; rings and numbers for those with a `label`.

    `known` (ra_deg, dec_deg, name): calibrators that are there already, as squares. PNG, PDF or SVG by the name.
    """
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import Circle

    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path}: its name must end in {', '.join(SUFFIXES)}")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"{path}: its folder does not exist")

    def place(rows: Sequence[Mapping[str, Any]]) -> Any:
        ra, dec = (np.array([row[name] for row in rows], dtype=float) for name in ("ra_deg", "dec_deg"))
        east = np.remainder(ra - centre[0] + 180.0, 360.0) - 180.0
        return 60.0 * east * np.cos(np.radians(dec)), 60.0 * (dec - centre[1])

    half = 60.0 * radius_deg
    figure = Figure(figsize=(7.5, 7.8))
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
            axes.annotate(row["label"], (east, north), (8, 6), textcoords="offset points", color="C3", fontsize=9)
    for row, east, north in zip(known, *place(known), strict=True):
        axes.plot(east, north, "s", ms=19, mfc="none", mec="C0", mew=1.1, zorder=3)
        axes.annotate(row["name"], (east, north), (11, -12), textcoords="offset points", color="C0", fontsize=8)
    for angle in (0, 90):
        way = np.array([0.03, 0.09]) * half
        axes.plot(*(way * np.sin(np.radians(angle)), way * np.cos(np.radians(angle))), color="C2", lw=1.6, zorder=4)
    axes.add_patch(Circle((0, 0), half, fill=False, ls=":", ec="0.5"))
    axes.set_xlim(1.04 * half, -1.04 * half)
    axes.set_ylim(-1.04 * half, 1.04 * half)
    legend = "red: chosen, blue: in the catalogue, green: the source"
    axes.set_xlabel(f"east of the source (arcmin)\n{legend}", linespacing=1.6)
    axes.set_ylabel("north of the source (arcmin)")
    axes.set_title(title, fontsize="medium")
    figure.savefig(path, dpi=130, bbox_inches="tight")
