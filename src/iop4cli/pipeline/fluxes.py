"""Fluxes of a group's stars, exposure by exposure, from the rows of `aperture` and `field_star`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Fluxes:
    """One star over n exposures: flux and error (electrons a second, NaN where not usable), all bits together."""

    flux: np.ndarray
    error: np.ndarray
    bits: int
    radius_px: float

    @property
    def usable(self) -> np.ndarray:
        return np.isfinite(self.flux) & np.isfinite(self.error)

    def plus(self, other: Fluxes) -> Fluxes:
        """Both together, where both are usable."""
        return Fluxes(
            self.flux + other.flux, np.hypot(self.error, other.error), self.bits | other.bits, self.radius_px
        )  # fmt: skip


def over_exposures(rows: Sequence[Mapping[str, Any]], frames: Sequence[Mapping[str, Any]], unfit: int) -> Fluxes:
    """The rows of one star (and one beam) in the order of the frames; a row with an unfit bit is not usable."""
    by_frame = {row["frame"]: row for row in rows}
    flux, error = np.full(len(frames), np.nan), np.full(len(frames), np.nan)
    bits = 0
    for i, frame in enumerate(frames):
        row = by_frame.get(frame["name"])
        if row is None:
            continue
        bits |= row["bits"]
        if not row["bits"] & unfit and row["flux_e"] is not None and row["flux_err_e"] is not None:
            flux[i], error[i] = row["flux_e"] / frame["exptime_s"], row["flux_err_e"] / frame["exptime_s"]
    radius_px = rows[0].get("radius_px") if rows else None
    return Fluxes(flux, error, bits, math.nan if radius_px is None else float(radius_px))
