"""The profile of a frame's stars, from the stars themselves, and how well it is known."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from iop4cli.frames.quality import Pixel, byte
from iop4cli.science.apertures import Scene
from iop4cli.science.medians import median_of, median_over_frames

_MOST_STARS, _FEWEST_STARS = 25, 5
# A sharper profile cannot be moved by part of a pixel: what it then makes expect is off by parts of the peak. Of bright
# stars 5 % were taken for hits at a FWHM of 2, 3 % at 2.5 and 0.4 % at 2.8 to 3.2, and none at 3.8, with a FWHM that
# differs by 2 to 8 % from star to star.
LEAST_FWHM_PX = 3.0
_MAD_TO_SIGMA = 1.4826
_SPLINE_ORDER = 5
# No profile is better known than to this share of its peak and of its own value in each pixel.
_LEAST_ERROR = 0.003, 0.01
# A star is alone if others this near have less than this share of its light.
_ALONE_FWHM, _ALONE_SHARE = 4.0, 0.03


@dataclass(frozen=True)
class StarProfile:
    """Light of a star in each pixel around its middle as a fraction of its light within `reach_px`, and its error.

    `coefficients` are those of a spline through the profile, (2 h + 1, 2 h + 1); `error` is the standard deviation
    from star to star, photon noise taken off: seeing, focus and trails that differ over the frame are in it.
    """

    coefficients: np.ndarray
    error: np.ndarray
    half_px: int

    def at(self, dx_px: float, dy_px: float) -> np.ndarray:
        """The profile of a star that stands (dx, dy) from the middle of the central pixel."""
        return moved(self.coefficients, dx_px, dy_px)


def moved(coefficients: np.ndarray, dx_px: float, dy_px: float) -> np.ndarray:
    """The values of a quintic spline (height, width), given by its coefficients, moved by (dx, dy).

    What `scipy.ndimage.shift` makes of the coefficients, a tenth of the work: each value is a sum over 6 x 6 of them
    whose weights are products of those in either axis.
    """
    down, across = (
        np.tensordot((by_px - math.floor(by_px)) ** _POWERS, _along(n_px, math.floor(by_px)), 1)
        for by_px, n_px in zip((dy_px, dx_px), coefficients.shape, strict=True)
    )
    found = np.asarray(down @ coefficients @ across.T)
    # Nothing comes from beyond the first and last pixel.
    height, width = found.shape
    for pixels, by_px, length in ((found, dy_px, height), (found.T, dx_px, width)):
        pixels[: max(0, math.ceil(by_px))] = 0.0
        pixels[length + min(0, math.floor(by_px)) :] = 0.0
    return found


@lru_cache(maxsize=64)
def _along(n_px: int, whole: int) -> np.ndarray:
    """(6, n, n): which coefficients, by the power of the fraction, make each value of an axis moved by `whole` + it.

    Beyond the ends the coefficients are mirrored at the middle of the last pixel.
    """
    found = np.zeros((_SPLINE_ORDER + 1, n_px, n_px))
    value = np.arange(n_px)
    for place, polynomial in zip(range(-3, 3), _QUINTIC, strict=True):
        from_px = np.abs(value + place - whole) % (2 * n_px - 2)
        from_px = np.minimum(from_px, 2 * n_px - 2 - from_px)
        found[:, value, from_px] += polynomial[:, None]
    return found


def _quintic() -> np.ndarray:
    """(6, 6): the cardinal B-spline of order 5 at place + fraction, places -3 to 2, as coefficients of its powers.

    The sum of (-1)^k C(6, k) (x + 3 - k)^5 / 120 over k where x + 3 - k is above 0 (Unser 1999, IEEE Signal
    Processing Magazine 16(6), 22).
    """
    found = np.zeros((6, 6))
    for place in range(6):
        for k in range(place + 1):
            for power in range(6):
                share = (-1) ** k * math.comb(6, k) * math.comb(5, power) * (place - k) ** (5 - power) / 120.0
                found[place, power] += share
    return found


_QUINTIC, _POWERS = _quintic(), np.arange(_SPLINE_ORDER + 1)


def star_profile(scene: Scene, reach_px: float) -> StarProfile | None:
    """The median of up to 25 bright stars that are alone and whole; None if there are fewer than five.

    None as well for stars of less than 3 pixels: their light in a pixel hangs on where in it they stand.
    """
    from scipy.ndimage import spline_filter, uniform_filter

    if scene.fwhm_px < LEAST_FWHM_PX:
        return None
    half = int(np.ceil(reach_px)) + 2
    stacked, noise = [], []
    for x, y in _good_stars(scene, half):
        column, row = round(x), round(y)
        cut, variance = _cut(scene, column, row, half)
        centred = moved(spline_filter(cut, order=_SPLINE_ORDER), column - x, row - y)
        total = float(centred[_disc(half, reach_px)].sum())
        if total > 0:
            stacked.append(centred / total)
            noise.append(variance / total**2)
        if len(stacked) == _MOST_STARS:
            break
    if len(stacked) < _FEWEST_STARS:
        return None
    stack = np.array(stacked)
    middle = median_over_frames(stack)
    scatter2 = uniform_filter((_MAD_TO_SIGMA * median_over_frames(np.abs(stack - middle))) ** 2, 3)
    # The profile itself is as uncertain as a median of so many.
    own = scatter2 * (np.pi / 2.0) / len(stack)
    known2 = np.maximum(scatter2 - median_over_frames(np.array(noise)), 0.0) + own
    least2 = (_LEAST_ERROR[0] * middle.max()) ** 2 + (_LEAST_ERROR[1] * middle) ** 2
    return StarProfile(
        spline_filter(middle, order=_SPLINE_ORDER), np.sqrt(np.maximum(known2, least2 * (middle > 0))), half
    )


def _good_stars(scene: Scene, half: int) -> Iterator[tuple[float, float]]:
    """Where detections are that are alone and without bad or saturated pixels, brightest first."""
    stars, n_good = scene.stars_px, 0
    if len(stars) == 0:
        return
    height, width = scene.electrons.shape
    order = np.argsort(-stars[:, 2])
    for number in order[: 8 * _MOST_STARS].tolist():
        x, y, flux = stars[number]
        column, row = round(x), round(y)
        if not (half <= column < width - half and half <= row < height - half):
            continue
        if (scene.dq[row - half : row + half + 1, column - half : column + half + 1] & ~byte(Pixel.NO_FLAT)).any():
            continue
        away = np.hypot(stars[:, 0] - x, stars[:, 1] - y)
        near = (away <= _ALONE_FWHM * scene.fwhm_px) & (away > 0)
        if not (stars[near, 2] > _ALONE_SHARE * flux).any():
            yield float(x), float(y)
            n_good += 1
        if n_good == 2 * _MOST_STARS:
            return


def _cut(scene: Scene, column: int, row: int, half: int) -> tuple[np.ndarray, np.ndarray]:
    """Electrons above the sky around a pixel, and their variance as noise makes it."""
    cut = scene.electrons[row - half : row + half + 1, column - half : column + half + 1].astype(np.float64)
    sky, noise = sky_of(cut)
    return cut - sky, np.maximum(cut - sky, 0.0) + noise**2


def sky_of(cut: np.ndarray) -> tuple[float, float]:
    """(level, noise of a pixel) from the rim of a cut-out."""
    rim = np.concatenate([cut[:2].ravel(), cut[-2:].ravel(), cut[2:-2, :2].ravel(), cut[2:-2, -2:].ravel()])
    sky = median_of(rim)
    return sky, max(_MAD_TO_SIGMA * median_of(np.abs(rim - sky)), 1.0)


def _disc(half: int, radius_px: float) -> np.ndarray:
    offsets = np.arange(-half, half + 1)
    return np.asarray(np.hypot(offsets[None, :], offsets[:, None]) <= radius_px)
