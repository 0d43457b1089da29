"""A measurement as a function of the radius of its aperture, from the circles in the rows of `aperture`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from iop4cli.pipeline.growth import curve_of
from iop4cli.pipeline.measurements import UNUSABLE
from iop4cli.science.nested import Circles, magnitude_change, unstable

if TYPE_CHECKING:
    from iop4cli.science.stokes import StokesFit

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Sweep:
    """At each radius (n,): change of the magnitude from the aperture in use (column `used`), and its error.

    In polarimetry also the fits, with the errors of the change of q and u. The errors of changes are small, for
    nested circles have most of their noise in common.
    """

    radius_px: np.ndarray
    used: int
    mag_change: np.ndarray
    mag_change_err: np.ndarray
    fits: tuple[StokesFit | None, ...] = ()
    q_change_err: np.ndarray | None = None
    u_change_err: np.ndarray | None = None

    def magnitude_is_unstable(self, mag_err: float) -> bool:
        return unstable(self.mag_change[None], self.mag_change_err[None], np.array([mag_err]))

    def polarisation_is_unstable(self, q_err: float, u_err: float) -> bool:
        first = self.fits[self.used] if self.fits else None
        if first is None or self.q_change_err is None or self.u_change_err is None:
            return False
        changes = np.array([
            (np.nan, np.nan) if fit is None else (fit.q - first.q, fit.u - first.u) for fit in self.fits
        ]).T  # fmt: skip
        return unstable(changes, np.array([self.q_change_err, self.u_change_err]), np.array([q_err, u_err]))


def circles_of(rows: Sequence[Row], growth: Mapping[str, Row], *, beams_cancel: bool = False) -> Circles | None:
    """The circles of one star in the frames (and beams) of `rows`; None where they were not measured.

    Where seeing changes from frame to frame, a circle's flux does too: it is divided by the frame's curve of growth
    (`growth` by frame), without which there is nothing to say, unless `beams_cancel` the share of both images.
    """
    measured = [row for row in rows if row.get("growth_flux_e") and not row["bits"] & UNUSABLE]
    if not measured or len({len(row["growth_flux_e"]) for row in measured}) > 1:
        return None
    known = all(row["frame"] in growth for row in measured)
    if not known and not beams_cancel:
        return None
    radius_px = np.array(measured[0]["growth_radius_px"], float)
    used = int(np.argmin(np.abs(radius_px - measured[0]["radius_px"])))
    shape = (len(measured), len(radius_px))
    share, share_err, scatter = np.ones(shape), np.zeros(shape), np.zeros(shape)
    if known:
        found = np.array([_relative_share(growth[row["frame"]], radius_px, used) for row in measured])
        share, share_err, scatter = found[:, 0], found[:, 1], found[:, 2]
    if beams_cancel:
        # In a frame of better seeing than its group's a circle may reach beyond the curve.
        share = np.where(np.isfinite(share).all(axis=0), share, 1.0)
    return Circles(
        radius_px, used, np.array([row["growth_flux_e"] for row in measured], float),
        np.array([row["growth_flux_err_e"] for row in measured], float), share,
        np.zeros(shape) if beams_cancel else share_err, scatter,
        np.array([row["background_err_e"] for row in measured], float),
    )  # fmt: skip


def _relative_share(growth: Row, radius_px: np.ndarray, used: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(share relative to the aperture in use, error, scatter); these vanish there, and grow with the distance."""
    share, error, scatter = curve_of(growth).at(radius_px / growth["fwhm_px"])
    # Of two nested circles the errors of their shares have the inner one's in common.
    apart, differ = (np.sqrt(np.abs(column**2 - column[used] ** 2)) for column in (error, scatter))
    return share / share[used], apart / share[used], differ / share[used]


def at_radius(rows: Sequence[Row], circles: Circles, index: int) -> list[dict[str, Any]]:
    """The rows as if the flux in one of the circles, brought to the aperture in use, had been measured."""
    measured = [row for row in rows if row.get("growth_flux_e") and not row["bits"] & UNUSABLE]
    return [
        {**row, "flux_e": float(circles.corrected[i, index]),
         "flux_err_e": float(circles.flux_err[i, index] / circles.share[i, index])}
        for i, row in enumerate(measured)
    ]  # fmt: skip


def magnitude_sweep(rows: Sequence[Row], growth: Mapping[str, Row]) -> Sweep | None:
    """Of one star on one frame, or on all frames of a group, in both beams."""
    circles = circles_of(rows, growth)
    if circles is None:
        return None
    return Sweep(circles.radius_px, circles.used, *magnitude_change(circles))
