"""Which of the few stars of a small frame is the target: by what else must stand around it, or by its place.

A frame with one to three stars has no quads. What is left: the target is near the middle, for there the observer put
it; the image's angle and scale are known; and around the target stand the stars that a solved frame of the field, or
the catalogue, has there. Positions are pixels of the frame, shapes (n,) for its stars and (m,) for the known ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# The target lies this near the middle, as a share of the shorter side.
CENTRAL = 0.25
# Its only rival is by this factor fainter than a target that stands out.
_STANDS_OUT = 6.0
_MARGIN_PX = 15.0
# Flux of a star relative to the target's, from frame to frame: 30 % of polarisation, variability, clouds.
_CHANGE = 2.5
_TURN_STEPS = 61
# What is exposed for the target shows it well; a star that is hardly seen may be any.
_CLEARLY_SEEN = 2.5


@dataclass(frozen=True)
class Around:
    """Stars around the target: offsets from it in pixels (m,), fluxes relative to it (NaN: not known).

    `complete` down to the relative flux `faintest`: a star of the frame brighter than that must be among these.
    """

    dx_px: np.ndarray
    dy_px: np.ndarray
    flux_ratio: np.ndarray
    turn_err_rad: float
    faintest: float | None = None


@dataclass(frozen=True)
class Placed:
    """The star (index) that is the target, and for each known star (m,) the frame's star that it is, or -1."""

    target: int
    matched: np.ndarray

    @property
    def n_matched(self) -> int:
        """Stars besides the target."""
        return int((self.matched >= 0).sum())


def place(
    x_px: np.ndarray,
    y_px: np.ndarray,
    flux: np.ndarray,
    around: Around,
    *,
    shape: tuple[int, int],
    middle_px: tuple[float, float],
    tolerance_px: float,
    limit_flux: float,
    expected_flux: float | None = None,
) -> Placed | None:
    """The one star (n,) that can be the target, or None.

    It must lie near `middle_px`; each known star around it that falls on the frame (height, width) and is brighter
    than `limit_flux` must be there, and no star that is not known. Every other star near the middle must be
    contradicted so, or by all known stars that the right one explains and it does not. A target without any known
    neighbour must outshine all others near the middle, be above `limit_flux`, well above where no list is complete,
    and as bright as expected if that is given. Wrong where the target is missing on the frame and another star has
    neighbours like its own, or is alone: of frames that had lost their target about one in a hundred was taken for
    another star's (tests/science).
    """
    near = np.hypot(x_px - middle_px[0], y_px - middle_px[1]) <= CENTRAL * min(shape)
    held: list[Placed] = []
    for star in np.nonzero(near)[0]:
        placed = _held(int(star), x_px, y_px, flux, around, shape, tolerance_px, limit_flux)
        if placed is not None:
            held.append(placed)
    if not held:
        return None
    best = max(held, key=lambda placed: placed.n_matched)
    if any(other.n_matched >= best.n_matched for other in held if other is not best):
        return None
    if best.n_matched:
        return best
    others = near & (np.arange(len(flux)) != best.target)
    if (flux[others] * _STANDS_OUT > flux[best.target]).any():
        return None
    return best if _likely(best.target, flux, around, shape, limit_flux, expected_flux) else None


def _likely(
    star: int, flux: np.ndarray, around: Around, shape: tuple[int, int], limit_flux: float, expected_flux: float | None
) -> bool:
    """Whether a star with nothing around it is rather the target than a neighbour of a target that is not seen."""
    if around.faintest is None:
        return bool(flux[star] > _CLEARLY_SEEN * limit_flux)
    if flux[star] <= limit_flux:
        return False
    if expected_flux is not None and abs(np.log(flux[star] / expected_flux)) > np.log(_CHANGE):
        return False
    neighbours = around.flux_ratio[np.hypot(around.dx_px, around.dy_px) <= 2 * CENTRAL * min(shape)]
    return not (flux[star] <= limit_flux * neighbours).any()


def _held(
    star: int,
    x_px: np.ndarray,
    y_px: np.ndarray,
    flux: np.ndarray,
    around: Around,
    shape: tuple[int, int],
    tolerance_px: float,
    limit_flux: float,
) -> Placed | None:
    """What speaks for a star as the target; None if something speaks against it, whatever the image's turn."""
    found: Placed | None = None
    turns = np.linspace(-1, 1, _TURN_STEPS) * around.turn_err_rad if around.turn_err_rad else np.zeros(1)
    offset = around.dx_px + 1j * around.dy_px
    for turn in turns:
        z = x_px[star] + 1j * y_px[star] + offset * np.exp(1j * turn)
        inside = (z.real > _MARGIN_PX) & (z.real < shape[1] - 1 - _MARGIN_PX)
        inside &= (z.imag > _MARGIN_PX) & (z.imag < shape[0] - 1 - _MARGIN_PX)
        ratio = np.where(np.isfinite(around.flux_ratio), around.flux_ratio, np.inf)
        away = np.abs(z[:, None] - (x_px + 1j * y_px)[None, :])
        away[:, star] = np.inf
        alike = np.abs(np.log(flux[None, :] / (flux[star] * around.flux_ratio[:, None]))) <= np.log(_CHANGE)
        away = np.where(alike | ~np.isfinite(around.flux_ratio)[:, None], away, np.inf)
        nearest = away.argmin(axis=1) if len(x_px) > 1 else np.zeros(len(z), int)
        hit = (away[np.arange(len(z)), nearest] <= tolerance_px) if len(z) else np.zeros(0, bool)
        missing = inside & ~hit & (flux[star] * ratio > limit_flux)
        matched = np.where(hit, nearest, -1)
        if missing.any() or _strangers(star, matched, flux, around):
            continue
        placed = Placed(star, matched)
        if found is None or placed.n_matched > found.n_matched:
            found = placed
    return found


def _strangers(star: int, matched: np.ndarray, flux: np.ndarray, around: Around) -> bool:
    """Whether the frame shows a star that a complete list would have."""
    if around.faintest is None:
        return False
    unknown = np.setdiff1d(np.arange(len(flux)), [star, *matched[matched >= 0]])
    return bool((flux[unknown] > _CHANGE * around.faintest * flux[star]).any())


def outstanding(
    x_px: np.ndarray,
    y_px: np.ndarray,
    flux: np.ndarray,
    *,
    shape: tuple[int, int],
    middle_px: tuple[float, float],
    brighter: float = _STANDS_OUT,
) -> int | None:
    """The star that lies near the middle and outshines every other of the frame (n,) by a factor, or None.

    For a target that is known to be bright: a standard star of magnitude 10 has no equal within an arcminute in
    most fields, and where it has, this gives None. Wrong where the target is not on the frame.
    """
    if len(x_px) == 0:
        return None
    star = int(np.argmax(flux))
    others = np.delete(flux, star)
    if len(others) and flux[star] < brighter * others.max():
        return None
    away = np.hypot(x_px[star] - middle_px[0], y_px[star] - middle_px[1])
    return star if away <= CENTRAL * min(shape) else None
