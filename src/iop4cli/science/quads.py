"""Where a small subframe lies on a full frame of the same camera, from quads of their brightest images.

Both frames have the same scale, so quads are compared by their six distances in pixels, which neither a
rotation nor a reflection changes. The quads are not listed: two images as far apart as two of the reference
propose a motion, and the motion has to bring more images, with the right brightness, onto others. Positions
are complex numbers x + iy here: a rotation is a product, a reflection the conjugate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from iop4cli.science.motions import Allowed, Images, Motion, Task, Verdict, judge

# Two images of one hypothesis: their difference in magnitude may change by this (target with p = 30 %).
_MAX_MAG_CHANGE = 1.2
_MAX_HYPOTHESES = 20_000
_MAX_JUDGED = 25
_MAX_VERIFIED = 40
# The brightest of a subframe are among these of any field in which there is no time to try all.
_MAX_PROPOSING = 300
# Two stars are a parallelogram of images, which half a turn brings onto itself.
_MIN_STARS = 3
# e**7 to one against chance and against any other motion; other fields never came near it.
_ACCEPT_LOG_ODDS = 7.0
_ACCEPT_OVER_RIVAL = 7.0
_MIN_MATCHED_FRACTION = 0.5
_MIN_COMPLETE_FRACTION = 0.1
_MAX_RIVAL_FRACTION = 0.75
_SAME_TURN_RAD = 0.05


@dataclass(frozen=True)
class Identification:
    """The motion reference = matrix @ position + shift, and the images (n, 2) that it brings together.

    `log_odds` of the motion against a chance coincidence; `rival_matched` images are the most that a
    different motion brings together.
    """

    matrix: np.ndarray
    shift_px: np.ndarray
    n_matched: int
    rms_px: float
    mirrored: bool
    rotation_deg: float
    matched: np.ndarray
    log_odds: float
    rival_matched: int

    def to_reference(self, x_px: np.ndarray, y_px: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Positions (n,) of the subframe on the reference."""
        moved = self.matrix @ np.vstack([x_px, y_px]) + self.shift_px[:, None]
        return moved[0], moved[1]


def identify(
    x_px: np.ndarray,
    y_px: np.ndarray,
    flux: np.ndarray,
    reference_x_px: np.ndarray,
    reference_y_px: np.ndarray,
    reference_flux: np.ndarray,
    *,
    tolerance_px: float,
    max_images: int = 10,
    max_reference: int = 600,
    displacement: tuple[float, float] | None,
    allowed: Allowed = Allowed(),
) -> Identification | None:
    """The one motion that brings the images of a subframe (n,) onto those of a reference (m,), or None.

    Quads of the `max_images` brightest propose it, the forty brightest judge it. With the `displacement` (dx, dy) of
    the reference the lists hold both beams: a star that falls on another by chance brings both its images, so
    the second is no evidence; and one star at least must match with both images, or ordinary might be taken
    for extraordinary. With None each star is in the lists once. None is also the answer where fewer than three
    stars match, where chance could do the same, or where another motion does nearly as well.
    """
    sub = _brightest(x_px, y_px, flux, max(max_images, _MAX_VERIFIED))
    reference = _brightest(reference_x_px, reference_y_px, reference_flux, max_reference)
    least = _MIN_STARS if displacement is None else _MIN_STARS + 1
    if len(sub) < least or len(reference) < least:
        return None
    span_x, span_y = (float(np.ptp(part)) + tolerance_px for part in (reference.z.real, reference.z.imag))
    box = (
        complex(np.nanmin(x_px), np.nanmin(y_px)),
        complex(np.nanmax(x_px), np.nanmax(y_px)),
    )
    way = None if displacement is None else complex(*displacement)
    task = Task(sub, reference, box, span_x * span_y, tolerance_px, way, allowed)
    judged = (judge(motion, task) for motion in _proposals(task, max_images))
    verdicts = [verdict for verdict in judged if verdict is not None]
    if not verdicts:
        return None
    best = max(verdicts, key=lambda verdict: verdict.log_likelihood)
    rivals = [verdict for verdict in verdicts if not _same(verdict, best)]
    if not _holds(best, rivals, least) or (displacement is not None and not _beams_told_apart(best)):
        return None
    return _identification(best, max((rival.n_matched for rival in rivals), default=0), task)


