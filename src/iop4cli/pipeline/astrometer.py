"""Solves one frame for the step solve: by index files, by a solved frame of the field, or by its only pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from iop4cli.pipeline.solutions import moved, wcs_of
from iop4cli.science.detection import Detections
from iop4cli.science.motions import Allowed
from iop4cli.science.pairing import Pairing, find_displacement, pair, position_weight
from iop4cli.science.quads import Identification, identify
from iop4cli.science.solving import Hints, Solution, fit_plate, match_nearest, solve_blind, track
from iop4cli.science.wcs import TanWcs
from iop4cli.science.weighing import Known

_BRIGHTEST_TRACKED = 40
_SCALE_CHANGE = 0.01
# The reference has told the shape of the plate; the two images of a few stars would only spoil it.
_AFFINE_IMAGES = 40
# An image as near as this to the edge, in its widths, weighs so little.
_CUT_FWHM = 1.5
_CUT_WEIGHT = 1e-4
# How far the displacement changes between two frames of a camera, for flexure and colour.
_STEADY_PX = 1.0
# How far two images of one camera may be turned against each other, in errors of its known angle.
TURN_SIGMAS = 5.0

# The method of a solution that rests on where the target is on the frame.
BY_PLACE = "central pair"


class NotSolved(Exception):
    """Why this way did not lead to a solution."""


@dataclass(frozen=True)
class Solved:
    """A frame's coordinates (of the ordinary beam), how they were found, and where the other beam is."""

    wcs: TanWcs
    method: str
    reference: str | None
    n_matched: int
    rms_arcsec: float | None
    logodds: float | None = None
    solution: Solution | None = None
    pairing: Pairing | None = None


