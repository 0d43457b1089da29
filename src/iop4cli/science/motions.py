"""Rigid motions from one list of images to another: fitted, and weighed against chance.

Positions are complex numbers x + iy: a rotation is a product, a reflection the conjugate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from iop4cli.science.solving import match_nearest

# Probability that an image of one frame is not in the other for a reason of its own (blend, defect, edge).
_MISSING = 0.25
# Scatter in magnitudes of an image between two plate angles and exposures; the worst counts as three sigmas.
_MAG_SIGMA = 0.25
_WORST_MAG_SIGMAS = 3.0
# The common difference of two exposures in magnitudes is known to no better.
_MAG_OFFSET_RANGE = 5.0
# This much above the faintest image of a frame an image should not be missed.
_COMPLETE_MAG = 0.5


@dataclass(frozen=True)
class Allowed:
    """Rotations up to `max_rotation_deg` (None: any) from 0 or, with `half_turn`, from 180 degrees."""

    max_rotation_deg: float | None = None
    half_turn: bool = True
    mirror: bool = False

    def holds(self, turn: np.ndarray) -> np.ndarray:
        if self.max_rotation_deg is None:
            return np.ones(turn.shape, bool)
        upright = np.abs(turn.real) if self.half_turn else turn.real
        return np.asarray(upright >= math.cos(math.radians(self.max_rotation_deg)))

    @property
    def range_rad(self) -> float:
        """How much room the rotations have, for what chance can do."""
        if self.max_rotation_deg is None:
            arc = 2 * math.pi
        else:
            arc = 2 * math.radians(self.max_rotation_deg) * (2 if self.half_turn else 1)
        return min(arc, 2 * math.pi) * (2 if self.mirror else 1)


@dataclass(frozen=True)
class Images:
    z: np.ndarray
    mag: np.ndarray
    index: np.ndarray

    def __len__(self) -> int:
        return len(self.z)


@dataclass(frozen=True)
class Task:
    """Subframe, reference (brightest first), corners of what the subframe covers, and what is asked.

    `displacement_px` (None: one image of each star only) is that of the reference.
    """

    sub: Images
    reference: Images
    box: tuple[complex, complex]
    area_px2: float
    tolerance_px: float
    displacement_px: complex | None
    allowed: Allowed


@dataclass(frozen=True)
class Motion:
    turn: complex
    shift: complex
    mirrored: bool

    def to_reference(self, z: np.ndarray) -> np.ndarray:
        return self.turn * (np.conj(z) if self.mirrored else z) + self.shift

    def from_reference(self, z: np.ndarray) -> np.ndarray:
        back = np.conj(self.turn) * (z - self.shift)
        return np.conj(back) if self.mirrored else back


@dataclass(frozen=True)
class Verdict:
    motion: Motion
    matched: np.ndarray  # for each image of the subframe its reference image, or -1
    n_possible: int
    rms_px: float
    n_stars: int
    n_complete: int  # stars of which both images match
    log_likelihood: float
    log_odds: float

    @property
    def n_matched(self) -> int:
        return int((self.matched >= 0).sum())


def judge(motion: Motion, task: Task) -> Verdict | None:
    """Fits the motion to its matches, with a shrinking reach, and weighs it against chance."""
    back = motion.from_reference(task.reference.z)
    margin = 10 * task.tolerance_px * (1 + 1j)
    # Once for all reaches: most of a full frame is far from the subframe.
    local = np.nonzero(_inside(back, (task.box[0] - margin, task.box[1] + margin)))[0]
    z = task.reference.z[local]
    matched = np.full(len(task.sub), -1)
    for reach in (2.5, 1.5, 1.0):
        moved = motion.to_reference(task.sub.z)
        near = match_nearest(moved.real, moved.imag, z.real, z.imag, reach * task.tolerance_px)
        hit = near >= 0
        if hit.sum() < 3:
            return None
        matched = np.where(hit, local[near], -1)
        motion = _fitted(task.sub.z[hit], z[near[hit]], motion)
    if not task.allowed.holds(np.array([motion.turn]))[0]:
        return None
    return _weighed(motion, matched, task)


def _fitted(z: np.ndarray, reference_z: np.ndarray, motion: Motion) -> Motion:
    source = np.conj(z) if motion.mirrored else z
    middle, reference_middle = source.mean(), reference_z.mean()
    turn = np.vdot(source - middle, reference_z - reference_middle)
    turn = turn / abs(turn) if abs(turn) > 0 else motion.turn
    return Motion(complex(turn), complex(reference_middle - turn * middle), motion.mirrored)


def _weighed(motion: Motion, matched: np.ndarray, task: Task) -> Verdict:
    """Log-likelihood of the matches over random positions, and log-odds of the motion over a chance motion.

    A match counts by the density of reference images as bright, a missing image by how rare that is. The odds
    pay for the choice of the motion: for how many cells of shift, rotation and brightness there are.
    """
    sub, reference = task.sub, task.reference
    hit = matched >= 0
    n = int(hit.sum())
    sigma_px = task.tolerance_px / 2.5
    moved = motion.to_reference(sub.z)
    residual_px = np.abs(moved[hit] - reference.z[matched[hit]])
    mag_change = reference.mag[matched[hit]] - sub.mag[hit]
    offset = float(np.median(mag_change))
    sigmas = np.minimum(np.abs(mag_change - offset) / _MAG_SIGMA, _WORST_MAG_SIGMAS)
    expected_mag = sub.mag[hit] + offset
    # As wide as a Gaussian is high: the integral over the window is that over the Gaussian.
    window_mag = math.sqrt(math.pi / 2) * _MAG_SIGMA
    alike = (np.abs(reference.mag[None, :] - expected_mag[:, None]) <= window_mag).sum(axis=1) + 1
    gains = (
        np.log((1 - _MISSING) * task.area_px2 / (2 * math.pi * sigma_px**2 * alike))
        - residual_px**2 / (2 * sigma_px**2)
        - sigmas**2 / 2
    )
    independent = _independent(reference.z[matched[hit]], task)
    missing_here, missing_there = _missing(motion, matched, offset, task)
    losses = (missing_here + missing_there) * math.log(_MISSING)
    spread_px = float(np.sqrt(np.mean(np.abs(sub.z[hit] - sub.z[hit].mean()) ** 2))) + sigma_px
    cells = (
        math.log(task.area_px2 * n / (2 * math.pi * sigma_px**2))
        + math.log(max(task.allowed.range_rad * math.sqrt(n) * spread_px / (math.sqrt(2 * math.pi) * sigma_px), 1.0))
        + math.log(_MAG_OFFSET_RANGE * math.sqrt(n) / _MAG_SIGMA)
    )
    return Verdict(
        motion=motion,
        matched=matched,
        n_possible=n + missing_here,
        rms_px=float(np.sqrt(np.mean(residual_px**2))),
        log_likelihood=float(gains.sum()) + losses,
        n_stars=int(independent.sum()),
        n_complete=n - int(independent.sum()),
        log_odds=float((gains * independent).sum()) + losses - cells,
    )


def _independent(z: np.ndarray, task: Task) -> np.ndarray:
    """Which matches (n,) count: the second image of a star follows from the first."""
    first = np.ones(len(z), bool)
    if task.displacement_px is None:
        return first
    way = z[:, None] - z[None, :]
    off_px = np.minimum(np.abs(way - task.displacement_px), np.abs(way + task.displacement_px))
    partners = off_px <= 2 * task.tolerance_px
    for image in range(len(z)):
        first[image] = not (first[:image] & partners[image, :image]).any()
    return first


def _missing(motion: Motion, matched: np.ndarray, offset: float, task: Task) -> tuple[int, int]:
    """Unmatched images of the subframe that the reference should have, and the other way round."""
    sub, reference = task.sub, task.reference
    z = reference.z
    moved = motion.to_reference(sub.z)
    on_reference = _inside(moved, (complex(z.real.min(), z.imag.min()), complex(z.real.max(), z.imag.max())))
    bright = sub.mag + offset < reference.mag.max() - _COMPLETE_MAG
    here = int((on_reference & bright & (matched < 0)).sum())
    expected = _inside(motion.from_reference(z), task.box)
    expected &= reference.mag - offset < sub.mag.max() - _COMPLETE_MAG
    expected[matched[matched >= 0]] = False
    return here, int(expected.sum())


def _inside(z: np.ndarray, box: tuple[complex, complex]) -> np.ndarray:
    low, high = box
    return np.asarray((z.real >= low.real) & (z.real <= high.real) & (z.imag >= low.imag) & (z.imag <= high.imag))