def _brightest(x_px: np.ndarray, y_px: np.ndarray, flux: np.ndarray, n: int) -> Images:
    usable = np.nonzero(np.isfinite(x_px) & np.isfinite(y_px) & (flux > 0) & np.isfinite(flux))[0]
    index = usable[np.argsort(-flux[usable], kind="stable")][:n]
    return Images(x_px[index] + 1j * y_px[index], -2.5 * np.log10(flux[index]), index)


def _same(one: Verdict, other: Verdict) -> bool:
    """Whether two verdicts are versions of one motion: most of their matches are the same."""
    shared = int(((one.matched == other.matched) & (one.matched >= 0)).sum())
    return 2 * shared > min(one.n_matched, other.n_matched)


def _holds(best: Verdict, rivals: list[Verdict], least: int) -> bool:
    if best.n_matched < max(least, _MIN_MATCHED_FRACTION * best.n_possible):
        return False
    if best.n_stars < _MIN_STARS or best.log_odds < _ACCEPT_LOG_ODDS:
        return False
    return all(_beaten(rival, best) for rival in rivals)


def _beaten(rival: Verdict, best: Verdict) -> bool:
    if rival.n_matched >= best.n_matched:
        return False
    if best.log_likelihood - rival.log_likelihood < _ACCEPT_OVER_RIVAL:
        return False
    # Without a turn between them one of the two takes ordinary for extraordinary, which should halve the matches.
    upright = abs(best.motion.turn - rival.motion.turn) < _SAME_TURN_RAD
    return not upright or rival.n_matched <= _MAX_RIVAL_FRACTION * best.n_matched


def _beams_told_apart(best: Verdict) -> bool:
    """A star with both images in both frames leaves no doubt which is which; one in many may be chance."""
    return best.n_complete >= max(1.0, _MIN_COMPLETE_FRACTION * best.n_stars)


def _identification(best: Verdict, rival_matched: int, task: Task) -> Identification:
    turn, shift = best.motion.turn, best.motion.shift
    sign = -1.0 if best.motion.mirrored else 1.0
    hit = np.nonzero(best.matched >= 0)[0]
    return Identification(
        matrix=np.array([[turn.real, -sign * turn.imag], [turn.imag, sign * turn.real]]),
        shift_px=np.array([shift.real, shift.imag]),
        n_matched=best.n_matched,
        rms_px=best.rms_px,
        mirrored=best.motion.mirrored,
        rotation_deg=math.degrees(math.atan2(turn.imag, turn.real)),
        matched=np.column_stack([task.sub.index[hit], task.reference.index[best.matched[hit]]]),
        log_odds=best.log_odds,
        rival_matched=rival_matched,
    )


def _proposals(task: Task, max_images: int) -> list[Motion]:
    """Motions that bring a quad (of single stars: a triangle) and more near others, the best first."""
    sub, reference = task.sub, task.reference
    z_sub, mag = sub.z[:max_images], sub.mag[:max_images]
    mirrored_choices = (False, True) if task.allowed.mirror else (False,)
    near = _Neighbourhood(reference.z, 2.5 * task.tolerance_px)
    turns, shifts, mirrors, hits = [], [], [], []
    for mirrored in mirrored_choices:
        z = np.conj(z_sub) if mirrored else z_sub
        turn, shift = _motions_of_pairs(z, mag, reference, task)
        hit = near.of(turn[:, None] * z[None, :] + shift[:, None])
        turns.append(turn)
        shifts.append(shift)
        mirrors.append(np.full(len(turn), mirrored))
        hits.append(hit)
    turn, shift, mirror, hit = (np.concatenate(parts) for parts in (turns, shifts, mirrors, hits))
    count = (hit >= 0).sum(axis=1)
    good = count >= (_MIN_STARS if task.displacement_px is None else _MIN_STARS + 1)
    turn, shift, mirror, hit, count = turn[good], shift[good], mirror[good], hit[good], count[good]
    _, first = np.unique(np.column_stack([hit, mirror]), axis=0, return_index=True)
    order = first[np.argsort(-count[first], kind="stable")][:_MAX_JUDGED]
    return [Motion(complex(turn[k]), complex(shift[k]), bool(mirror[k])) for k in order]


