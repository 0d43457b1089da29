"""From star positions to a world coordinate system: quads of astrometry.net, then a fit to all matched stars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from iop4cli.science.wcs import TanWcs, from_plane, separation_deg, to_plane

if TYPE_CHECKING:
    from iop4cli.science.weighing import Known

# e**21 is the odds of 10**9 at which astrometry.net itself accepts.
_ACCEPT_LOGODDS = 21.0
_SURE_LOGODDS = 60.0
# Below that, a match is a proposal to be weighed with all its stars and the target.
_PROPOSED_LOGODDS = 2.0
_MAX_PROPOSALS = 20
_AFFINE_STARS = 6
_NOWHERE_PX = 1e9


@dataclass(frozen=True)
class Hints:
    """What is known before: scale in arcsec a pixel +- a fraction, centre and radius in degrees (None: anywhere)."""

    scale_arcsec_per_px: float
    scale_tolerance: float
    ra_deg: float | None
    dec_deg: float | None
    radius_deg: float | None


@dataclass(frozen=True)
class Solution:
    """A solved frame; `reference_ra_deg, reference_dec_deg` (m,) are the index stars in the field.

    `matched` (n,) holds for each detection the index of its reference star, or -1.
    """

    wcs: TanWcs
    logodds: float
    n_matched: int
    rms_arcsec: float
    reference_ra_deg: np.ndarray
    reference_dec_deg: np.ndarray
    matched: np.ndarray
    index_name: str


def solve_blind(
    solver: Any,
    x_px: np.ndarray,
    y_px: np.ndarray,
    hints: Hints,
    fwhm_px: float,
    n_quad_stars: int,
    known: Known | None = None,
    weight: np.ndarray | None = None,
) -> Solution | None:
    """Match quads of the brightest stars (n,) (pixels from 0, brightest first) with the solver's index files.

    A match counts only with its log-odds above 21, its scale and centre within the hints, and a fit to the
    matched stars that holds. Below 21, which leaves the quad itself out, it counts if the target has an image,
    the catalogue's other sources and the angle agree (`known`), and its log-odds with all stars are above 14:
    a field of five stars reaches no more. `weight` (n,) is that of the positions in the fit. `solver` is an
    astrometry.Solver; it wants pixels from 1 and float thresholds.
    """
    import astrometry

    from iop4cli.science.weighing import borne_out

    stars = np.column_stack([x_px[:n_quad_stars], y_px[:n_quad_stars]]) + 1.0
    tolerance = hints.scale_tolerance
    size = astrometry.SizeHint(hints.scale_arcsec_per_px * (1 - tolerance), hints.scale_arcsec_per_px * (1 + tolerance))
    position = None
    if hints.ra_deg is not None and hints.dec_deg is not None and hints.radius_deg is not None:
        position = astrometry.PositionHint(hints.ra_deg % 360.0, hints.dec_deg, hints.radius_deg)
    parameters = astrometry.SolutionParameters(
        sip_order=0,
        tune_up_logodds_threshold=None,
        positional_noise_pixels=max(0.5, 0.25 * fwhm_px),
        output_logodds_threshold=_ACCEPT_LOGODDS if known is None else _PROPOSED_LOGODDS,
        logodds_callback=lambda odds: (
            astrometry.Action.STOP if odds[0] >= _SURE_LOGODDS else astrometry.Action.CONTINUE
        ),
    )
    answer = solver.solve(stars, size, position, parameters)
    for match in answer.matches[:_MAX_PROPOSALS]:
        solution = _refined(match, x_px, y_px, fwhm_px, weight)
        if solution is None or not _within(solution, hints, x_px, y_px):
            continue
        if solution.logodds >= _ACCEPT_LOGODDS:
            return solution
        if known is not None and borne_out(solution, known, hints, x_px, y_px, fwhm_px):
            return solution
    return None


def _refined(
    match: Any, x_px: np.ndarray, y_px: np.ndarray, fwhm_px: float, weight: np.ndarray | None
) -> Solution | None:
    fields = {name: value[0] for name, value in match.wcs_fields.items()}
    first = TanWcs(
        (float(fields["CRVAL1"]), float(fields["CRVAL2"])),
        (float(fields["CRPIX1"]) - 1.0, float(fields["CRPIX2"]) - 1.0),
        (
            (float(fields["CD1_1"]), float(fields["CD1_2"])),
            (float(fields["CD2_1"]), float(fields["CD2_2"])),
        ),
    )
    ra = np.array([star.ra_deg for star in match.stars])
    dec = np.array([star.dec_deg for star in match.stars])
    fitted = refine(first, x_px, y_px, ra, dec, fwhm_px, weight)
    if fitted is None:
        return None
    wcs, matched, rms_arcsec = fitted
    return Solution(
        wcs,
        float(match.logodds),
        int((matched >= 0).sum()),
        rms_arcsec,
        ra,
        dec,
        matched,
        match.index_path.name,
    )


def _within(solution: Solution, hints: Hints, x_px: np.ndarray, y_px: np.ndarray) -> bool:
    ratio = solution.wcs.scale_arcsec_per_px / hints.scale_arcsec_per_px
    if abs(ratio - 1.0) > hints.scale_tolerance:
        return False
    if hints.ra_deg is None or hints.dec_deg is None or hints.radius_deg is None:
        return True
    ra, dec = solution.wcs.to_sky(np.array([np.mean(x_px)]), np.array([np.mean(y_px)]))
    return bool(separation_deg(ra, dec, hints.ra_deg, hints.dec_deg)[0] <= hints.radius_deg)


def refine(
    first: TanWcs,
    x_px: np.ndarray,
    y_px: np.ndarray,
    ra_deg: np.ndarray,
    dec_deg: np.ndarray,
    fwhm_px: float,
    weight: np.ndarray | None = None,
) -> tuple[TanWcs, np.ndarray, float] | None:
    """Fit all stars that match: (wcs, for each detection (n,) its reference star or -1, weighted rms in arcsec).

    Three rounds with a shrinking reach. Six stars and more fit a full linear plate, fewer (at least three) a
    rotation, scale and shift.
    """
    wcs = first
    reaches_px = (max(4.0, 1.5 * fwhm_px), max(2.0, fwhm_px), max(1.5, 0.75 * fwhm_px))
    matched = np.full(len(x_px), -1)
    weight = np.ones(len(x_px)) if weight is None else weight
    for reach_px in reaches_px:
        matched = match_nearest(x_px, y_px, *wcs.to_pixel(ra_deg, dec_deg), reach_px)
        used = matched >= 0
        if used.sum() < 3:
            return None
        wcs = fit_plate(x_px[used], y_px[used], ra_deg[matched[used]], dec_deg[matched[used]], wcs, weight[used])
    used = matched >= 0
    px, py = wcs.to_pixel(ra_deg[matched[used]], dec_deg[matched[used]])
    residual_px = np.hypot(px - x_px[used], py - y_px[used])
    rms_arcsec = float(np.sqrt(np.average(residual_px**2, weights=weight[used]))) * wcs.scale_arcsec_per_px
    return wcs, matched, rms_arcsec


def match_nearest(
    x_px: np.ndarray,
    y_px: np.ndarray,
    reference_x_px: np.ndarray,
    reference_y_px: np.ndarray,
    reach_px: float,
) -> np.ndarray:
    """For each position (n,) the index of the reference position (m,) if each is the other's nearest, else -1."""
    if len(x_px) == 0 or len(reference_x_px) == 0:
        return np.full(len(x_px), -1)
    from scipy.spatial import KDTree

    known = np.isfinite(reference_x_px) & np.isfinite(reference_y_px)
    # What has no position is far from all that have one.
    theirs = np.where(known[:, None], np.column_stack([reference_x_px, reference_y_px]), _NOWHERE_PX)
    ours = np.column_stack([x_px, y_px])
    away, nearest = KDTree(theirs).query(ours)
    _, back = KDTree(ours).query(theirs)
    mutual = back[nearest] == np.arange(len(ours))
    return np.where(mutual & (away <= reach_px), nearest, -1)


