"""Whether a match with index stars that alone would not convince is right: all its stars, and what else is known."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from iop4cli.science.solving import Hints, Solution, match_nearest

_ACCEPT = 14.0
# Probability that an index star is not among the images, or is hidden by another.
_MISSING = 0.25


@dataclass(frozen=True)
class Known:
    """What else a right solution agrees with: catalogue positions in degrees (m,), the target first, and the
    position angle of +y with its greatest error (None: any); `mirrored`: east is to the right of north."""

    ra_deg: np.ndarray
    dec_deg: np.ndarray
    shape: tuple[int, int]
    angle_deg: float | None = None
    angle_range_deg: float = 180.0
    mirrored: bool = False


def borne_out(
    solution: Solution, known: Known, hints: Hints, x_px: np.ndarray, y_px: np.ndarray, fwhm_px: float
) -> bool:
    """Whether the target has an image, most catalogued sources on the frame too, and chance cannot do the same."""
    wcs = solution.wcs
    if known.angle_deg is not None:
        turn = (wcs.angle_deg - known.angle_deg + 180.0) % 360.0 - 180.0
        if abs(turn) > known.angle_range_deg or wcs.mirrored != known.mirrored:
            return False
    px, py = wcs.to_pixel(known.ra_deg, known.dec_deg)
    height, width = known.shape
    on = (px >= 0) & (px < width) & (py >= 0) & (py < height)
    found = match_nearest(px, py, x_px, y_px, max(2.0, 0.75 * fwhm_px)) >= 0
    if not found[0] or 2 * int((found & on).sum()) < int(on.sum()):
        return False
    return weighed_log_odds(solution, known, hints, x_px, y_px, fwhm_px) >= _ACCEPT


def weighed_log_odds(
    solution: Solution, known: Known, hints: Hints, x_px: np.ndarray, y_px: np.ndarray, fwhm_px: float
) -> float:
    """Log-odds of all matched stars, the quad's too, over stars strewn at random.

    Each match gains by how rare it is among the index stars of the frame, each index star without an image loses; the
    odds pay for the choice of shift, rotation and scale: for how many distinct ones there are (Laplace's
    approximation). Wrong where stars cluster.
    """
    matched = solution.matched >= 0
    n, n_reference = int(matched.sum()), len(solution.reference_ra_deg)
    if n < 3:
        return -math.inf
    sigma_px = max(0.5, 0.25 * fwhm_px)
    area_px2 = float(known.shape[0] * known.shape[1])
    rms_px = solution.rms_arcsec / solution.wcs.scale_arcsec_per_px
    gain = n * math.log((1 - _MISSING) * area_px2 / (2 * math.pi * sigma_px**2 * n_reference))
    gain += (n_reference - n) * math.log(_MISSING) - n * rms_px**2 / (2 * sigma_px**2)
    arm_px = math.sqrt(n) * float(np.hypot(np.std(x_px[matched]), np.std(y_px[matched])) + sigma_px)
    turns_rad = 2 * math.radians(known.angle_range_deg)
    cells = (
        math.log(area_px2 * n / (2 * math.pi * sigma_px**2))
        + math.log(max(1.0, turns_rad * arm_px / (math.sqrt(2 * math.pi) * sigma_px)))
        + math.log(max(1.0, 2 * hints.scale_tolerance * arm_px / (math.sqrt(2 * math.pi) * sigma_px)))
    )
    return gain - cells
