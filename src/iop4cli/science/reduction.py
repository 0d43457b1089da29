"""From ADU to electrons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from iop4cli.frames.quality import Pixel, byte

# A pixel this far below the flat's median carries too little light to be corrected.
_DEAD_FLAT = 0.3
# A pixel of the master bias this many sigmas above the rest is hot whatever the exposure.
_HOT_SIGMAS = 30.0


@dataclass(frozen=True)
class Reduced:
    """Electrons (float32) and pixel bits (uint8), both (height, width)."""

    electrons: np.ndarray
    dq: np.ndarray


def reduce_image(
    adu: np.ndarray,
    *,
    exptime_s: float,
    gain_e_per_adu: float,
    saturation_adu: float,
    linear_limit_adu: float | None = None,
    bias: np.ndarray | None = None,
    dark_adu_per_s: np.ndarray | None = None,
    flat: np.ndarray | None = None,
) -> Reduced:
    """((raw - bias - dark * t) * gain) / flat in electrons, with pixel bits. All images are (height, width).

    Pixels that a flat cannot correct keep their uncorrected value and are marked dead.
    """  # fmt: skip
    dq = np.zeros(adu.shape, np.uint8)
    dq[adu >= saturation_adu] |= byte(Pixel.SATURATED)
    if linear_limit_adu is not None:
        dq[(adu >= linear_limit_adu) & (adu < saturation_adu)] |= byte(Pixel.NONLINEAR)
    electrons = adu.copy() if bias is None else adu - bias
    if bias is not None:
        dq[hot_pixels(bias)] |= byte(Pixel.HOT)
    if dark_adu_per_s is not None:
        electrons -= dark_adu_per_s * np.float32(exptime_s)
    electrons *= np.float32(gain_e_per_adu)
    if flat is None:
        dq |= byte(Pixel.NO_FLAT)
    else:
        dead = ~(flat > _DEAD_FLAT)
        dq[dead] |= byte(Pixel.DEAD)
        electrons /= np.where(dead, np.float32(1.0), flat)
    bad = ~np.isfinite(electrons)
    if bad.any():
        dq[bad] |= byte(Pixel.BAD)
        electrons[bad] = 0.0
    return Reduced(electrons.astype(np.float32, copy=False), dq)


def hot_pixels(bias: np.ndarray) -> np.ndarray:
    """Pixels of a master bias far above their column's level; (height, width) bool."""
    excess = bias - np.median(bias[::4], axis=0)
    sigma = 1.4826 * float(np.median(np.abs(excess[::4, ::4] - np.median(excess[::4, ::4]))))
    return excess > _HOT_SIGMAS * max(sigma, 1e-6)