def fit_plate(
    x_px: np.ndarray,
    y_px: np.ndarray,
    ra_deg: np.ndarray,
    dec_deg: np.ndarray,
    start: TanWcs,
    position_weight: np.ndarray | None = None,
    affine_from: int = _AFFINE_STARS,
) -> TanWcs:
    """Robust least squares of matched stars (n,) about the middle of the stars; at least two are needed.

    `position_weight` (n,) is the inverse variance of their positions, in any unit. Fewer than `affine_from` stars fit
    a rotation, scale and shift, more a full linear plate.
    """
    known = np.ones(len(x_px)) if position_weight is None else position_weight
    middle_x, middle_y = float(np.mean(x_px)), float(np.mean(y_px))
    ra0, dec0 = (float(value[0]) for value in start.to_sky(np.array([middle_x]), np.array([middle_y])))
    xi, eta = to_plane(ra_deg, dec_deg, ra0, dec0)
    dx, dy = x_px - middle_x, y_px - middle_y
    weight = known
    affine = len(dx) >= affine_from
    sign = 1.0 if start.mirrored else -1.0
    for _ in range(4):
        if affine:
            cd, shift = _affine(dx, dy, xi, eta, weight)
        else:
            cd, shift = _similarity(dx, dy, xi, eta, weight, sign)
        model = cd @ np.vstack([dx, dy]) + shift[:, None]
        residual = np.hypot(model[0] - xi, model[1] - eta) * np.sqrt(known)
        scale = max(1.4826 * float(np.median(residual)), 1e-9)
        weight = known / (1.0 + (residual / (2.5 * scale)) ** 2)
    # The shift moves the reference point on the sky, so that the reference pixel stays the stars' middle.
    new_ra, new_dec = from_plane(np.array([shift[0]]), np.array([shift[1]]), ra0, dec0)
    rotated = _turn_to(cd, ra0, dec0, float(new_ra[0]), float(new_dec[0]))
    return TanWcs((float(new_ra[0]), float(new_dec[0])), (middle_x, middle_y), rotated)


