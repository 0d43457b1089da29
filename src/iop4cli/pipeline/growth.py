"""Curves of growth in the store, and the apertures of a frame or group that follow from them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from iop4cli.pipeline.view import Row, View
    from iop4cli.science.apertures import ApertureSizes
    from iop4cli.science.detection import Detections
    from iop4cli.science.growth import GrowthCurve

CHOICES = ("fixed", "optimal")
# Circles measured besides the aperture, in its radii.
SWEEP = (0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 1.8)
# In a smaller circle the sensitivity within pixels and the centre's error count more than the star.
_SMALLEST_PX = 1.5


def growth_rows(frame: str, electrons: np.ndarray, dq: np.ndarray, stars: Detections) -> list[dict[str, Any]]:
    """The row of the table `growth`; none if too few stars are good enough."""
    import numpy as np

    from iop4cli.science.growth import measure_growth

    if stars.typical_fwhm_px is None:
        return []
    placed = np.column_stack([stars.x_px, stars.y_px, stars.flux_e])
    curve = measure_growth(electrons, dq, placed, stars.bits, stars.typical_fwhm_px)
    if curve is None:
        return []
    return [{
        "frame": frame, "fwhm_px": stars.typical_fwhm_px, "n_stars": curve.n_stars,
        "radius_fwhm": curve.radius_fwhm.tolist(), "share": curve.share.tolist(),
        "share_err": curve.share_err.tolist(), "share_scatter": curve.scatter.tolist(),
    }]  # fmt: skip


def curve_of(row: Mapping[str, Any]) -> GrowthCurve:
    import numpy as np

    from iop4cli.science.growth import GrowthCurve

    radius, share, error, scatter = (
        np.array(row[name], float) for name in ("radius_fwhm", "share", "share_err", "share_scatter")
    )
    return GrowthCurve(radius, share, error, scatter, row["n_stars"])


def optimal_radius_fwhm(
    view: View,
    names: Sequence[str],
    target: str | None,
    detections: Mapping[str, Sequence[Row]],
    growth: Mapping[str, Row],
    params: Mapping[str, Any],
) -> float | None:
    """The radius of least error for the target in these frames, which share it; None without a curve of growth.

    The target counts with the flux it was detected with; where it was not, as one far below the sky's noise.
    """
    from iop4cli.science.growth import best_radius_fwhm, mean_curve

    curve = mean_curve([curve_of(growth[name]) for name in names if name in growth])
    widths = [view.wcs[name]["fwhm_px"] for name in names if view.wcs.get(name, {}).get("fwhm_px")]
    if curve is None or not widths:
        return None
    fluxes = [_flux_of(view, name, target, detections.get(name, ())) for name in names if name in view.wcs]
    fwhm_px = statistics.median(widths)
    sky_sigma_e = statistics.median(view.wcs[name]["sky_rms_e"] for name in names if name in view.wcs)
    annulus_px = params["annulus_in_fwhm"] * fwhm_px, params["annulus_out_fwhm"] * fwhm_px
    return best_radius_fwhm(curve, statistics.median(fluxes), sky_sigma_e, fwhm_px, annulus_px)


def _flux_of(view: View, name: str, target: str | None, rows: Sequence[Row]) -> float:
    """What the detection nearest to the target holds, if it is no farther than the stars are wide; else 0."""
    import numpy as np

    from iop4cli.pipeline.solutions import wcs_of

    source = view.catalog.get(target or "")
    if source is None or not rows:
        return 0.0
    wcs = view.wcs[name]
    x, y = wcs_of(wcs).to_pixel(np.array([source.ra_deg]), np.array([source.dec_deg]))
    away = [math.hypot(row["x_px"] - x[0], row["y_px"] - y[0]) for row in rows]
    nearest = min(range(len(rows)), key=away.__getitem__)
    return float(rows[nearest]["flux_e"]) if away[nearest] <= (wcs["fwhm_px"] or 0.0) else 0.0


def aperture_sizes(params: Mapping[str, Any], fwhm_px: float, radius_fwhm: float) -> ApertureSizes:
    """Aperture, annulus and the circles of the sweep, in pixels; the circles end where the annulus begins."""
    from iop4cli.science.apertures import ApertureSizes

    radius_px = max(radius_fwhm * fwhm_px, params["radius_min_px"])
    inner_px = max(params["annulus_in_fwhm"] * fwhm_px, radius_px + 2.0)
    outer_px = max(params["annulus_out_fwhm"] * fwhm_px, inner_px + 4.0)
    circles = tuple(
        factor * radius_px for factor in SWEEP if factor == 1.0 or _SMALLEST_PX <= factor * radius_px <= inner_px
    )
    return ApertureSizes(radius_px, inner_px, outer_px, circles)
