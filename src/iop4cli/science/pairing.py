"""Which two images belong to one star: the displacement of the extraordinary beam and the pairs it makes.

Extraordinary = ordinary + displacement, in pixels of the frame as it is: binned, and with the opposite sign of
dy where its rows are in reverse. Positions and fluxes have the shape (n,), in any order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

# (1 + p) / (1 - p) for p = 35 % is 2.08; gains of the beams and noise of faint stars take the rest.
FLUX_RATIO_LIMIT = 2.5
_WINDOW_SPREADS = 3.5
# The number of displacements that would do as well in a random field must be below this.
_CHANCE_LIMIT = 0.05
_MAX_IMAGES_BLIND = 200
_MAX_IMAGES = 600
_MIN_PAIRS_BLIND = 3
_MIN_LENGTH_TOLERANCES = 5.0
# Two pairs always agree on the way from one star to the next, once in each beam.
_STRUCTURE_VOTES = 2
# This much brighter than the faintest image, a star's position is limited by other things than its photons.
_STEADY_FLUX = 20.0


@dataclass(frozen=True)
class Displacement:
    """Mean of extraordinary minus ordinary over `n_pairs` pairs, with the errors of the mean."""

    dx_px: float
    dy_px: float
    dx_err_px: float
    dy_err_px: float
    n_pairs: int


@dataclass(frozen=True)
class _Candidates:
    """Ordered pairs of images (k,): their indices and the way from the first to the second."""

    first: np.ndarray
    second: np.ndarray
    way_px: np.ndarray
    expected_by_chance: float
    area_px2: float


def find_displacement(
    x_px: np.ndarray,
    y_px: np.ndarray,
    flux: np.ndarray,
    *,
    shape: tuple[int, int],
    known: tuple[float, float] | None = None,
    spread: tuple[float, float] | None = None,
    tolerance_px: float = 2.0,
    flux_ratio_limit: float = FLUX_RATIO_LIMIT,
) -> Displacement | None:
    """The way from image to image that most pairs share within `tolerance_px`, in both coordinates at once.

    With `known` (dx, dy) and its `spread` (standard deviations) one pair is enough, and was wrong in one of
    500 frames of which a tenth of the images were false or missing; without, three are needed, and the
    ordinary image is taken for the one with the smaller x. The sign of a displacement cannot be measured: on
    a frame turned by 180 degrees the known one must be turned too. None where another displacement does
    nearly as well, or where as many pairs would agree by chance. `shape` is (height, width).
    """
    candidates = _candidates(x_px, y_px, flux, shape, known, spread, tolerance_px, flux_ratio_limit)
    if len(candidates.first) == 0:
        return None
    votes = _votes(candidates.way_px, tolerance_px)
    middle = candidates.way_px[votes.argmax()]
    for _ in range(3):
        members = _within(candidates.way_px, middle, tolerance_px)
        middle = candidates.way_px[members].mean(axis=0)
    members = _within(candidates.way_px, middle, tolerance_px)
    n_pairs = min(len(set(candidates.first[members])), len(set(candidates.second[members])))
    apart = ~_within(candidates.way_px, middle, 2.5 * tolerance_px)
    rival = int(votes[apart].max()) if apart.any() else 0
    if n_pairs < (1 if known is not None else _MIN_PAIRS_BLIND) or not _clearly_ahead(n_pairs, rival):
        return None
    if _chance(candidates, n_pairs, tolerance_px) > _CHANCE_LIMIT:
        return None
    return measure_displacement(candidates.way_px[members], tolerance_px)


def measure_displacement(way_px: np.ndarray, tolerance_px: float, weight: np.ndarray | None = None) -> Displacement:
    """Mean way (n, 2) from ordinary to extraordinary, by weight (n,) if given, with scatter / sqrt(n) as its error.

    The scatter of few pairs is uncertain: it is mixed with two assumed pairs that scatter by a third of the
    tolerance, which is all that one pair has. With weights n is the number of pairs of equal weight that would
    tell as much.
    """
    n = len(way_px)
    share = np.full(n, 1.0 / n) if weight is None else weight / weight.sum()
    mean = share @ way_px
    assumed_px2 = (tolerance_px / 3.0) ** 2
    n_equal = float(1.0 / (share**2).sum())
    variance = (n_equal * (share @ (way_px - mean) ** 2) + 2.0 * assumed_px2) / (n_equal - 1 + 2.0)
    error = np.sqrt(variance / n_equal)
    return Displacement(float(mean[0]), float(mean[1]), float(error[0]), float(error[1]), n)


def _candidates(
    x_px: np.ndarray,
    y_px: np.ndarray,
    flux: np.ndarray,
    shape: tuple[int, int],
    known: tuple[float, float] | None,
    spread: tuple[float, float] | None,
    tolerance_px: float,
    flux_ratio_limit: float,
) -> _Candidates:
    order = np.argsort(-flux, kind="stable")[: _MAX_IMAGES_BLIND if known is None else _MAX_IMAGES]
    x, y, log_flux = x_px[order], y_px[order], np.log(flux[order])
    dx, dy = x[None, :] - x[:, None], y[None, :] - y[:, None]
    alike = np.abs(log_flux[None, :] - log_flux[:, None]) <= math.log(flux_ratio_limit)
    np.fill_diagonal(alike, False)
    height, width = shape
    if known is None:
        long_enough = np.hypot(dx, dy) >= _MIN_LENGTH_TOLERANCES * tolerance_px
        inside = (dx > 0) & (dx <= width / 2) & (np.abs(dy) <= height / 2) & long_enough
        area_px2 = width * height / 2.0
    else:
        sx, sy = spread if spread is not None else (0.0, 0.0)
        reach_x, reach_y = _WINDOW_SPREADS * sx + tolerance_px, _WINDOW_SPREADS * sy + tolerance_px
        inside = ((dx - known[0]) / reach_x) ** 2 + ((dy - known[1]) / reach_y) ** 2 <= 1.0
        area_px2 = math.pi * reach_x * reach_y
    first, second = np.nonzero(alike & inside)
    return _Candidates(
        order[first],
        order[second],
        np.column_stack([dx[first, second], dy[first, second]]),
        float(alike.sum()) * area_px2 / (width * height),
        area_px2,
    )


def _votes(way_px: np.ndarray, tolerance_px: float) -> np.ndarray:
    from scipy.spatial import cKDTree

    tree = cKDTree(way_px)
    return np.asarray(tree.query_ball_point(way_px, tolerance_px, return_length=True))


def _within(way_px: np.ndarray, middle: np.ndarray, reach_px: float) -> np.ndarray:
    return np.asarray(np.hypot(way_px[:, 0] - middle[0], way_px[:, 1] - middle[1]) <= reach_px)


def _clearly_ahead(n_pairs: int, rival: int) -> bool:
    if 2 * rival <= n_pairs:
        return True
    return n_pairs > _STRUCTURE_VOTES >= rival


def _chance(candidates: _Candidates, n_pairs: int, tolerance_px: float) -> float:
    """Expected number of displacements with as many votes, were the images strewn at random.

    A chance alignment of two stars brings two votes, one in each beam: half of the votes are independent.
    """
    independent = -(-n_pairs // 2)
    mean_votes = candidates.expected_by_chance * math.pi * tolerance_px**2 / candidates.area_px2
    more = independent - 1
    log_tail = more * math.log(max(mean_votes, 1e-300)) - math.lgamma(more + 1)
    return candidates.expected_by_chance * math.exp(min(0.0, log_tail))


@dataclass(frozen=True)
class Pairing:
    """Indices of images: `ordinary[k]` and `extraordinary[k]` are the two of one star.

    `lone_*`: the partner is off the edge and on the other side, well inside, there is nothing; as many of
    these are false as images are false or missing. `ambiguous`: could be paired in two ways with nearly equal
    right. `blended`: where one star's extraordinary image falls, another star's ordinary image falls too; such
    an image may be in a pair all the same. `unmatched`: all the rest.
    """

    displacement: Displacement
    ordinary: np.ndarray
    extraordinary: np.ndarray
    lone_ordinary: np.ndarray
    lone_extraordinary: np.ndarray
    ambiguous: np.ndarray
    blended: np.ndarray
    unmatched: np.ndarray


def pair(
    x_px: np.ndarray,
    y_px: np.ndarray,
    flux: np.ndarray,
    displacement: Displacement,
    *,
    shape: tuple[int, int],
    tolerance_px: float = 2.0,
    flux_ratio_limit: float = FLUX_RATIO_LIMIT,
    edge_px: float = 5.0,
) -> Pairing:
    """Sorts images into ordinary and extraordinary, each in at most one pair, by position and flux together.

    An image nearer than `edge_px` to the edge of the frame (height, width) counts as off it. The displacement
    of the answer is measured again from all its pairs.
    """
    from iop4cli.science.chains import best_pairs

    dx = x_px[None, :] - x_px[:, None] - displacement.dx_px
    dy = y_px[None, :] - y_px[:, None] - displacement.dy_px
    off_px = np.hypot(dx, dy)
    np.fill_diagonal(off_px, np.inf)
    near = off_px <= tolerance_px
    first, second = np.nonzero(near)
    log_ratio = np.log(flux[second] / flux[first])
    common = float(np.median(log_ratio)) if len(log_ratio) >= 5 else 0.0
    alike = np.abs(log_ratio - common) <= math.log(flux_ratio_limit)
    first, second, log_ratio = first[alike], second[alike], log_ratio[alike] - common
    chosen, doubtful = best_pairs(first, second, off_px[first, second] / tolerance_px, log_ratio)
    ordinary, extraordinary = first[chosen], second[chosen]
    ambiguous = np.setdiff1d(np.concatenate([first[doubtful], second[doubtful]]), [*ordinary, *extraordinary])
    free = np.ones(len(x_px), bool)
    free[ordinary] = free[extraordinary] = free[ambiguous] = False
    lone_ordinary, lone_extraordinary = _lone(
        x_px, y_px, flux, displacement, free, shape, 2.0 * tolerance_px, flux_ratio_limit, edge_px
    )
    free[lone_ordinary] = free[lone_extraordinary] = False
    if len(ordinary):
        way_px = np.column_stack([x_px[extraordinary] - x_px[ordinary], y_px[extraordinary] - y_px[ordinary]])
        fainter = np.minimum(flux[ordinary], flux[extraordinary])
        displacement = measure_displacement(way_px, tolerance_px, position_weight(fainter, flux.min()))
    return Pairing(
        displacement, ordinary, extraordinary, lone_ordinary, lone_extraordinary, ambiguous,
        np.nonzero(near.any(axis=0) & near.any(axis=1))[0], np.nonzero(free)[0],
    )  # fmt: skip


def position_weight(flux: np.ndarray, faintest: float) -> np.ndarray:
    """Inverse variance of the positions of images (n,), for the best 1, where `faintest` is the limit of detection.

    The error of a position falls with the flux, down to what is the same for all stars; images at the limit, some of
    which are false, say next to nothing.
    """
    return np.asarray(1.0 / (1.0 + (_STEADY_FLUX * faintest / flux) ** 2))


def _lone(
    x_px: np.ndarray,
    y_px: np.ndarray,
    flux: np.ndarray,
    displacement: Displacement,
    free: np.ndarray,
    shape: tuple[int, int],
    reach_px: float,
    flux_ratio_limit: float,
    edge_px: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Free images whose one possible partner is off the frame while the other would have been seen."""
    height, width = shape
    certain = free & (flux >= flux_ratio_limit * flux.min(initial=np.inf))
    off, seen = [], []
    for sign in (1.0, -1.0):
        px, py = x_px + sign * displacement.dx_px, y_px + sign * displacement.dy_px
        inside = (px >= edge_px) & (px < width - edge_px) & (py >= edge_px) & (py < height - edge_px)
        anyone = np.hypot(px[:, None] - x_px[None, :], py[:, None] - y_px[None, :]).min(axis=1, initial=np.inf)
        off.append(~inside)
        seen.append(inside & (anyone > reach_px))
    return np.nonzero(certain & off[0] & seen[1])[0], np.nonzero(certain & off[1] & seen[0])[0]
