"""Finding stars on a whole frame: background mesh, detection, width."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from iop4cli.frames.quality import Pixel, byte
from iop4cli.science.medians import medians_of_rows
from iop4cli.science.sky_mesh import subtract_sky

# Pixels above the threshold that sep has room for at a time; more, for a saturated star or a bright galaxy, take it
# longer to make ready than to find the stars of a frame.
_PIXEL_STACKS = 300_000, 3_000_000
# No star is narrower than this share of the camera's usual one, however good the seeing.
_NARROWEST_SHARE = 0.35
# From this width on a pixel that stands out from the 24 around it cannot belong to a star.
_WELL_SAMPLED_PX = 6.0
_SPIKE_SIGMAS = 5.0
_SPIKE_SHARE = 0.5
# Of so many of the brightest the width is measured on a finer grid: it is from theirs that the frame's is taken.
_WELL_MEASURED = 60
_LONGEST_KERNEL_PX = 7
# The least share of an image's light that makes a peak beside its main one a star of its own.
_APART = 0.005
_APERTURE_FWHM = 0.7


@dataclass(frozen=True)
class Detections:
    """Stars, brightest first; pixels count from 0 at the middle of the first pixel.

    `x_px, y_px, flux_e, fwhm_px, bits` have shape (n,); the background is in electrons a pixel.
    """

    x_px: np.ndarray
    y_px: np.ndarray
    flux_e: np.ndarray
    fwhm_px: np.ndarray
    bits: np.ndarray
    sky_e: float
    sky_rms_e: float
    typical_fwhm_px: float | None

    def __len__(self) -> int:
        return len(self.x_px)


def detect(
    electrons: np.ndarray,
    dq: np.ndarray,
    *,
    threshold_sigmas: float = 4.0,
    min_area_px: int = 5,
    mesh_px: int = 64,
    max_stars: int = 300,
    usual_fwhm_px: float | None = None,
) -> Detections:
    """Stars of a frame (height, width) in electrons with pixel bits.

    The width of a star is twice its half-light radius, which is the full width at half maximum of a Gaussian.
    Single hot pixels and cosmic rays, narrower than any star, are dropped: narrower than most images of the
    frame and, with `usual_fwhm_px`, than a third of what is usual, for where stars are few most images are cosmic
    rays. Where stars spread over many pixels, spikes are levelled before, and faint stars are looked for with a
    smoothing kernel half as wide as a star. Wrong where the focus makes stars three times sharper than usual.
    """  # fmt: skip
    import sep

    image, sky_e, sky_rms_e = subtract_sky(electrons, dq, mesh_px)
    mask = (dq & byte(Pixel.BAD | Pixel.DEAD | Pixel.HOT)) != 0
    well_sampled = usual_fwhm_px is not None and usual_fwhm_px >= _WELL_SAMPLED_PX
    if well_sampled:
        # Left to the extraction, one masked pixel would keep it from telling two stars that touch apart.
        image = _without_spikes(image, sky_rms_e, mask)
        found = _found_smoothed(image, sky_rms_e, threshold_sigmas, min_area_px, float(usual_fwhm_px or 0.0))
    else:
        # No light is what the extraction's filter takes for a masked pixel; a mask costs it a seventh more.
        image[mask] = 0.0
        found = _extracted(image, threshold_sigmas, err=sky_rms_e, minarea=min_area_px, deblend_cont=_APART)
    found = found[np.argsort(-found["flux"], kind="stable")][: 3 * max_stars]
    found = found[found["flux"] > 0]
    if len(found) == 0:
        empty = np.empty(0)
        return Detections(empty, empty, empty, empty, np.empty(0, np.int64), sky_e, sky_rms_e, None)
    reach_px = np.clip(6.0 * found["a"], 5.0, 40.0)
    fwhm_px = 2.0 * np.concatenate([
        sep.flux_radius(image, found["x"][part], found["y"][part], reach_px[part], 0.5, subpix=fine)[0]
        for part, fine in ((slice(_WELL_MEASURED), 5), (slice(_WELL_MEASURED, None), 3))
    ])  # fmt: skip
    wide = np.isfinite(fwhm_px) & (fwhm_px > _NARROWEST_SHARE * (usual_fwhm_px or 0.0))
    found, fwhm_px = found[wide], fwhm_px[wide]
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
    flux_e = found["flux"].copy()
    if well_sampled and typical is not None:
        # What lies above the threshold is a smaller share of the fainter of two images than of the brighter.
        flux_e = np.maximum(flux_e, sep.sum_circle(image, found["x"], found["y"], _APERTURE_FWHM * typical)[0])
    order = np.argsort(-flux_e, kind="stable")
    found = found[order]
    return Detections(
        found["x"].copy(), found["y"].copy(), flux_e[order], fwhm_px[order], bits[order],
        sky_e, sky_rms_e, typical,
    )  # fmt: skip


def _found_smoothed(
    image: np.ndarray, sky_rms_e: float, threshold_sigmas: float, min_area_px: int, usual_fwhm_px: float
) -> np.ndarray:
    """What stands out of an image of stars that spread over many pixels, smoothed by half a star's width.

    The filter of sep does not serve: with an image of the noise, without which its threshold does not know how much
    the kernel smooths it, it parts and cleans what it has found by levels of single pixels, so that stars beside a
    brighter one are lost.
    """
    from scipy.ndimage import correlate1d

    kernel, smoothed = _kernel(0.5 * usual_fwhm_px), image
    for axis in (0, 1):
        smoothed = correlate1d(smoothed, kernel, axis=axis, mode="constant")
        # In units of its own noise, which is less where a part of the kernel lies beyond the edge.
        noise = np.sqrt(correlate1d(np.ones(image.shape[axis]), kernel**2, mode="constant"))
        smoothed /= np.expand_dims(noise.astype(np.float32), 1 - axis)
    found = _extracted(
        smoothed, threshold_sigmas, err=sky_rms_e, minarea=min_area_px, deblend_cont=_APART, filter_kernel=None
    )
    found["flux"] *= (kernel**2).sum()
    return found


def _extracted(image: np.ndarray, *given: Any, **named: Any) -> np.ndarray:
    """What `sep.extract` finds, with more room if what it needs at first is not enough."""
    import sep

    sep.set_extract_pixstack(_PIXEL_STACKS[0])
    try:
        return np.asarray(sep.extract(image, *given, **named))
    except Exception as error:
        if "pixel buffer full" not in str(error):
            raise
    sep.set_extract_pixstack(_PIXEL_STACKS[1])
    return np.asarray(sep.extract(image, *given, **named))


def _without_spikes(image: np.ndarray, sky_rms_e: float, mask: np.ndarray) -> np.ndarray:
    """The image (height, width) with masked pixels, and such as no star has, replaced by the median of 5 x 5.

    Twice, for the second time sees what is left of a thick track. A star six pixels wide and more falls by less
    than a third from its peak to the median of the square around it.
    """
    image = image.copy()
    height, width = image.shape
    steps_y, steps_x = (step.ravel() for step in np.mgrid[-2:3, -2:3])
    for _ in range(2):
        rows, columns = np.nonzero((image > _SPIKE_SIGMAS * sky_rms_e) | mask)
        around = image[
            np.clip(rows[:, None] + steps_y, 0, height - 1), np.clip(columns[:, None] + steps_x, 0, width - 1)
        ]
        middle = medians_of_rows(around)
        noise_e = np.sqrt(sky_rms_e**2 + np.maximum(middle, 0.0))
        spike = image[rows, columns] > middle + _SPIKE_SIGMAS * noise_e + _SPIKE_SHARE * np.maximum(middle, 0.0)
        spike |= mask[rows, columns]
        image[rows[spike], columns[spike]] = middle[spike]
    return image


def _kernel(fwhm_px: float) -> np.ndarray:
    """A Gaussian of that width on an odd number of pixels; its sum is 1."""
    half = min(int(np.ceil(fwhm_px / 2)), _LONGEST_KERNEL_PX // 2)
    profile = np.exp(-4 * np.log(2) * (np.arange(-half, half + 1) / fwhm_px) ** 2)
    return np.asarray(profile / profile.sum())


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
