"""What is really up there on a simulated night: magnitudes and polarisations of the catalogued sources."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from iop4cli.simulate.fields import CatalogueSource, FieldStars, mags_from_r
from iop4cli.simulate.optics import light
from iop4cli.simulate.seeds import stream

# Flux of magnitude 0 (Jy) and mean wavelength (micrometre), Bessell 1979, PASP 91, 589.
_ZERO_FLUX_JY = {"B": 4260.0, "V": 3640.0, "R": 3080.0, "I": 2550.0}
_WAVELENGTH_UM = {"B": 0.44, "V": 0.55, "R": 0.64, "I": 0.79}


@dataclass(frozen=True)
class TrueSource:
    """A catalogued source as it is on the night: magnitudes by band, p as a fraction, chi in degrees."""

    source: CatalogueSource
    mags: dict[str, float]
    p: float
    chi_deg: float
    is_target: bool

    @property
    def q(self) -> float:
        return float(self.p * np.cos(2 * np.radians(self.chi_deg)))

    @property
    def u(self) -> float:
        return float(self.p * np.sin(2 * np.radians(self.chi_deg)))


@dataclass(frozen=True)
class Scene:
    """Every source of a field: the catalogued ones first, then the made-up stars (arrays of one length)."""

    catalogued: tuple[TrueSource, ...]
    ra_deg: np.ndarray
    dec_deg: np.ndarray
    mags: dict[str, np.ndarray]
    stokes: np.ndarray


@dataclass(frozen=True)
class TargetWish:
    """What the user fixes of the targets; None is drawn."""

    mag_r: float | None = None
    p: float | None = None
    chi_deg: float | None = None


def true_target(target: CatalogueSource, seed: int, night: str, wish: TargetWish) -> TrueSource:
    """A target on a night: R 13 to 15.5, p 0 to 20 %, any angle; a power law F ~ frequency^-1.2 in colour."""
    rng = stream("target", seed, target.name, night)
    mag_r, p, chi_deg = rng.uniform(13.0, 15.5), rng.uniform(0.0, 0.20), rng.uniform(0.0, 180.0)
    mag_r = mag_r if wish.mag_r is None else wish.mag_r
    mags = {band: mag_r + _power_law_colour(band, 1.2) for band in _ZERO_FLUX_JY}
    return TrueSource(
        target,
        {**mags, "Ha": mag_r},
        p if wish.p is None else wish.p,
        (chi_deg if wish.chi_deg is None else wish.chi_deg) % 180.0,
        True,
    )


def _power_law_colour(band: str, spectral_index: float) -> float:
    """Magnitude in a band minus that in R of a source whose flux falls as frequency^-index."""
    flux_ratio = (_WAVELENGTH_UM[band] / _WAVELENGTH_UM["R"]) ** spectral_index
    return float(-2.5 * np.log10(flux_ratio * _ZERO_FLUX_JY["R"] / _ZERO_FLUX_JY[band]))


def true_calibrator(star: CatalogueSource, seed: int, polarisation_rms: float) -> TrueSource:
    """A comparison star: its catalogue values plus one draw of their quoted errors, for ever.

    A star does not vary, so the draw depends on the seed and the star, not on the night: within one seed all
    nights share the catalogue's errors, as in life, and over many seeds (or many stars) the pull of a
    measured magnitude, whose error contains the catalogue's, is a unit gaussian. q and u are each gaussian
    with the given rms. A band that the catalogue lacks has a magnitude of usual colour all the same.
    """
    rng = stream("calibrator", seed, star.name)
    draws = {band: rng.standard_normal() for band in _ZERO_FLUX_JY}
    q, u = polarisation_rms * rng.standard_normal(2)
    known = {band: mag + err * draws[band] for band, (mag, err) in star.mags.items()}
    reference = known.get("R", known.get("V", 15.4) - 0.4)
    usual = {band: float(mag) for band, mag in mags_from_r(np.array(reference), np.array(0.4)).items()}
    return TrueSource(
        star,
        {**usual, **known, "Ha": reference},
        float(np.hypot(q, u)),
        float(np.degrees(np.arctan2(u, q)) / 2 % 180.0),
        False,
    )


def make_scene(
    target: CatalogueSource,
    calibrators: list[CatalogueSource],
    stars: FieldStars,
    seed: int,
    night: str,
    wish: TargetWish,
    polarisation_rms: float,
) -> Scene:
    """The field of a target on a night."""
    truths = (
        true_target(target, seed, night, wish),
        *(true_calibrator(star, seed, polarisation_rms) for star in calibrators),
    )
    q, u = polarisation_rms * stream("field polarisation", seed, target.name).standard_normal((2, len(stars)))
    known = light(np.array([t.p for t in truths]), np.array([t.chi_deg for t in truths]))
    return Scene(
        truths,
        np.concatenate([[t.source.ra_deg for t in truths], stars.ra_deg]),
        np.concatenate([[t.source.dec_deg for t in truths], stars.dec_deg]),
        {band: np.concatenate([[t.mags[band] for t in truths], stars.mags[band]]) for band in stars.mags},
        np.concatenate([known, np.stack([np.ones(len(stars)), q, u])], axis=1),
    )
