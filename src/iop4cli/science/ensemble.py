"""Transparency of each exposure of a polarised-filter group, from the field stars around the target."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from iop4cli.science.excess import chi2_survival
from iop4cli.science.starfield import (
    ScatterLikelihood,
    Scatters,
    StarField,
    information,
    solve_log_transparency,
)

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_MIN_STAR_SNR = 10.0
_MIN_FLUX_SNR = 3.0
# Chance that a good star is called an outlier; and that a star without its worst flux must reach to be kept.
_OUTLIER_PROBABILITY = 1e-4
_RESCUE_PROBABILITY = 0.05


@dataclass(frozen=True)
class Transparency:
    """Relative transparency of n exposures, its mean over all of them being 1, and its covariance (n, n).

    `used` tells which stars of the input it stands on. `star_scatter` is the scatter of one component of the
    stars' polarisation, from assumption and data; `excess_noise` what single fluxes scatter beyond their
    errors, 0 unless significant (both fractions).
    """

    relative: Array
    cov: Array
    n_stars: int
    used: Mask
    star_scatter: float
    excess_noise: float


def transparency(
    flux: ArrayLike,
    flux_err: ArrayLike,
    angles_deg: ArrayLike,
    *,
    q_inst: float = 0.0,
    u_inst: float = 0.0,
    star_p_scatter: float = 0.003,
    min_stars: int = 3,
) -> Transparency | None:
    """Relative transparency of each exposure from stars other than the target; None with too few good stars.

    flux, flux_err: shape (n_star, n_exp), any unit, NaN where a star is missing; angles_deg: shape (n_exp,).
    Model: log f_si = log I_s + log T_i + log(1 + q_inst cos 2t_i + u_inst sin 2t_i) + q_s cos 2t_i
    + u_s sin 2t_i + noise, by generalised least squares in which the stars' own (q_s, u_s) are random with
    zero mean. Their scatter starts from `star_p_scatter` per component and gives way to the data as stars and
    signal grow; it makes the errors of the exposures coherent in cos 2t and sin 2t, and the covariance says
    so. A star, or a single flux of it, that the others contradict is left out; `min_stars` must remain, all
    but one of them in each exposure. Where the stars are polarised twice as much as assumed and photons are no
    limit, few stars cannot tell: errors are then too small by 1.12 to 1.17 with 12 stars, 1.24 with 5. Wrong by
    the mean polarisation of the stars (interstellar, common to a field): nothing here can tell it from
    transparency, so that the target's (q, u) is relative to that mean.
    """
    field = _star_field(np.asarray(flux, float), np.asarray(flux_err, float), angles_deg, q_inst, u_inst)
    good = _without_outliers(field, star_p_scatter, min_stars)
    if good is None:
        return None
    field, likelihood = good
    used = np.asarray(field.measured().any(axis=1))
    scatters = likelihood.of_all()
    stars = information(_selected(field, used), np.array(scatters.star), np.array(scatters.noise))
    log_relative, log_cov = solve_log_transparency(stars.matrix.sum(axis=0), stars.pull.sum(axis=0))
    relative = np.exp(log_relative)
    relative = relative / relative.mean()
    jacobian = np.diag(relative) - np.outer(relative, relative) / relative.size
    return Transparency(
        relative=relative,
        cov=jacobian @ log_cov @ jacobian.T,
        n_stars=int(used.sum()),
        used=used,
        star_scatter=scatters.star,
        excess_noise=scatters.noise,
    )


def correct(flux: ArrayLike, flux_err: ArrayLike, transparency: Transparency) -> tuple[Array, Array]:
    """Fluxes (n_exp,) of one source divided by the transparency, and their covariance (n_exp, n_exp).

    What the field stars scatter beyond their photons (`excess_noise`) is taken to hold for the source too.
    """
    corrected = np.asarray(flux, float) / transparency.relative
    variance = np.square(np.asarray(flux_err, float) / transparency.relative)
    variance = variance + np.square(transparency.excess_noise * corrected)
    per_transparency = corrected / transparency.relative
    return corrected, np.diag(variance) + np.outer(per_transparency, per_transparency) * transparency.cov


def _star_field(flux: Array, flux_err: Array, angles_deg: ArrayLike, q_inst: float, u_inst: float) -> StarField:
    angle = 2 * np.radians(np.asarray(angles_deg, float))
    instrument = 1 + q_inst * np.cos(angle) + u_inst * np.sin(angle)
    modulation = np.column_stack([np.cos(angle), np.sin(angle)]) / instrument[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        snr = np.where(np.isfinite(flux) & (flux_err > 0), flux / flux_err, -np.inf)
        good = snr > _MIN_FLUX_SNR
        # The star is judged as a whole: dropping its faint fluxes alone would keep the lucky ones.
        bright = np.median(np.where(good, snr, 0), axis=1) > _MIN_STAR_SNR
        good &= bright[:, None] & (good.sum(axis=1) > 1)[:, None]
        variance = np.where(good, 1 / snr**2, np.inf)
        # The logarithm of a noisy flux is too small by half its relative variance.
        log_flux = np.where(good, np.log(flux / instrument) + variance / 2, 0.0)
    return StarField(log_flux, variance, modulation)


def _selected(field: StarField, stars: Mask) -> StarField:
    return replace(field, log_flux=field.log_flux[stars], variance=field.variance[stars])


def _without_outliers(
    field: StarField, star_p_scatter: float, min_stars: int
) -> tuple[StarField, ScatterLikelihood] | None:
    """The field without contradicted stars or fluxes, the worst taken out first; None if too few remain."""
    while True:
        used = np.asarray(field.measured().any(axis=1))
        enough_in_each = field.measured().sum(axis=0) >= max(min_stars - 1, 2)
        if used.sum() < min_stars or not enough_in_each.all():
            return None
        kept = _selected(field, used)
        likelihood = ScatterLikelihood(kept, star_p_scatter)
        others = likelihood.without_each()
        chances = _chances(kept, list(range(len(others))), others)
        worst = int(np.argmin(chances))
        if chances[worst] > _OUTLIER_PROBABILITY:
            return field, likelihood
        variance = field.variance.copy()
        variance[np.flatnonzero(used)[worst]] = _rescued(kept, worst, others[worst])
        field = replace(field, variance=variance)


def _chances(field: StarField, stars: list[int], scatters: list[Scatters]) -> list[float]:
    """Probability that each of some stars deviates as much from all others, given how these scatter."""
    trials = np.arange(len(stars))
    tau, kappa = (np.array([getattr(one, name) for one in scatters]) for name in ("star", "noise"))
    known = information(field, tau, kappa)
    own, own_pull = known.matrix[trials, stars], known.pull[trials, stars]
    total, total_pull = known.matrix.sum(axis=1), known.pull.sum(axis=1)
    log_t, _ = solve_log_transparency(total - own, total_pull - own_pull)
    _, covariance = solve_log_transparency(total, total_pull)
    difference = field.log_flux[stars] - log_t
    deviation = np.einsum("sij,sj->si", own, difference)
    chi2 = np.sum(deviation * difference, axis=1) - np.einsum("si,sij,sj->s", deviation, covariance, deviation)
    n_free = field.measured()[stars].sum(axis=1) - 1
    return [chi2_survival(max(float(one), 0.0), int(n)) for one, n in zip(chi2, n_free, strict=True)]


def _rescued(field: StarField, star: int, scatters: Scatters) -> Array:
    """Variances of an outlying star: infinite for the one flux that explains it, else for all."""
    best = np.full_like(field.variance[star], np.inf)
    best_chance = _RESCUE_PROBABILITY
    if field.measured()[star].sum() <= 3:
        return best
    for exposure in np.flatnonzero(field.measured()[star]):
        variance = field.variance.copy()
        variance[star, exposure] = np.inf
        chance = _chances(replace(field, variance=variance), [star], [scatters])[0]
        if chance > best_chance:
            best, best_chance = variance[star], chance
    return best