@dataclass(frozen=True)
class Astrometer:
    """The stars of one frame (height, width) and what is known of it: the payload of the step solve."""

    stars: Detections
    shape: tuple[int, int]
    payload: Mapping[str, Any]

    @property
    def fwhm_px(self) -> float:
        return self.stars.typical_fwhm_px or 3.0

    @property
    def _reach_px(self) -> float:
        """How far the stars may have moved; with two beams less than would bring one image onto the other."""
        beams = self.payload["beams"]
        return 0.5 * min(self.shape) if beams is None else 0.4 * float(np.hypot(*beams["known"]))

    def pairing(self, reference: Mapping[str, Any] | None = None) -> Pairing | None:
        """Ordinary and extraordinary images, for a camera that has both; NotSolved if they cannot be told apart.

        Few stars pair with certainty only where their displacement is known well: as a solved reference has it.
        """
        beams, stars = self.payload["beams"], self.stars
        if beams is None:
            return None
        tolerance_px = max(2.0, 0.5 * self.fwhm_px)
        known, spread = tuple(beams["known"]), tuple(beams["spread"])
        if reference is not None and reference["way_x_px"] is not None:
            mirrored = beams["flipped"] != bool(reference["flipped"])
            known = (reference["way_x_px"], reference["way_y_px"] * (-1.0 if mirrored else 1.0))
            spread = (_STEADY_PX, _STEADY_PX)
        displacement = find_displacement(
            stars.x_px, stars.y_px, stars.flux_e, shape=self.shape, known=known, spread=spread,
            tolerance_px=tolerance_px,
        )  # fmt: skip
        if displacement is None:
            raise NotSolved(
                f"{len(stars)} images found, but no pairs of ordinary and extraordinary ones near the displacement "
                f"({known[0]:+.0f}, {known[1]:+.0f}) px"
            )
        return pair(
            stars.x_px, stars.y_px, stars.flux_e, displacement, shape=self.shape, tolerance_px=tolerance_px
        )  # fmt: skip

    def by_index(self) -> Solved:
        """Quads of astrometry.net; with two beams, of the ordinary images alone."""
        stars, params = self.stars, self.payload["params"]
        if not self.payload["index_files"]:
            raise NotSolved(self.payload["no_index"])
        pairing = self.pairing()
        use = np.arange(len(stars)) if pairing is None else ordinary_images(pairing)
        what = "stars" if pairing is None else "pairs of images"
        if len(use) < params["min_matched"]:
            raise NotSolved(
                f"{len(use)} {what} found, {params['min_matched']} needed "
                f"(sky {stars.sky_e:.0f} +- {stars.sky_rms_e:.1f} e-): clouds, out of focus, or too small a field?"
            )
        hints = Hints(**self.payload["hints"])
        solver = _solver(tuple(self.payload["index_files"]))
        found = solve_blind(
            solver, stars.x_px[use], stars.y_px[use], hints, self.fwhm_px, params["max_stars"], self._known(),
            self.weight()[use],
        )  # fmt: skip
        if found is None or found.n_matched < params["min_matched"]:
            where = f"{hints.radius_deg:.2f} deg of the pointing" if hints.radius_deg else "the whole sky"
            raise NotSolved(
                f"{len(use)} {what} found, but they match no index file within {where} "
                f"at {hints.scale_arcsec_per_px:.3f} arcsec/px"
            )
        matched = np.full(len(stars), -1)
        matched[use] = found.matched
        solution = replace(found, matched=matched)
        return Solved(
            found.wcs, "index", found.index_name, found.n_matched, found.rms_arcsec, found.logodds, solution, pairing
        )  # fmt: skip

    def weight(self) -> np.ndarray:
        """How well each image (n,) is placed; one that the frame's edge cuts is not where the star is."""
        stars, (height, width) = self.stars, self.shape
        inside_px = np.minimum.reduce([stars.x_px, stars.y_px, width - 1 - stars.x_px, height - 1 - stars.y_px])
        uncut = np.where(inside_px < _CUT_FWHM * self.fwhm_px, _CUT_WEIGHT, 1.0)
        return position_weight(stars.flux_e, stars.flux_e.min(initial=np.inf)) * uncut

    def _known(self) -> Known | None:
        """What the catalogue and the camera say of a right solution; None without a target."""
        beams, target = self.payload["beams"], self.payload["target"]
        if target is None:
            return None
        ra, dec = np.array([target, *self.payload["calibrators"]], float).T
        if beams is None or beams["angle_deg"] is None:
            return Known(ra, dec, self.shape)
        # With the rows in reverse +y points the other way, and east is to the right of north.
        angle_deg = beams["angle_deg"] + (180.0 if beams["flipped"] else 0.0)
        return Known(ra, dec, self.shape, angle_deg, TURN_SIGMAS * beams["angle_err_deg"], beams["flipped"])

    def by_shift(self, reference: Mapping[str, Any]) -> Solved:
        """The stars of a solved frame with the same image angle, moved: at least three in common, and no second
        shift that would do as well."""
        stars, params = self.stars, self.payload["params"]
        wcs = wcs_of(reference["wcs"])
        known_x, known_y, known_flux = columns_of(reference["stars"])
        if not len(stars) or not len(known_x):
            raise NotSolved(f"no stars in common with {reference['name']}")
        found = track(
            stars.x_px[:_BRIGHTEST_TRACKED], stars.y_px[:_BRIGHTEST_TRACKED], known_x, known_y, self._reach_px,
            max(1.5, 0.5 * self.fwhm_px), params["track_min_matched"],
        )  # fmt: skip
        if found is None:
            raise NotSolved(f"no match with {reference['name']} either")
        shift, _ = found
        start = moved(wcs, shift[0], shift[1])
        matched = match_nearest(stars.x_px, stars.y_px, known_x + shift[0], known_y + shift[1], max(2.0, self.fwhm_px))
        sky = wcs.to_sky(known_x, known_y)
        # What hangs on a frame whose target was told by its place is told by its place.
        method = BY_PLACE if reference["wcs"]["method"] == BY_PLACE else "track"
        solved = self._fitted(start, sky, matched, method, reference, params["track_min_matched"], known_flux)
        return replace(solved, pairing=self.pairing(reference["wcs"]))

    def by_quads(self, reference: Mapping[str, Any], *, ordinary: bool = False) -> Solved:
        """The brightest images, of both beams or the ordinary one, found again in a solved frame of the field.

        What the reference's ordinary coordinates say of an extraordinary image is off by the displacement, in
        both frames alike: such images fit the plate as well as ordinary ones.
        """
        stars, row, beams = self.stars, reference["wcs"], self.payload["beams"]
        pairing = self.pairing(row)
        wcs = wcs_of(row)
        known_x, known_y, known_flux = columns_of(
            [star for star in reference["stars"] if not ordinary or star["beam"] == "O"]
        )
        use = ordinary_images(pairing) if ordinary and pairing is not None else np.arange(len(stars))
        # A frame with its rows in reverse is looked at as if they were not.
        mirror = np.diag([1.0, -1.0 if beams["flipped"] != bool(row["flipped"]) else 1.0])
        turn = None if beams["angle_err_deg"] is None else TURN_SIGMAS * beams["angle_err_deg"]
        found: Identification | None = identify(
            stars.x_px[use], mirror[1, 1] * stars.y_px[use], stars.flux_e[use], known_x, known_y, known_flux,
            tolerance_px=max(1.5, 0.4 * self.fwhm_px),
            displacement=None if ordinary or row["way_x_px"] is None else (row["way_x_px"], row["way_y_px"]),
            allowed=Allowed(turn, half_turn=False),
        )  # fmt: skip
        if found is None:
            raise NotSolved(f"its images are not certain to be among those of {reference['name']}")
        # reference = matrix @ position + shift: what holds there is seen through it from here.
        matrix = found.matrix @ mirror
        corner = np.linalg.solve(matrix, np.array(wcs.crpix_px) - found.shift_px)
        start = TanWcs(wcs.crval_deg, (float(corner[0]), float(corner[1])), pairs_of(np.array(wcs.cd) @ matrix))
        on_x, on_y = found.to_reference(stars.x_px, mirror[1, 1] * stars.y_px)
        matched = np.full(len(stars), -1)
        matched[use] = match_nearest(on_x[use], on_y[use], known_x, known_y, max(2.0, self.fwhm_px))
        solved = self._fitted(start, wcs.to_sky(known_x, known_y), matched, "quads", reference, 3, known_flux)
        return replace(solved, logodds=found.log_odds, pairing=pairing)

    def _fitted(
        self,
        start: TanWcs,
        sky: tuple[np.ndarray, np.ndarray],
        matched: np.ndarray,
        method: str,
        reference: Mapping[str, Any],
        least: int,
        known_flux: np.ndarray,
    ) -> Solved:
        """The plate through the stars (n,) that match reference stars (m,) with known sky positions."""
        stars, used, name = self.stars, matched >= 0, reference["name"]
        if used.sum() < least:
            raise NotSolved(f"only {int(used.sum())} stars in common with {name}")
        ra, dec = sky[0][matched[used]], sky[1][matched[used]]
        here = self.weight()[used]
        there = position_weight(known_flux[matched[used]], known_flux.min())
        weight = 1.0 / (1.0 / here + 1.0 / there)
        wcs = fit_plate(stars.x_px[used], stars.y_px[used], ra, dec, start, weight, _AFFINE_IMAGES)
        if abs(wcs.scale_arcsec_per_px / start.scale_arcsec_per_px - 1) > _SCALE_CHANGE:
            raise NotSolved(f"the match with {name} would change the scale")
        px, py = wcs.to_pixel(ra, dec)
        off_px = np.hypot(px - stars.x_px[used], py - stars.y_px[used])
        rms_px = float(np.sqrt(np.average(off_px**2, weights=weight)))
        return Solved(wcs, method, name, int(used.sum()), rms_px * wcs.scale_arcsec_per_px)


def ordinary_images(pairing: Pairing) -> np.ndarray:
    """The ordinary images, brightest first as the detections are."""
    return np.sort(np.concatenate([pairing.ordinary, pairing.lone_ordinary]).astype(int))


def columns_of(rows: Sequence[Mapping[str, Any]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x, y, flux = (np.array([row[name] for row in rows], float) for name in ("x_px", "y_px", "flux_e"))
    return x, y, flux


def pairs_of(cd: np.ndarray) -> tuple[tuple[float, float], tuple[float, float]]:
    return (float(cd[0, 0]), float(cd[0, 1])), (float(cd[1, 0]), float(cd[1, 1]))


@lru_cache(maxsize=8)
def _solver(paths: tuple[str, ...]) -> Any:
    import astrometry

    return astrometry.Solver([Path(path) for path in paths])
