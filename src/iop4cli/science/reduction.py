"""From ADU to electrons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from iop4cli.frames.quality import Pixel, byte

# A pixel this far below the flat's median carries too little light to be corrected.
_DEAD_FLAT = 0.3
# Rows that stay near the processor from the first operation to the last.
_AT_ONCE = 32


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
    electrons = np.empty(adu.shape, np.float32)
    dark = None if dark_adu_per_s is None else (dark_adu_per_s, np.float32(exptime_s))
    for first in range(0, len(adu), _AT_ONCE):
        rows = slice(first, first + _AT_ONCE)
        _mark_bright(adu[rows], dq[rows], saturation_adu, linear_limit_adu)
        _reduce(adu[rows], electrons[rows], dq[rows], np.float32(gain_e_per_adu), rows, bias, dark, flat)
    return Reduced(electrons, dq)


def _mark_bright(adu: np.ndarray, dq: np.ndarray, saturation_adu: float, linear_limit_adu: float | None) -> None:
    limit_adu = saturation_adu if linear_limit_adu is None else min(linear_limit_adu, saturation_adu)
    bright = adu >= limit_adu
    if bright.any():
        saturated = adu >= saturation_adu
        dq[saturated] |= byte(Pixel.SATURATED)
        if linear_limit_adu is not None:
            dq[(adu >= linear_limit_adu) & ~saturated] |= byte(Pixel.NONLINEAR)


def _reduce(
    adu: np.ndarray,
    electrons: np.ndarray,
    dq: np.ndarray,
    gain_e_per_adu: np.float32,
    rows: slice,
    bias: np.ndarray | None,
    dark: tuple[np.ndarray, np.float32] | None,
    flat: np.ndarray | None,
) -> None:
    """Some rows: `electrons` is filled, `dq` (of these rows) marked; the masters are whole images."""
    if bias is None:
        electrons[:] = adu
    else:
        np.subtract(adu, bias[rows], out=electrons)
    if dark is not None:
        electrons -= dark[0][rows] * dark[1]
    electrons *= gain_e_per_adu
    if flat is None:
        dq |= byte(Pixel.NO_FLAT)
    else:
        alive = flat[rows] > _DEAD_FLAT
        if alive.all():
            electrons /= flat[rows]
        else:
            dq[~alive] |= byte(Pixel.DEAD)
            electrons /= np.where(alive, flat[rows], np.float32(1.0))
    sound = np.isfinite(electrons)
    if not sound.all():
        dq[~sound] |= byte(Pixel.BAD)
        electrons[~sound] = 0.0
