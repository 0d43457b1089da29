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
    centre_deg: tuple[float, float]


def read_chart(view: View, source: str, before: FindingChart | None) -> FindingChart:
    """Of the frame that `iop4 plot finding` takes: the solved one that shows most stars; for threads.

    The picture is that of the chart `before`, if nothing else is to be seen.
    """
    from iop4cli.pipeline import plotted_frames

    field = plotted_frames.field_of(view, source, None)
    if field.frame is None:
        raise NoSuchItem(f"no frame that has a result of {source} is solved, so there is nothing to draw a chart on")
    wcs = view.wcs[field.frame]
    step_arcsec = float(wcs["scale_arcsec_per_px"])
    half_px = math.ceil(3600.0 * field.radius_deg / step_arcsec)
    radii_px = {row["source"]: row["radius_px"] for row in view.rows_of("aperture", [field.frame]) if row["radius_px"]}
    circles = _circles(source, field, step_arcsec, half_px, radii_px)
    chart = (field.frame, step_arcsec, field.centre)
    if before is not None and chart == (before.frame, before.step_arcsec, before.centre_deg):
        picture = before.picture
    else:
        seen = plotted_frames.picture_of(view, field.frame)
        picture = picture_of(north_up(seen.pixels, wcs, field.centre, half_px), seen.unit, field.frame)
    return FindingChart(picture, circles, *chart)


def north_up(pixels: np.ndarray, wcs: Mapping[str, Any], centre_deg: tuple[float, float], half_px: int) -> np.ndarray:
    """An image (2 half_px + 1, the same) on the plane tangent to the sky at a centre (ra, dec).

    Rows run to the north, columns to the west, in steps of the mean scale of the frame; values are interpolated
    linearly between pixels, so this is for looking, not for measuring. NaN where the frame has nothing.
    """
    import numpy as np
    from scipy.ndimage import map_coordinates

    steps = np.radians(np.arange(-half_px, half_px + 1) * (wcs["scale_arcsec_per_px"] / 3600.0)).astype(np.float32)
    to_east, to_north = -steps[None, :], steps[:, None]
    # Both planes look at the sphere from its middle, so that one is a projective image of the other.
    turned = _axes(wcs["crval1"], wcs["crval2"]) @ _axes(*centre_deg).T
    xi, eta, depth = (
        np.float32(row[0]) * to_east + np.float32(row[1]) * to_north + np.float32(row[2]) for row in turned
    )
    inverse = np.linalg.inv([[wcs["cd1_1"], wcs["cd1_2"]], [wcs["cd2_1"], wcs["cd2_2"]]]).astype(np.float32)
    xi, eta = np.degrees(xi / depth), np.degrees(eta / depth)
    x = inverse[0, 0] * xi + inverse[0, 1] * eta + np.float32(wcs["crpix1"] - 1.0)
    y = inverse[1, 0] * xi + inverse[1, 1] * eta + np.float32(wcs["crpix2"] - 1.0)
    return np.asarray(map_coordinates(pixels, [y, x], output=np.float32, order=1, cval=np.nan))


def _axes(ra_deg: float, dec_deg: float) -> np.ndarray:
    """Unit vectors (3, 3) to the east, to the north and to the point itself, as rows."""
    import numpy as np

    ra, dec = np.radians([ra_deg, dec_deg])
    cos, sin = np.cos([ra, dec]), np.sin([ra, dec])
    return np.array(
        [
            (-sin[0], cos[0], 0.0),
            (-sin[1] * cos[0], -sin[1] * sin[0], cos[1]),
            (cos[1] * cos[0], cos[1] * sin[0], sin[1]),
        ]
    )


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
