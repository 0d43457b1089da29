"""Solves a subframe of one to three stars: the target by what stands around it, or by its place on the frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from iop4cli.pipeline.astrometer import (
    BY_PLACE,
    TURN_SIGMAS,
    Astrometer,
    NotSolved,
    Solved,
    columns_of,
    ordinary_images,
    pairs_of,
)
from iop4cli.pipeline.solutions import wcs_of
from iop4cli.science.pairing import Pairing
from iop4cli.science.placing import Around, Placed, outstanding, place
from iop4cli.science.wcs import TanWcs

# An image as wide as the seeing is found from some six sky sigmas times its width in pixels on.
_CERTAIN_SIGMAS = 15.0


def by_place_in(astrometer: Astrometer, reference: Mapping[str, Any]) -> Solved:
    """The target and the stars around it, found again where a solved frame of the same night has them."""
    row, beams, target = reference["wcs"], astrometer.payload["beams"], astrometer.payload["target"]
    if target is None or row["frame"].rpartition("/")[0] != astrometer.payload["night"]:
        raise NotSolved(f"too few stars to be found in {reference['name']}, which is of another night")
    pairing = _certain(astrometer.pairing(row))
    x, y, flux = columns_of([star for star in reference["stars"] if star["beam"] == "O"])
    wcs = wcs_of(row)
    target_x, target_y = (float(part[0]) for part in wcs.to_pixel(np.array([target[0]]), np.array([target[1]])))
    away = np.hypot(x - target_x, y - target_y)
    if not len(x) or away.min() > max(2.0, astrometer.fwhm_px):
        raise NotSolved(f"the target is not among the pairs of {reference['name']}")
    own = int(away.argmin())
    others = np.delete(np.arange(len(x)), own)
    mirror = np.diag([1.0, -1.0 if beams["flipped"] != bool(row["flipped"]) else 1.0])
    # From where its coordinates put the target, which is surer than its image if that is faint.
    around = Around(
        x[others] - target_x, mirror[1, 1] * (y[others] - target_y), flux[others] / flux[own], 0.0,
        float(flux.min() / flux[own]),
    )  # fmt: skip
    exposures_s = astrometer.payload["exptime_s"], row["exptime_s"]
    expected_e = float(flux[own]) * exposures_s[0] / exposures_s[1] if all(exposures_s) else None
    placed = _placed(astrometer, pairing, around, expected_e)
    if placed is None:
        raise NotSolved(f"none of {len(pairing.ordinary)} pairs is sure to be the target of {reference['name']}")
    cd = np.array(wcs.cd) @ mirror
    method = "pairs" if placed.n_matched else BY_PLACE
    return _solved(astrometer, pairing, placed, cd, around, method, reference["name"])


def by_place(astrometer: Astrometer) -> Solved:
    """Without a solved frame of the field: calibrators around the target, its brightness, or that it is alone."""
    payload = astrometer.payload
    beams, target = payload["beams"], payload["target"]
    pairing = astrometer.pairing()
    if pairing is None or beams["angle_deg"] is None or target is None:
        raise NotSolved("the target cannot be told by its place")
    pairing = _certain(pairing)
    cd = _known_cd(beams, payload["hints"]["scale_arcsec_per_px"])
    about = TanWcs(tuple(target), (0.0, 0.0), pairs_of(cd))
    ra, dec = np.array(payload["calibrators"], float).reshape(-1, 2).T
    dx, dy = about.to_pixel(ra, dec)
    around = Around(dx, dy, np.full(len(dx), np.nan), np.radians(TURN_SIGMAS * beams["angle_err_deg"]))
    placed = _placed(astrometer, pairing, around)
    alone = len(pairing.ordinary) == 1 and not len(pairing.lone_ordinary) and not len(pairing.ambiguous)
    if placed is not None and not placed.n_matched and not alone:
        placed = None
    if placed is None and payload["standard"]:
        placed = _standing_out(astrometer, pairing)
    if placed is None:
        raise NotSolved(f"{len(pairing.ordinary)} pairs, of which none is sure to be the target's")
    return _solved(astrometer, pairing, placed, cd, around, BY_PLACE, None)


def _certain(pairing: Pairing | None) -> Pairing:
    if pairing is None or not len(pairing.ordinary):
        raise NotSolved("no pairs of images")
    return pairing


def _middle(astrometer: Astrometer, pairing: Pairing) -> tuple[float, float]:
    """Where the ordinary image of a star is whose two images lie about the middle of the frame."""
    height, width = astrometer.shape
    way = pairing.displacement
    return (width - 1 - way.dx_px) / 2, (height - 1 - way.dy_px) / 2


def _placed(
    astrometer: Astrometer, pairing: Pairing, around: Around, expected_flux_e: float | None = None
) -> Placed | None:
    stars, use = astrometer.stars, ordinary_images(pairing)
    return place(
        stars.x_px[use], stars.y_px[use], stars.flux_e[use], around, shape=astrometer.shape,
        middle_px=_middle(astrometer, pairing), tolerance_px=max(2.0, 0.4 * astrometer.fwhm_px),
        limit_flux=_CERTAIN_SIGMAS * stars.sky_rms_e * astrometer.fwhm_px,
        expected_flux=expected_flux_e,
    )  # fmt: skip


def _standing_out(astrometer: Astrometer, pairing: Pairing) -> Placed | None:
    """A pair near the middle whose ordinary image outshines all other images but its partner."""
    stars, use = astrometer.stars, ordinary_images(pairing)
    brightest = pairing.ordinary[np.argmax(stars.flux_e[pairing.ordinary])]
    partner = pairing.extraordinary[pairing.ordinary == brightest][0]
    images = np.delete(np.arange(len(stars)), partner)
    found = outstanding(
        stars.x_px[images], stars.y_px[images], stars.flux_e[images], shape=astrometer.shape,
        middle_px=_middle(astrometer, pairing),
    )  # fmt: skip
    if found is None or images[found] != brightest:
        return None
    return Placed(int(np.nonzero(use == brightest)[0][0]), np.empty(0, int))


def _solved(
    astrometer: Astrometer,
    pairing: Pairing,
    placed: Placed,
    cd: np.ndarray,
    around: Around,
    method: str,
    reference: str | None,
) -> Solved:
    """The plate with the known matrix, turned as its stars say, through the target."""
    stars, use = astrometer.stars, ordinary_images(pairing)
    x, y = stars.x_px[use], stars.y_px[use]
    target_x, target_y = float(x[placed.target]), float(y[placed.target])
    hit = placed.matched >= 0
    rms_arcsec = None
    if hit.any():
        expected = around.dx_px[hit] + 1j * around.dy_px[hit]
        seen = (x[placed.matched[hit]] - target_x) + 1j * (y[placed.matched[hit]] - target_y)
        turn = np.vdot(expected, seen)
        turn = turn / abs(turn) if around.turn_err_rad else 1.0
        residual = np.append(seen - turn * expected, 0.0)
        weight = astrometer.weight()[use][np.append(placed.matched[hit], placed.target)]
        shift = complex(np.average(residual, weights=weight))
        target_x, target_y = target_x + shift.real, target_y + shift.imag
        # A sky position at the offset d of before is at turn * d now.
        cd = cd @ np.array([[turn.real, turn.imag], [-turn.imag, turn.real]])
        scale_arcsec = 3600.0 * float(np.sqrt(abs(np.linalg.det(cd))))
        rms_arcsec = float(np.sqrt(np.average(np.abs(residual - shift) ** 2, weights=weight))) * scale_arcsec
    wcs = TanWcs(tuple(astrometer.payload["target"]), (target_x, target_y), pairs_of(cd))
    return Solved(wcs, method, reference, 1 + placed.n_matched, rms_arcsec, pairing=pairing)


def _known_cd(beams: Mapping[str, Any], scale_arcsec_per_px: float) -> np.ndarray:
    """+y points to the position angle, and +x a quarter turn west of it: the sky as seen, not mirrored."""
    angle = np.radians(beams["angle_deg"])
    cd = scale_arcsec_per_px / 3600.0 * np.array([[-np.cos(angle), np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if beams["flipped"]:
        cd[:, 1] *= -1.0
    return cd
