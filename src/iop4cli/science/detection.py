"""Finding stars on a whole frame: background mesh, detection, width."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from iop4cli.frames.quality import Pixel, byte

# sep needs room for the many pixels of a saturated star or a bright galaxy.
_PIXEL_STACK = 1_000_000


@dataclass(frozen=True)
class Detections:
    """Stars, brightest first; pixels count from 0 at the middle of the first pixel.

    `x_px, y_px, flux_e, peak_e, fwhm_px, bits` have shape (n,); the background is in electrons a pixel.
    """

    x_px: np.ndarray
    y_px: np.ndarray
    flux_e: np.ndarray
    peak_e: np.ndarray
    fwhm_px: np.ndarray
    bits: np.ndarray
    sky_e: float
    sky_rms_e: float
    typical_fwhm_px: float | None

    def __len__(self) -> int:
        return len(self.x_px)


def subtract_sky(electrons: np.ndarray, dq: np.ndarray, mesh_px: int) -> tuple[np.ndarray, float, float]:
    """(image without sky, sky level, sky rms): a background mesh of about `mesh_px`, fitted to the image's size."""
    import sep

    sep.set_extract_pixstack(_PIXEL_STACK)
    height, width = electrons.shape
    mask = (dq & byte(Pixel.BAD | Pixel.DEAD | Pixel.HOT)) != 0
    mesh_x, mesh_y = (_fitted_mesh(side, mesh_px) for side in (width, height))
    sky = sep.Background(np.ascontiguousarray(electrons), mask=mask, bw=mesh_x, bh=mesh_y, fw=3, fh=3)
    return electrons - sky.back(dtype=np.float32), float(sky.globalback), float(sky.globalrms)


def _fitted_mesh(side_px: int, mesh_px: int) -> int:
    """A mesh that divides the side into whole cells, so that no sliver at the edge spoils the background."""
    cells = max(1, round(side_px / mesh_px))
    return -(-side_px // cells)


def detect(
    electrons: np.ndarray,
    dq: np.ndarray,
    *,
    threshold_sigmas: float = 4.0,
    min_area_px: int = 5,
    mesh_px: int = 64,
    max_stars: int = 300,
) -> Detections:
    """Stars of a frame (height, width) in electrons with pixel bits.

    The width of a star is twice its half-light radius, which is the full width at half maximum of a Gaussian.
    Single hot pixels and cosmic rays, narrower than any star, are dropped.
    """  # fmt: skip
    import sep

    image, sky_e, sky_rms_e = subtract_sky(electrons, dq, mesh_px)
    mask = (dq & byte(Pixel.BAD | Pixel.DEAD | Pixel.HOT)) != 0
    found = sep.extract(image, threshold_sigmas, err=sky_rms_e, mask=mask, minarea=min_area_px, deblend_cont=0.005)
    found = found[np.argsort(-found["flux"], kind="stable")][: 3 * max_stars]
    found = found[found["flux"] > 0]
    if len(found) == 0:
        empty = np.empty(0)
        return Detections(empty, empty, empty, empty, empty, np.empty(0, np.int64), sky_e, sky_rms_e, None)
    reach_px = np.clip(6.0 * found["a"], 5.0, 40.0)
    radius, _ = sep.flux_radius(image, found["x"], found["y"], reach_px, 0.5, normflux=None, subpix=5)
    fwhm_px = 2.0 * radius
    saturated = _any_bit(dq, found["x"], found["y"], Pixel.SATURATED)
    typical = _typical_fwhm(fwhm_px, found, saturated, electrons.shape)
    keep = np.isfinite(fwhm_px)
    if typical is not None:
        keep &= fwhm_px > 0.6 * typical
    found, fwhm_px, saturated = (
        found[keep][:max_stars],
        fwhm_px[keep][:max_stars],
        saturated[keep][:max_stars],
    )
    bits = np.where(saturated, int(Pixel.SATURATED), 0)
    return Detections(
        found["x"].copy(), found["y"].copy(), found["flux"].copy(), found["peak"].copy(), fwhm_px, bits,
        sky_e, sky_rms_e, typical,
    )  # fmt: skip


def _any_bit(dq: np.ndarray, x_px: np.ndarray, y_px: np.ndarray, bit: Pixel, reach_px: int = 2) -> np.ndarray:
    """Whether a pixel within `reach_px` of each position has the bit."""
    height, width = dq.shape
    hit = np.zeros(len(x_px), bool)
    columns, rows = np.round(x_px).astype(int), np.round(y_px).astype(int)
    for dy in range(-reach_px, reach_px + 1):
        for dx in range(-reach_px, reach_px + 1):
            near = dq[np.clip(rows + dy, 0, height - 1), np.clip(columns + dx, 0, width - 1)]
            hit |= (near & byte(bit)) != 0
    return hit


def _typical_fwhm(
    fwhm_px: np.ndarray, found: np.ndarray, saturated: np.ndarray, shape: tuple[int, int]
) -> float | None:
    """Median width of the round, unsaturated, not too faint stars away from the edge."""
    height, width = shape
    margin = 10
    inside = (
        (found["x"] > margin) & (found["x"] < width - margin) & (found["y"] > margin) & (found["y"] < height - margin)
    )
    round_enough = found["b"] > 0.6 * found["a"]
    good = inside & round_enough & ~saturated & np.isfinite(fwhm_px) & (fwhm_px > 1.0) & (found["npix"] >= 7)
    if good.sum() < 3:
        good = inside & ~saturated & np.isfinite(fwhm_px) & (fwhm_px > 1.0)
    if not good.any():
        return None
    bright = fwhm_px[good][:50]
    middle = float(np.median(bright))
    core = bright[np.abs(bright - middle) <= 0.4 * middle]
    return float(np.median(core)) if len(core) else middle