def _motions_of_pairs(z: np.ndarray, mag: np.ndarray, reference: Images, task: Task) -> tuple[np.ndarray, np.ndarray]:
    """Rotations and shifts (k,) from every two images to every two of the reference that are as far apart."""
    slack_px = 1.5 * task.tolerance_px
    i, j = np.triu_indices(len(z), 1)
    way = z[j] - z[i]
    length = np.abs(way)
    k, m = np.triu_indices(min(len(reference), _MAX_PROPOSING), 1)
    reference_way = reference.z[m] - reference.z[k]
    reference_length = np.abs(reference_way)
    usable = reference_length <= length.max() + slack_px
    k, m, reference_way, reference_length = k[usable], m[usable], reference_way[usable], reference_length[usable]
    order = np.argsort(reference_length)
    low = np.searchsorted(reference_length[order], length - slack_px)
    high = np.searchsorted(reference_length[order], length + slack_px)
    # Long pairs fix the rotation best and, of the two beams, tell more than the displacement all stars share.
    turns, shifts, total = [], [], 0
    for pair in np.argsort(-length):
        if length[pair] < 4 * slack_px or total > _MAX_HYPOTHESES:
            continue
        alike = order[low[pair] : high[pair]]
        for a, b, sign in ((k[alike], m[alike], 1.0), (m[alike], k[alike], -1.0)):
            turn = sign * reference_way[alike] / way[pair]
            turn /= np.abs(turn)
            change = (reference.mag[b] - reference.mag[a]) - (mag[j[pair]] - mag[i[pair]])
            kept = task.allowed.holds(turn) & (np.abs(change) <= _MAX_MAG_CHANGE)
            turn, a, b = turn[kept], a[kept], b[kept]
            turns.append(turn)
            shifts.append((reference.z[a] + reference.z[b]) / 2 - turn * (z[i[pair]] + z[j[pair]]) / 2)
            total += len(turn)
    if not turns:
        return np.empty(0, complex), np.empty(0, complex)
    return np.concatenate(turns), np.concatenate(shifts)


class _Neighbourhood:
    """Which reference image is near a position: a raster in cells of half the reach, looked up at once."""

    def __init__(self, z: np.ndarray, reach_px: float) -> None:
        self.cell_px = reach_px / 2
        self.corner = complex(z.real.min(), z.imag.min()) - 4 * self.cell_px * (1 + 1j)
        columns, rows = self._cells(z)
        self.raster = np.full((rows.max() + 5, columns.max() + 5), -1, np.int16)
        steps = [(dx, dy) for dx in range(-2, 3) for dy in range(-2, 3) if dx * dx + dy * dy <= 5]
        for dx, dy in sorted(steps, key=lambda step: -(step[0] ** 2 + step[1] ** 2)):
            self.raster[rows[::-1] + dy, columns[::-1] + dx] = np.arange(len(z) - 1, -1, -1)

    def of(self, z: np.ndarray) -> np.ndarray:
        """For positions of any shape the reference image within about the reach, or -1."""
        columns, rows = self._cells(z)
        inside = (columns >= 0) & (columns < self.raster.shape[1]) & (rows >= 0) & (rows < self.raster.shape[0])
        found = self.raster[np.where(inside, rows, 0), np.where(inside, columns, 0)]
        return np.where(inside, found, -1)

    def _cells(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        place = (z - self.corner) / self.cell_px
        return np.floor(place.real).astype(int), np.floor(place.imag).astype(int)
