"""The finding chart of a source: a frame of it turned so that north is up, with rings around what the catalogue has."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iop4cli.errors import NoSuchItem
from iop4cli.tui.picture import Picture, picture_of
from iop4cli.tui.widgets.dots import Circle

if TYPE_CHECKING:
    import numpy as np

    from iop4cli.pipeline.plotted_frames import Field
    from iop4cli.pipeline.view import View

_RING_ARCSEC = 6.0


@dataclass(frozen=True)
class FindingChart:
    """x runs to the west, y to the north, the source is in the middle; both in steps of `step_arcsec`."""

    picture: Picture
    circles: list[Circle]
    frame: str
    step_arcsec: float


def read_chart(view: View, source: str) -> FindingChart:
    """Of the frame that `iop4 plot finding` takes: the solved one that shows most stars; for threads."""
    from iop4cli.pipeline import plotted_frames

    field = plotted_frames.field_of(view, source, None)
    if field.frame is None:
        raise NoSuchItem(f"no frame that has a result of {source} is solved, so there is nothing to draw a chart on")
    seen = plotted_frames.picture_of(view, field.frame)
    assert seen.wcs is not None
    step_arcsec = float(seen.wcs["scale_arcsec_per_px"])
    half_px = math.ceil(3600.0 * field.radius_deg / step_arcsec)
    picture = picture_of(north_up(seen.pixels, seen.wcs, field.centre, half_px), seen.unit, field.frame)
    radii_px = {row["source"]: row["radius_px"] for row in seen.apertures if row["radius_px"] is not None}
    return FindingChart(picture, _circles(source, field, step_arcsec, half_px, radii_px), field.frame, step_arcsec)


def north_up(pixels: np.ndarray, wcs: Mapping[str, Any], centre_deg: tuple[float, float], half_px: int) -> np.ndarray:
    """An image (2 half_px + 1, the same) on the plane tangent to the sky at a centre (ra, dec).

    Rows run to the north, columns to the west, in steps of the mean scale of the frame; values are interpolated
    linearly between pixels, so this is for looking, not for measuring. NaN where the frame has nothing.
    """
    import numpy as np
    from scipy.ndimage import map_coordinates

    from iop4cli.pipeline.solutions import wcs_of
    from iop4cli.science.wcs import from_plane

    steps_deg = np.arange(-half_px, half_px + 1) * (wcs["scale_arcsec_per_px"] / 3600.0)
    ra, dec = from_plane(-steps_deg[None, :], steps_deg[:, None], *centre_deg)
    x, y = wcs_of(wcs).to_pixel(ra, dec)
    return np.asarray(map_coordinates(pixels, [y, x], order=1, cval=np.nan), dtype=np.float32)


def _circles(
    source: str, field: Field, step_arcsec: float, half_px: int, radii_px: Mapping[str, float]
) -> list[Circle]:
    import numpy as np

    from iop4cli.science.wcs import to_plane

    rows: list[dict[str, Any]] = [
        {"name": source, "ra_deg": field.centre[0], "dec_deg": field.centre[1], "look": "source"}
    ]
    rows += [{**one, "look": "calibrator" if one["calibrates"] else "catalogue"} for one in field.known]
    ra, dec = (np.array([row[name] for row in rows], dtype=float) for name in ("ra_deg", "dec_deg"))
    east, north = to_plane(ra, dec, *field.centre)
    usual_px = _RING_ARCSEC / step_arcsec
    return [
        Circle(
            half_px - 3600.0 * float(east[i]) / step_arcsec, half_px + 3600.0 * float(north[i]) / step_arcsec,
            radii_px.get(row["name"], usual_px), row["name"], "O", row["look"],
        )
        for i, row in enumerate(rows)
    ]  # fmt: skip
