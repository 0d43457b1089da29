"""Plots of what is on frames: curves of growth, residuals of the astrometry, finding charts, images."""

from __future__ import annotations

import math
from typing import Any

from iop4cli.archive.lineage import Names, Thing
from iop4cli.errors import NoSuchItem
from iop4cli.export.plots.plot import Plot
from iop4cli.pipeline.view import View


def growth(view: View, name: str) -> Plot:
    """The share of a star's light within a radius, and the aperture in use, of a frame, group or result."""
    from iop4cli.export.plots.apertures import growth_chart
    from iop4cli.pipeline.plotted_frames import GROWTH_COLUMNS, frames_of, growth_curves, growth_rows

    frames = frames_of(view, _thing(view, name, ("frame", "group", "result")))
    rows = growth_rows(view, frames)
    nothing = f"nothing to draw: {name} has no curve of growth (too few good stars)"
    return Plot(rows, GROWTH_COLUMNS, nothing, lambda: growth_chart(rows, growth_curves(view, frames), title=name))


def astrometry(view: View, name: str) -> Plot:
    """Where the matched stars of a solved frame were found, less where the solution puts them."""
    from iop4cli.export.plots.frame_stars import residual_chart, residual_figure
    from iop4cli.pipeline.plotted_frames import STAR_COLUMNS, star_rows

    whole = _thing(view, name, ("frame",)).name
    rows = star_rows(view, whole)
    about = view.frames[whole]

    def figure(wide: bool) -> Any:
        return residual_figure(
            rows, title=whole, size_px=(about["width_px"], about["height_px"]),
            sky_to_px=_sky_to_px(view.wcs[whole]), wide=wide,
        )  # fmt: skip

    nothing = f"nothing to draw: {whole} was solved without matching stars"
    return Plot(rows, STAR_COLUMNS, nothing, lambda: residual_chart(rows, title=whole), figure)


def finding(view: View, source: str, radius_deg: float | None) -> Plot:
    """A finding chart, north up and east left; without a radius what the source's frames show."""
    from iop4cli.archive.results import source_named
    from iop4cli.export.plots.finding import field_chart, field_figure
    from iop4cli.pipeline.plotted_frames import FIELD_COLUMNS, field_of, field_rows

    name = source_named(view.store, source)
    field = field_of(view, name, radius_deg)
    rows = field_rows(field)
    shown = f"{name}, stars of {field.frame}" if field.frame else name

    def figure(wide: bool) -> Any:
        return field_figure(rows, title=shown, centre=field.centre, radius_deg=field.radius_deg, wide=wide)

    nothing = f"nothing to draw: no frame of {name} is solved, and the catalogue has nothing near"
    return Plot(rows, FIELD_COLUMNS, nothing, lambda: field_chart(rows, title=shown), figure)


def frame(view: View, name: str) -> Plot:
    """A frame with its apertures and the names of its sources."""
    from iop4cli.export.plots.frame_picture import frame_figure, frame_text
    from iop4cli.pipeline.plotted_frames import APERTURE_COLUMNS, picture_of

    whole = _thing(view, name, ("frame",)).name
    picture = picture_of(view, whole)
    title = f"{whole} ({picture.unit})"
    north_deg, mirrored = None, False
    if picture.wcs is not None:
        (east_x, north_x), (east_y, north_y) = _sky_to_px(picture.wcs)
        north_deg = math.degrees(math.atan2(north_y, north_x))
        mirrored = east_x * north_y - north_x * east_y > 0

    def figure(wide: bool) -> Any:
        return frame_figure(
            picture.pixels, picture.apertures, title=title, north_deg=north_deg, mirrored=mirrored, wide=wide
        )

    def text(columns: int, plain: bool) -> Any:
        return frame_text(picture.pixels, picture.apertures, title=title, columns=columns, plain=plain)

    return Plot(picture.apertures, APERTURE_COLUMNS, None, figure=figure, text=text)


def _thing(view: View, name: str, kinds: tuple[str, ...]) -> Thing:
    """The one thing of these kinds that a name means."""
    found = [thing for thing in Names(view.store, view.surroundings.registry).find(name) if thing.kind in kinds]
    if not found:
        raise NoSuchItem(f"{name} is no {' or '.join(kinds)}")
    if len(found) > 1:
        raise NoSuchItem(f"{name} may be {' or '.join(thing.name for thing in found)}")
    return found[0]


def _sky_to_px(wcs: Any) -> tuple[tuple[float, float], tuple[float, float]]:
    """((x by east, x by north), (y by east, y by north)), pixels per arcsec."""
    a, b, c, d = (3600.0 * wcs[name] for name in ("cd1_1", "cd1_2", "cd2_1", "cd2_2"))
    determinant = a * d - b * c
    return (d / determinant, -b / determinant), (-c / determinant, a / determinant)