def _affine(
    dx: np.ndarray, dy: np.ndarray, xi: np.ndarray, eta: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    design = np.column_stack([dx, dy, np.ones_like(dx)]) * np.sqrt(weight)[:, None]
    target = np.column_stack([xi, eta]) * np.sqrt(weight)[:, None]
    fit = np.linalg.lstsq(design, target, rcond=None)[0]
    return fit[:2].T, fit[2]


def _similarity(
    dx: np.ndarray, dy: np.ndarray, xi: np.ndarray, eta: np.ndarray, weight: np.ndarray, sign: float
) -> tuple[np.ndarray, np.ndarray]:
    """xi = a dx - s b dy + c, eta = b dx + s a dy + d, with s = -1 for the usual (not mirrored) sky."""
    zero, one = np.zeros_like(dx), np.ones_like(dx)
    design = np.vstack([np.column_stack([dx, -sign * dy, one, zero]), np.column_stack([sign * dy, dx, zero, one])])
    root = np.sqrt(np.concatenate([weight, weight]))
    a, b, c, d = np.linalg.lstsq(design * root[:, None], np.concatenate([xi, eta]) * root, rcond=None)[0]
    return np.array([[a, -sign * b], [b, sign * a]]), np.array([c, d])


def _turn_to(
    cd: np.ndarray, ra0: float, dec0: float, ra1: float, dec1: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    """The matrix about a new tangent point: small steps along the old axes, seen from the new point."""
    step_deg = 1e-4
    columns = []
    offset = to_plane(np.array([ra1]), np.array([dec1]), ra0, dec0)
    for axis in range(2):
        direction = cd[:, axis] / np.hypot(*cd[:, axis])
        ra, dec = from_plane(offset[0] + direction[0] * step_deg, offset[1] + direction[1] * step_deg, ra0, dec0)
        xi, eta = to_plane(ra, dec, ra1, dec1)
        columns.append(np.array([xi[0], eta[0]]) / step_deg * np.hypot(*cd[:, axis]))
    return (float(columns[0][0]), float(columns[1][0])), (float(columns[0][1]), float(columns[1][1]))


def track(
    x_px: np.ndarray,
    y_px: np.ndarray,
    reference_x_px: np.ndarray,
    reference_y_px: np.ndarray,
    reach_px: float,
    tolerance_px: float,
    min_matched: int,
) -> tuple[np.ndarray, int] | None:
    """The shift (dx, dy) from a solved frame's stars (m,) to this one's (n,) of the same image angle.

    The shift is the one that most pairs of stars agree on within `tolerance_px`, at most `reach_px` long. It
    counts only if at least `min_matched` stars agree and no other shift has more than half as many; returns
    None otherwise, for an honest "not solved" beats a wrong one.
    """  # fmt: skip
    dx = (x_px[:, None] - reference_x_px[None, :]).ravel()
    dy = (y_px[:, None] - reference_y_px[None, :]).ravel()
    near = np.hypot(dx, dy) <= reach_px
    dx, dy = dx[near], dy[near]
    if len(dx) == 0:
        return None
    votes = (np.hypot(dx[:, None] - dx[None, :], dy[:, None] - dy[None, :]) <= tolerance_px).sum(axis=1)
    best = int(votes.argmax())
    members = np.hypot(dx - dx[best], dy - dy[best]) <= tolerance_px
    shift = np.array([np.median(dx[members]), np.median(dy[members])])
    apart = np.hypot(dx - shift[0], dy - shift[1]) > 3 * tolerance_px
    rival = int(votes[apart].max()) if apart.any() else 0
    n_matched = int(members.sum())
    if n_matched < min_matched or rival > n_matched / 2:
        return None
    return shift, n_matched
