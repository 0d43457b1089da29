"""How figures look: sizes of a journal's columns, fonts, markers, colours that the colour-blind tell apart."""

from __future__ import annotations

import io
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from iop4cli.errors import UsageError
from iop4cli.export.atomic import write_bytes

SUFFIXES = (".png", ".pdf", ".svg")
ONE_COLUMN_IN, TWO_COLUMNS_IN = 3.5, 7.1
# Okabe & Ito's colours without the yellow, which is too light on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#8A5A00")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
QUIET = "0.55"
_DPI = 200


def colour(look: int) -> str:
    return COLOURS[look % len(COLOURS)]


def marker(look: int) -> str:
    return MARKERS[look % len(MARKERS)]


def styled() -> AbstractContextManager[None]:
    """The settings under which a figure is made and saved."""
    import matplotlib

    return matplotlib.rc_context(
        {
            "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"], "font.size": 7.5,
            "axes.labelsize": 7.5, "axes.titlesize": 8, "xtick.labelsize": 7, "ytick.labelsize": 7,
            "legend.fontsize": 6.5, "axes.linewidth": 0.6, "lines.linewidth": 0.8, "lines.markersize": 3.4,
            "xtick.direction": "in", "ytick.direction": "in", "xtick.major.width": 0.6, "ytick.major.width": 0.6,
            "xtick.major.size": 3, "ytick.major.size": 3, "axes.formatter.useoffset": False,
            "axes.unicode_minus": True, "pdf.fonttype": 42, "svg.fonttype": "path", "svg.hashsalt": "iop4",
            "path.simplify": True, "figure.dpi": 100,
            # A dollar in a name is a dollar.
            "text.parse_math": False,
        }
    )  # fmt: skip


def new_figure(width_in: float, height_in: float) -> Any:
    """A figure that needs no display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def check_file(path: Path) -> None:
    """Say at once, before anything is measured, that a figure cannot be written there."""
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path}: its name must end in .png, .pdf or .svg")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"{path}: its folder does not exist")


def save_figure(figure: Any, path: Path) -> None:
    """Write a figure whole or not at all, in the format of the file's name; the same rows give the same bytes."""
    check_file(path)
    form = path.suffix.lower().lstrip(".")
    dated = {"png": {}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}
    stream = io.BytesIO()
    with styled():
        # Labels that were moved to be in line need a second look at the room they take.
        figure.draw_without_rendering()
        figure.savefig(stream, format=form, dpi=_DPI, metadata=dated[form])
    write_bytes(path, stream.getvalue())
