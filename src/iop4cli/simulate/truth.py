"""What is really up there on a simulated night: magnitudes and polarisations of the catalogued sources."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from iop4cli.simulate.fields import STANDARD_KINDS, CatalogueSource, FieldStars, mags_from_r
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
    """A target on a night: R 13 to 15.5, p 0 to 20 %, any angle; a power law F ~ frequency^-1.2 in colour.

    A standard star has R 9.5 to 10.5 and the polarisation of the catalogue (none if it is an unpolarised
    one) plus one draw of its quoted errors, the same on all nights.
    """
    if target.kind in STANDARD_KINDS:
        mag_r, p, chi_deg = _standard(target, seed)
        return _wished(target, mag_r, p, chi_deg, wish)
    rng = stream("target", seed, target.name, night)
    mag_r, p, chi_deg = rng.uniform(13.0, 15.5), rng.uniform(0.0, 0.20), rng.uniform(0.0, 180.0)
    return _wished(target, mag_r, p, chi_deg, wish)


def _standard(star: CatalogueSource, seed: int) -> tuple[float, float, float]:
    rng = stream("standard", seed, star.name)
    mag_r, draws = float(rng.uniform(9.5, 10.5)), rng.standard_normal(2)
    (p, p_err), (chi_deg, chi_err_deg) = star.p or (0.0, 0.0), star.chi_deg or (0.0, 0.0)
    return mag_r, float(p + p_err * draws[0]), float(chi_deg + chi_err_deg * draws[1])


def _wished(target: CatalogueSource, mag_r: float, p: float, chi_deg: float, wish: TargetWish) -> TrueSource:
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


def with_star(scene: Scene, ra_deg: float, dec_deg: float, mag_r: float, q: float, u: float) -> Scene:
    """The scene with one more made-up star of usual colour."""
    mags = mags_from_r(np.array([mag_r]), np.array([0.4]))
    return Scene(
        scene.catalogued,
        np.append(scene.ra_deg, ra_deg),
        np.append(scene.dec_deg, dec_deg),
        {band: np.append(values, mags[band]) for band, values in scene.mags.items()},
        np.append(scene.stokes, [[1.0], [q], [u]], axis=1),
    )


def without_stars(scene: Scene) -> Scene:
    """The field with nothing in it but the sky."""
    none = np.empty(0)
    return Scene((), none, none, dict.fromkeys(scene.mags, none), np.empty((3, 0)))


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
