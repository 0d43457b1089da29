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

    `usable` says whether its flux may set a zero point (not saturated, not over the edge...). `colour` is in the
    catalogue's magnitudes, that of the colour term, None if the catalogue does not know it.
    """

    name: str
    flux: float
    flux_err: float
    usable: bool
    catalog_mag: float | None = None
    catalog_mag_err: float | None = None
    calibrates: tuple[str, ...] = ()
    colour: float | None = None


@dataclass(frozen=True)
class ColourTerm:
    """The camera's magnitude less the catalogue's is `value` times the colour, up to a constant.

    `unknown_colour_err` is how far a colour that is not known may be from the mean of the calibrators'.
    """

    value: float
    err: float
    unknown_colour_err: float


@dataclass(frozen=True)
class Magnitude:
    """Of one source: calibrated (or None with the reason), and instrumental (-2.5 log10 flux).

    `mag_err` contains the zero point's error, `mag_err_photon` only that of the source's own flux. `colour_unknown`
    says that a colour term could not be applied to it. The zero point is that of the mean colour of the calibrators.
    """

    mag: float | None
    mag_err: float | None
    mag_err_photon: float | None
    mag_instrumental: float | None
    zero_point: ZeroPoint | None
    calibrators: tuple[str, ...]
    reason: str
    colour_unknown: bool = False


def calibrate(
    sources: Sequence[FieldSource], target: str | None, band: str, colour_term: ColourTerm | None = None
) -> dict[str, Magnitude]:
    """The magnitude of each source from the calibrators that hold for it.

    A target is calibrated by its own calibrators; a calibrator by the others of its targets, never by itself;
    any other source by the calibrators of the frame's target. With a colour term the calibrators are brought to the
    camera's system and the result back to the catalogue's. A calibrator of unknown colour counts less, and a source
    of unknown colour has the larger error; the term's own error counts with the difference of the source's colour
    from the calibrators' mean, for it is common to all of them.
    """
    by_name = {source.name: source for source in sources}
    return {source.name: _one(source, by_name, target, band, colour_term) for source in sources}


def _one(
    source: FieldSource,
    sources: Mapping[str, FieldSource],
    target: str | None,
    band: str,
    colour_term: ColourTerm | None,
) -> Magnitude:
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
    shift = _ColourShift.of(colour_term, usable)
    zp = zero_point(
        np.array([other.catalog_mag for other in usable], float) + [shift.mag(other) for other in usable],
        np.array([math.hypot(_or_nan(other.catalog_mag_err), shift.unknown_err(other)) for other in usable]),
        np.array([other.flux for other in usable]),
        np.array([other.flux_err for other in usable]),
    )
    if zp is None:
        return Magnitude(None, None, own, instrumental, None, (), "the calibrators give no zero point")
    names = tuple(other.name for other, used in zip(usable, zp.used, strict=True) if used)
    used = [other for other, taken in zip(usable, zp.used, strict=True) if taken]
    error = math.hypot(own, zp.zp_err, shift.unknown_err(source), shift.term_err(source, used))
    mag = instrumental + zp.zp - shift.mag(source)
    return Magnitude(mag, error, own, instrumental, zp, names, "", shift.unknown_err(source) > 0)


@dataclass(frozen=True)
class _ColourShift:
    """What a colour term adds to catalogue magnitudes of sources of another colour than the calibrators' mean."""

    term: ColourTerm
    mean: float | None

    @classmethod
    def of(cls, term: ColourTerm | None, calibrators: Sequence[FieldSource]) -> _ColourShift:
        known = [other.colour for other in calibrators if other.colour is not None]
        return cls(term or ColourTerm(0.0, 0.0, 0.0), sum(known) / len(known) if known else None)

    def excess(self, source: FieldSource) -> float:
        return 0.0 if source.colour is None or self.mean is None else source.colour - self.mean

    def mag(self, source: FieldSource) -> float:
        return self.term.value * self.excess(source)

    def unknown_err(self, source: FieldSource) -> float:
        known = source.colour is not None and self.mean is not None
        return 0.0 if known else abs(self.term.value) * self.term.unknown_colour_err

    def term_err(self, source: FieldSource, used: Sequence[FieldSource]) -> float:
        redder = self.excess(source) - sum(self.excess(other) for other in used) / len(used)
        return abs(self.term.err * redder)


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
