"""Magnitudes of all sources of a field against the calibrators among them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from iop4cli.science.zeropoint import ZeroPoint, zero_point

_MAG_PER_RELATIVE_FLUX = 2.5 / math.log(10.0)


@dataclass(frozen=True)
class FieldSource:
    """One source of a field: flux and error (any unit, the same for all), catalogue magnitude, whom it calibrates.

    `usable` says whether its flux may set a zero point (not saturated, not over the edge...).
    """

    name: str
    flux: float
    flux_err: float
    usable: bool
    catalog_mag: float | None = None
    catalog_mag_err: float | None = None
    calibrates: tuple[str, ...] = ()


@dataclass(frozen=True)
class Magnitude:
    """Of one source: calibrated (or None with the reason), and instrumental (-2.5 log10 flux).

    `mag_err` contains the zero point's error, `mag_err_photon` only that of the source's own flux.
    """

    mag: float | None
    mag_err: float | None
    mag_err_photon: float | None
    mag_instrumental: float | None
    zero_point: ZeroPoint | None
    calibrators: tuple[str, ...]
    reason: str


def calibrate(sources: Sequence[FieldSource], target: str | None, band: str) -> dict[str, Magnitude]:
    """The magnitude of each source from the calibrators that hold for it.

    A target is calibrated by its own calibrators; a calibrator by the others of its targets, never by itself;
    any other source by the calibrators of the frame's target.
    """
    by_name = {source.name: source for source in sources}
    return {source.name: _one(source, by_name, target, band) for source in sources}


def _one(source: FieldSource, sources: Mapping[str, FieldSource], target: str | None, band: str) -> Magnitude:
    if not source.flux > 0:
        return Magnitude(None, None, None, None, None, (), "its flux is not above zero")
    instrumental = -2.5 * math.log10(source.flux)
    own = _MAG_PER_RELATIVE_FLUX * source.flux_err / source.flux
    known = _calibrators_of(source, sources, target)
    if not known:
        return Magnitude(
            None, None, own, instrumental, None, (), "the catalogue has no calibrator for it in this frame"
        )
    with_mag = [other for other in known if other.catalog_mag is not None]
    if not with_mag:
        reason = f"none of its {len(known)} calibrators in the frame has a magnitude in band {band}"
        return Magnitude(None, None, own, instrumental, None, (), reason)
    usable = [other for other in with_mag if other.usable and other.flux > 0]
    if not usable:
        reason = f"none of its {len(with_mag)} calibrators could be measured (saturated, at the edge or not found)"
        return Magnitude(None, None, own, instrumental, None, (), reason)
    zp = zero_point(
        np.array([other.catalog_mag for other in usable], float),
        np.array([_or_nan(other.catalog_mag_err) for other in usable]),
        np.array([other.flux for other in usable]),
        np.array([other.flux_err for other in usable]),
    )
    if zp is None:
        return Magnitude(None, None, own, instrumental, None, (), "the calibrators give no zero point")
    names = tuple(other.name for other, used in zip(usable, zp.used, strict=True) if used)
    return Magnitude(instrumental + zp.zp, math.hypot(own, zp.zp_err), own, instrumental, zp, names, "")


def _calibrators_of(source: FieldSource, sources: Mapping[str, FieldSource], target: str | None) -> list[FieldSource]:
    others = [other for other in sources.values() if other.name != source.name]
    own = [other for other in others if source.name in other.calibrates]
    if own:
        return own
    if source.calibrates:
        return [other for other in others if set(other.calibrates) & set(source.calibrates)]
    return [other for other in others if target in other.calibrates]


def _or_nan(value: float | None) -> float:
    """A calibrator whose catalogue gives no error gets the zero point's own assumption for such."""
    return math.nan if value is None else value
