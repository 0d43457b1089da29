"""The standards of a calibration in the plane of q and u: what is left of each measurement."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from iop4cli.export.atomic import write_bytes

_PERCENT = 100.0


def draw_residuals(path: Path, title: str, results: Sequence[Mapping[str, Any]], scatter: float) -> None:
    """Residuals of q and u in percent, a colour for each star; PNG, PDF or SVG by the file's name.

    `results` as in pipeline.calibrating.FittedCalibration; those left out are crosses, and those far outside
    are said to be, not drawn. The circle has the radius of the scatter beyond the errors.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import Circle

    shown = [row for row in results if row["q"] is not None]
    used = [row for row in shown if row["used"]]
    half = 1.25 * max((max(abs(row["q"]) + row["q_err"], abs(row["u"]) + row["u_err"]) for row in used), default=0.001)
    figure = Figure(figsize=(7.2, 6.0))
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(aspect="equal")
    axes.axhline(0, color="0.7", lw=0.8, zorder=0)
    axes.axvline(0, color="0.7", lw=0.8, zorder=0)
    if scatter:
        axes.add_patch(Circle((0, 0), _PERCENT * scatter, fill=False, ls="--", ec="0.4", label="scatter added"))
    stars = list(dict.fromkeys(row["star"] for row in shown))
    for number, star in enumerate(stars):
        colour = f"C{number % 10}"
        own = [row for row in used if row["star"] == star]
        if own:
            axes.errorbar(
                [_PERCENT * row["q"] for row in own], [_PERCENT * row["u"] for row in own],
                xerr=[_PERCENT * row["q_err"] for row in own], yerr=[_PERCENT * row["u_err"] for row in own],
                fmt="o" if number < 10 else "s", ms=4, lw=0.8, color=colour, label=f"{star} ({len(own)})",
            )  # fmt: skip
        out = [row for row in shown if row["star"] == star and not row["used"]]
        near = [row for row in out if max(abs(row["q"]), abs(row["u"])) < half]
        if out:
            axes.plot([_PERCENT * row["q"] for row in near], [_PERCENT * row["u"] for row in near], "x", color=colour,
                      label=f"{star}, left out ({len(out)}, {len(out) - len(near)} beyond)")  # fmt: skip
    axes.set_xlim(-_PERCENT * half, _PERCENT * half)
    axes.set_ylim(-_PERCENT * half, _PERCENT * half)
    axes.set_xlabel("q measured - fitted (%)")
    axes.set_ylabel("u measured - fitted (%)")
    axes.set_title(title, fontsize="medium").set_parse_math(False)
    legend = axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), fontsize="small", frameon=False)
    for text in legend.get_texts():
        text.set_parse_math(False)
    stream = io.BytesIO()
    figure.savefig(stream, format=path.suffix.lower().lstrip(".") or "png", dpi=150, bbox_inches="tight")
    write_bytes(path, stream.getvalue())
