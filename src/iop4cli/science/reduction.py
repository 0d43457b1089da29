"""From ADU to electrons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from iop4cli.frames.quality import Pixel, byte

# A pixel this far below the flat's median carries too little light to be corrected.
_DEAD_FLAT = 0.3


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
    defects: np.ndarray | None = None,
) -> Reduced:
    """((raw - bias - dark * t) * gain) / flat in electrons, with pixel bits. All images are (height, width).

    `defects` are the pixel bits of the masters, which the frame takes over. Pixels that a flat cannot correct keep
    their uncorrected value and are marked dead. The noise of the frame and that of the masters' pixels on the sky
    are measured on the frame itself, where they matter (science/apertures.py); no image of variances is carried.
    """  # fmt: skip
    dq = np.zeros(adu.shape, np.uint8) if defects is None else defects.copy()
    dq[adu >= saturation_adu] |= byte(Pixel.SATURATED)
    if linear_limit_adu is not None:
        dq[(adu >= linear_limit_adu) & (adu < saturation_adu)] |= byte(Pixel.NONLINEAR)
    electrons = adu.copy() if bias is None else adu - bias
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
