"""iop4 plot growth, astrometry, finding, frame: what is on frames."""

from __future__ import annotations

from typing import Annotated

import typer

from iop4cli.commands.plotting import PlotOptions, check_output, deliver, view_of
from iop4cli.shell.options import PANEL_HOW, takes_options

FrameName = Annotated[str, typer.Argument(metavar="FRAME", show_default=False, help="A frame, or its file's name.")]


@takes_options
def growth(
    options: PlotOptions,
    name: Annotated[
        str, typer.Argument(metavar="FRAME|RESULT", show_default=False, help="A frame, a group, or a result's id.")
    ],
) -> int:
    """Draw the curve of growth: the share of a star's light within a radius, and the aperture in use.

    Reads the store; of a group or a result all its frames. Below it what stars differ beyond their noise, if they do.
    Writes FILE with -o, else draws in the terminal; in a pipe (> file) it writes the values, tab-separated.
    """
    from iop4cli.pipeline.drawn_frames import growth as drawn

    check_output(options)
    return deliver(options, drawn(view_of(options), name))


@takes_options
def astrometry(options: PlotOptions, name: FrameName) -> int:
    """Draw where the matched stars of a solved frame were found, less where the solution puts them.

    Reads the store: arrows over the frame, and the residuals north against east with a circle of their rms. Writes
    FILE with -o, else draws the residuals in the terminal; in a pipe (> file) it writes the values, tab-separated.
    """
    from iop4cli.pipeline.drawn_frames import astrometry as drawn

    check_output(options)
    return deliver(options, drawn(view_of(options), name))


@takes_options
def finding(
    options: PlotOptions,
    source: Annotated[str, typer.Argument(metavar="SOURCE", show_default=False, help="A source, by any name.")],
    radius: Annotated[
        float | None,
        typer.Option("--radius", metavar="DEG", min=0.002, max=0.5, show_default=False, rich_help_panel=PANEL_HOW,
                     help="How far from the source; else what its frames show, 0.12 at most."),
    ] = None,
) -> int:  # fmt: skip
    """Draw a finding chart: north is up, east is left.

    Reads the store: the stars of the solved frame that shows most of them, and the sources of the catalogue with
    their names; calibrators of the source are in red. Writes FILE with -o, else draws in the terminal; in a pipe
    (> file) it writes the values, tab-separated.
    """
    from iop4cli.pipeline.drawn_frames import finding as drawn

    check_output(options)
    return deliver(options, drawn(view_of(options), source, radius))


@takes_options
def frame(options: PlotOptions, name: FrameName) -> int:
    """Draw a frame with its apertures and the names of its sources.

    Reads the reduced frame, or the raw one where there is none. Circles are the apertures (but not smaller than can be
    seen), dashed for a second beam. Writes FILE with -o, else draws in the terminal; in a pipe (> file) it writes
    the apertures, tab-separated.
    """
    from iop4cli.pipeline.drawn_frames import frame as drawn

    check_output(options)
    return deliver(options, drawn(view_of(options), name))
