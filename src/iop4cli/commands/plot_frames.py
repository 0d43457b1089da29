"""iop4 plot growth, astrometry, finding, frame: what is on frames."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iop4cli.commands.opening import open_archive
from iop4cli.commands.plotting import Plot, PlotOptions, check_output, deliver
from iop4cli.errors import NoSuchItem
from iop4cli.shell.options import PANEL_HOW, takes_options

if TYPE_CHECKING:
    from iop4cli.archive.lineage import Thing
    from iop4cli.pipeline.view import View

FrameName = Annotated[str, typer.Argument(metavar="FRAME", show_default=False, help="A frame, or its file's name.")]


def _view(options: PlotOptions) -> View:
    from iop4cli.pipeline.view import View

    opened = open_archive(options)
    return View(opened.store, opened.surroundings())


def _thing(view: View, name: str, kinds: tuple[str, ...]) -> Thing:
    """The one thing of these kinds that a name means."""
    from iop4cli.archive.lineage import Names

    found = [thing for thing in Names(view.store, view.surroundings.registry).find(name) if thing.kind in kinds]
    if not found:
        raise NoSuchItem(f"{name} is no {' or '.join(kinds)}")
    if len(found) > 1:
        raise NoSuchItem(f"{name} may be {' or '.join(thing.name for thing in found)}")
    return found[0]


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
    from iop4cli.export.plots.apertures import growth_chart
    from iop4cli.pipeline.plotted_frames import GROWTH_COLUMNS, frames_of, growth_curves, growth_rows

    check_output(options)
    view = _view(options)
    frames = frames_of(view, _thing(view, name, ("frame", "group", "result")))
    rows = growth_rows(view, frames)
    plot = Plot(rows, GROWTH_COLUMNS, lambda: growth_chart(rows, growth_curves(view, frames), title=name))
    return deliver(options, plot, f"nothing to draw: {name} has no curve of growth (too few good stars)")


@takes_options
def astrometry(options: PlotOptions, name: FrameName) -> int:
    """Draw where the matched stars of a solved frame were found, less where the solution puts them.

    Reads the store: arrows over the frame, and the residuals north against east with a circle of their rms. Writes
    FILE with -o, else draws the residuals in the terminal; in a pipe (> file) it writes the values, tab-separated.
    """
    from iop4cli.export.plots.frame_stars import residual_chart, residual_figure
    from iop4cli.pipeline.plotted_frames import STAR_COLUMNS, star_rows

    check_output(options)
    view = _view(options)
    whole = _thing(view, name, ("frame",)).name
    rows = star_rows(view, whole)
    about = view.frames[whole]

    def figure() -> Any:
        return residual_figure(
            rows, title=whole, size_px=(about["width_px"], about["height_px"]),
            sky_to_px=_sky_to_px(view.wcs[whole]), wide=options.wide,
        )  # fmt: skip

    plot = Plot(rows, STAR_COLUMNS, lambda: residual_chart(rows, title=whole), figure)
    return deliver(options, plot, f"nothing to draw: {whole} was solved without matching stars")


def _sky_to_px(wcs: Any) -> tuple[tuple[float, float], tuple[float, float]]:
    """((x by east, x by north), (y by east, y by north)), pixels per arcsec."""
    a, b, c, d = (3600.0 * wcs[name] for name in ("cd1_1", "cd1_2", "cd2_1", "cd2_2"))
    determinant = a * d - b * c
    return (d / determinant, -b / determinant), (-c / determinant, a / determinant)


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
    from iop4cli.archive.results import source_named
    from iop4cli.export.plots.finding import field_chart, field_figure
    from iop4cli.pipeline.plotted_frames import FIELD_COLUMNS, field_of, field_rows

    check_output(options)
    view = _view(options)
    name = source_named(view.store, source)
    field = field_of(view, name, radius)
    rows = field_rows(field)
    shown = f"{name}, stars of {field.frame}" if field.frame else name

    def figure() -> Any:
        return field_figure(rows, title=shown, centre=field.centre, radius_deg=field.radius_deg, wide=options.wide)

    plot = Plot(rows, FIELD_COLUMNS, lambda: field_chart(rows, title=shown), figure)
    return deliver(options, plot, f"nothing to draw: no frame of {name} is solved, and the catalogue has nothing near")


@takes_options
def frame(options: PlotOptions, name: FrameName) -> int:
    """Draw a frame with its apertures and the names of its sources.

    Reads the reduced frame, or the raw one where there is none. Circles are the apertures (but not smaller than can be
    seen), dashed for a second beam. Writes FILE with -o, else draws in the terminal; in a pipe (> file) it writes
    the apertures, tab-separated.
    """
    from iop4cli.export.plots.frame_picture import frame_figure, frame_text
    from iop4cli.pipeline.plotted_frames import APERTURE_COLUMNS, picture_of

    check_output(options)
    view = _view(options)
    whole = _thing(view, name, ("frame",)).name
    picture = picture_of(view, whole)
    title = f"{whole} ({picture.unit})"
    north_deg, mirrored = None, False
    if picture.wcs is not None:
        (east_x, north_x), (east_y, north_y) = _sky_to_px(picture.wcs)
        north_deg = math.degrees(math.atan2(north_y, north_x))
        mirrored = east_x * north_y - north_x * east_y > 0

    def figure() -> Any:
        return frame_figure(
            picture.pixels, picture.apertures, title=title, north_deg=north_deg, mirrored=mirrored, wide=options.wide
        )

    def text(columns: int, plain: bool) -> Any:
        return frame_text(picture.pixels, picture.apertures, title=title, columns=columns, plain=plain)

    return deliver(options, Plot(picture.apertures, APERTURE_COLUMNS, None, figure, text), "", may_be_empty=True)
