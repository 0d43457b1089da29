"""Which calibration frames are unfit for a master, and how a master differs from the last good one of its kind."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from iop4cli.science.masters import Rows
from iop4cli.science.medians import median_of

_THINNED = 4
# So many differences of neighbours tell the noise to a few thousandths.
_PAIRS = 1 << 17
# A bias or dark frame brighter or fainter than the others by this many sigmas of a pixel saw light, or is another mode.
_LEVEL_SIGMAS = 10.0
_NOISE_RATIO = 2.0
_SATURATED_SHARE = 0.01
# A camera may mask a few pixels; with more of them something is wrong with the frame.
_BLANK_SHARE = 0.01
# Cells along the longer side of a master in which its structure is kept.
_CELLS = 16
_MAD_TO_SIGMA = 1.4826
_MEDIAN_EXCESS = np.pi / 2.0


@dataclass(frozen=True)
class FrameStatistics:
    """Of one raw frame (ADU): median, noise of a pixel from differences of neighbours, share of saturated pixels.

    Of the pixels that are numbers; `blank_share` is that of the others.
    """

    level_adu: float
    noise_adu: float
    saturated_share: float
    blank_share: float = 0.0


def frame_statistics(frame: Rows, saturation_adu: float) -> FrameStatistics:
    """On rows thinned by four; the noise holds photons, and of a flat the pixels' differences too."""
    rows = frame[slice(0, frame.shape[0], _THINNED)]
    blank_share = float(1.0 - np.mean(np.isfinite(rows)))
    if blank_share > _BLANK_SHARE:
        return FrameStatistics(np.nan, np.nan, np.nan, blank_share)
    step = 2 * max(1, rows.size // (2 * _PAIRS))
    left = rows[:, :-1:step]
    with np.errstate(invalid="ignore"):
        between = rows[:, 1::step][:, : left.shape[1]] - left
    between = between[np.isfinite(between)]
    # A frame that is one pixel wide has no neighbours.
    noise = 0.0
    if between.size:
        noise = _MAD_TO_SIGMA * median_of(np.abs(between - median_of(between))) / np.sqrt(2.0)
    level = rows[:, ::_THINNED]
    return FrameStatistics(
        median_of(level[np.isfinite(level)]), noise, float(np.mean(rows >= saturation_adu)), blank_share
    )


def unfit_frames(
    kind: str,
    frames: Sequence[FrameStatistics],
    exptimes_s: Sequence[float],
    saturation_adu: float,
    limits: Mapping[str, float],
) -> list[str]:
    """Why each frame must not go into a master of this kind; empty where it may.

    Bias and dark frames are held beside the others of the same exposure, if those are three or more.
    """
    reasons = [_unfit_alone(kind, frame, saturation_adu, limits) for frame in frames]
    if kind == "flat":
        return reasons
    for exptime_s in set(exptimes_s):
        alike = [i for i, time_s in enumerate(exptimes_s) if time_s == exptime_s and not reasons[i]]
        if len(alike) < 3:
            continue
        level = float(np.median([frames[i].level_adu for i in alike]))
        noise = float(np.median([frames[i].noise_adu for i in alike]))
        for i in alike:
            off = frames[i].level_adu - level
            if abs(off) > _LEVEL_SIGMAS * max(noise, 0.3):
                reasons[i] = f"median {frames[i].level_adu:.0f} ADU where the others have {level:.0f}"
            elif frames[i].noise_adu > _NOISE_RATIO * max(noise, 0.3):
                reasons[i] = f"noise {frames[i].noise_adu:.1f} ADU where the others have {noise:.1f}"
    return reasons


def _unfit_alone(kind: str, frame: FrameStatistics, saturation_adu: float, limits: Mapping[str, float]) -> str:
    if frame.blank_share > _BLANK_SHARE:
        return f"{100 * frame.blank_share:.0f} % of its pixels are no numbers"
    share = frame.level_adu / saturation_adu
    if kind == "flat" and share > limits["flat_max_level"]:
        return f"saturated: median {frame.level_adu:.0f} ADU"
    if kind == "flat" and frame.saturated_share > _SATURATED_SHARE:
        return f"{100 * frame.saturated_share:.0f} % of its pixels are saturated"
    if kind == "flat" and share < limits["flat_min_level"]:
        return f"too faint: median {frame.level_adu:.0f} ADU"
    if kind != "flat" and share > 0.5:
        return f"too bright for a {kind}: median {frame.level_adu:.0f} ADU"
    return ""


def structure(image: np.ndarray) -> np.ndarray:
    """Medians of some 16 x 16 cells of a master, (n,) float32: what is wide in it, without its pixels."""
    rows, columns = (np.array_split(np.arange(extent), min(_CELLS, extent)) for extent in image.shape)
    cells = [
        median_of(image[row[0] : row[-1] + 1 : 2, column[0] : column[-1] + 1 : 2]) for row in rows for column in columns
    ]
    return np.array(cells, np.float32)


def structure_noise(uncertainty: np.ndarray) -> float:
    """The error of one of those cells, from the uncertainty of the master's pixels."""
    n_px = max(uncertainty.size / (4 * _CELLS**2), 1.0)
    return median_of(uncertainty[::4, ::4]) * math.sqrt(_MEDIAN_EXCESS / n_px)


@dataclass(frozen=True)
class Shape:
    """What of a master is compared: its level and the scatter of one frame in its unit, its cells and their error."""

    kind: str
    level: float
    scatter: float
    cells: np.ndarray
    cell_noise: float


@dataclass(frozen=True)
class Change:
    """How a master differs from another.

    `structure`: rms over the cells beyond noise (robust: half of the cells must change), of a flat a fraction of
    the light, else in units of the scatter of one frame; `level` (not of a flat, None) in the same unit;
    `scatter`: the ratio, of bias masters (that of others goes with light and exposure).
    """

    structure: float
    level: float | None
    scatter: float | None


def change(new: Shape, old: Shape) -> Change | None:
    """From an old master to a new one; None if they cannot be compared."""
    if new.cells.shape != old.cells.shape or new.cells.size == 0:
        return None
    new_cells, old_cells = new.cells.astype(np.float64), old.cells.astype(np.float64)
    if new.kind == "flat":
        if np.any(old_cells <= 0):
            return None
        return Change(_beyond_noise(new_cells / old_cells, new, old), None, None)
    if not old.scatter > 0:
        return None
    return Change(
        _beyond_noise(new_cells - old_cells, new, old) / old.scatter,
        (new.level - old.level) / old.scatter,
        new.scatter / old.scatter if new.kind == "bias" else None,
    )


def _beyond_noise(difference: np.ndarray, new: Shape, old: Shape) -> float:
    rms = _MAD_TO_SIGMA * float(np.median(np.abs(difference - np.median(difference))))
    return float(np.sqrt(max(rms**2 - new.cell_noise**2 - old.cell_noise**2, 0.0)))


def failed_criterion(kind: str, found: Change, limits: Mapping[str, float]) -> str:
    """By what a change is more than a good master may show; empty if it is not."""
    if kind == "flat":
        limit = limits["max_flat_change"]
        return f"its light is {100 * found.structure:.1f} % rms from" if found.structure > limit else ""
    if found.level is not None and abs(found.level) > limits["max_level_change"]:
        return f"its level is {abs(found.level):.0f} sigma of a frame {'above' if found.level > 0 else 'below'}"
    if found.structure > limits["max_structure_change"]:
        return f"its structure is {found.structure:.1f} sigma of a frame rms from"
    most = limits["max_scatter_ratio"]
    if found.scatter is not None and not 1.0 / most <= found.scatter <= most:
        return f"its frames scatter {found.scatter:.1f} times as much as those of"
    return ""
