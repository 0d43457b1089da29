"""Fluxes of a group's stars, exposure by exposure, from the rows of `aperture` and `field_star`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from iop4cli.frames.quality import Quality
from iop4cli.science.stokes import distinct_angles

# So many exposures must remain if one that was hit is to be left out: fewer lose more than a mended flux is worse.
_ENOUGH_EXPOSURES = 5


@dataclass(frozen=True)
class Fluxes:
    """One star over n exposures: flux and error (electrons a second, NaN where not usable), all bits together.

    `hit` (n,) says in which a cosmic ray was mended.
    """

    flux: np.ndarray
    error: np.ndarray
    bits: int
    radius_px: float
    hit: np.ndarray

    @property
    def usable(self) -> np.ndarray:
        return np.isfinite(self.flux) & np.isfinite(self.error)

    def plus(self, other: Fluxes) -> Fluxes:
        """Both together, where both are usable."""
        return Fluxes(
            self.flux + other.flux, np.hypot(self.error, other.error), self.bits | other.bits, self.radius_px,
            self.hit | other.hit,
        )  # fmt: skip

    def without(self, left_out: np.ndarray) -> Fluxes:
        """Some exposures (n,) bool not usable."""
        return replace(self, flux=np.where(left_out, np.nan, self.flux), error=np.where(left_out, np.nan, self.error))


def over_exposures(rows: Sequence[Mapping[str, Any]], frames: Sequence[Mapping[str, Any]], unfit: int) -> Fluxes:
    """The rows of one star (and one beam) in the order of the frames; a row with an unfit bit is not usable."""
    by_frame = {row["frame"]: row for row in rows}
    flux, error = np.full(len(frames), np.nan), np.full(len(frames), np.nan)
    hit = np.zeros(len(frames), bool)
    bits = 0
    for i, frame in enumerate(frames):
        row = by_frame.get(frame["name"])
        if row is None:
            continue
        bits |= row["bits"]
        hit[i] = bool(row["bits"] & Quality.COSMIC_RAY)
        if not row["bits"] & unfit and row["flux_e"] is not None and row["flux_err_e"] is not None:
            flux[i], error[i] = row["flux_e"] / frame["exptime_s"], row["flux_err_e"] / frame["exptime_s"]
    radius_px = rows[0].get("radius_px") if rows else None
    return Fluxes(flux, error, bits, math.nan if radius_px is None else float(radius_px), hit)


def spared(beams: Sequence[Fluxes], angles_deg: np.ndarray, period_deg: float) -> tuple[Fluxes, ...]:
    """The fluxes of a star without the exposures that a cosmic ray hit in any beam, if the others are enough.

    Enough are five exposures at all of its angles: then leaving one out costs less than a tenth of the error, and
    nothing of a hit can be left in the result. Of four angles it would cost 1.7 times the error, where a mended flux
    (science/cosmics.py) is within 0.6 sigma of what it was: there the mended flux stays, with its larger error.
    """
    usable = np.all([beam.usable for beam in beams], axis=0)
    hit = np.any([beam.hit for beam in beams], axis=0)
    rest = usable & ~hit
    if not (usable & hit).any() or rest.sum() < _ENOUGH_EXPOSURES:
        return tuple(beams)
    if len(distinct_angles(angles_deg[rest], period_deg)) < len(distinct_angles(angles_deg[usable], period_deg)):
        return tuple(beams)
    return tuple(beam.without(hit) for beam in beams)
