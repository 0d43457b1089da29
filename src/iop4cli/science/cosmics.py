"""Cosmic rays, looked for where they matter: in a cut-out round each aperture."""

from __future__ import annotations

import numpy as np

from iop4cli.frames.quality import Pixel, byte
from iop4cli.science.apertures import Scene

_SIGMAS = 6.0
_NEIGHBOUR_SHARE = 0.3
# Contrast between the Laplacian and the fine structure: high enough that the cores of stars are not taken.
_CONTRAST = 8.0
_MARGIN_PX = 8


def flag_cosmic_rays(scene: Scene, x_px: float, y_px: float, reach_px: float) -> int:
    """Set the bit COSMIC_RAY in the scene's `dq` within `reach_px` of a position; returns how many pixels.

    L.A.Cosmic (van Dokkum 2001, PASP 113, 1420; astroscrappy's implementation) on a cut-out of electrons, with
    the fine structure modelled by a Gaussian of the frame's FWHM. Under-sampled stars (FWHM below 2.5 pixels)
    cannot be told from cosmic rays and are left alone.
    """
    if scene.fwhm_px < 2.5:
        return 0
    import astroscrappy

    height, width = scene.electrons.shape
    reach = int(np.ceil(reach_px)) + _MARGIN_PX
    column, row = round(x_px), round(y_px)
    if not (0 <= column < width and 0 <= row < height):
        return 0
    rows = slice(max(0, row - reach), min(height, row + reach + 1))
    columns = slice(max(0, column - reach), min(width, column + reach + 1))
    cut = np.ascontiguousarray(scene.electrons[rows, columns], dtype=np.float32)
    if min(cut.shape) < 2 * _MARGIN_PX:
        return 0
    sky = float(np.median(cut))
    noise = 1.4826 * float(np.median(np.abs(cut - sky)))
    # Electrons below the sky's level carry its whole measured variance, read noise and lost bias included.
    variance = np.maximum(cut - np.float32(sky), 0.0) + np.float32(max(noise, 1.0) ** 2)
    known = (scene.dq[rows, columns] & ~byte(Pixel.NO_FLAT)) != 0
    found, _ = astroscrappy.detect_cosmics(
        cut - np.float32(sky), inmask=known, invar=variance, sigclip=_SIGMAS, sigfrac=_NEIGHBOUR_SHARE,
        objlim=_CONTRAST, gain=1.0, readnoise=max(noise, 1.0), satlevel=np.inf, niter=2, cleantype="medmask",
        fsmode="convolve", psfmodel="gauss", psffwhm=float(scene.fwhm_px), psfsize=_odd(2.5 * scene.fwhm_px),
    )  # fmt: skip
    distance = np.hypot(
        np.arange(columns.start, columns.stop)[None, :] - x_px,
        np.arange(rows.start, rows.stop)[:, None] - y_px,
    )
    hit = found & (distance <= reach_px)
    scene.dq[rows, columns][hit] |= byte(Pixel.COSMIC_RAY)
    return int(hit.sum())


def _odd(value: float) -> int:
    return 2 * (int(np.ceil(value)) // 2) + 1
