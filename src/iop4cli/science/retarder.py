"""Stokes parameters from the two beams behind a half-wave plate, in the instrument's frame."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from iop4cli.science.ensemble import Transparency, correct
from iop4cli.science.excess import error_inflation, residual_chi2
from iop4cli.science.plate_models import (
    Beams,
    Solution,
    complete_sets,
    expected_difference,
    modulation,
    solve_both_beams,
    solve_difference,
    solve_difference_with_k,
    solve_ratio,
)
from iop4cli.science.plate_outliers import MIN_DISTINCT_ANGLES, PLATE_PERIOD_DEG, without_outliers
from iop4cli.science.stokes import StokesFit, distinct_angles, fit_polarised_filter

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

METHODS = ("ratio", "difference", "difference with k", "both beams", "O only", "E only")
DEFAULT_METHOD = "difference with k"
_SOLVERS: dict[str, Callable[[Beams], Solution]] = {
    "ratio": solve_ratio,
    "difference": solve_difference,
    "difference with k": solve_difference_with_k,
    "both beams": solve_both_beams,
}
# E at the plate angle t is O at t + 45 deg.
_ONE_BEAM_TURN_DEG = {"O only": 0.0, "E only": 45.0}
# A total below this says nothing about a ratio; it is chosen by O + E, on which F does not depend.
_MIN_TOTAL_SNR = 3.0
_BLOCKED_BEAM = 0.9


@dataclass(frozen=True, eq=False)
class RetarderFit(StokesFit):
    """As `StokesFit`, with the gain imbalance k and what each exposure says, shape (n,) as given.

    `difference` is F = (O - E)/(O + E) (for one beam its own modulation, with the sign of O), `residual` what
    the fit leaves of it; NaN where not measured. `used` leaves out what is missing, rejected or in no set.
    `intensity` is the mean of O + E without the modulation; for one beam alone twice its mean, which is O + E
    times 1 + k or 1 - k. `k` is None where it is no parameter.
    """

    k: float | None
    k_err: float | None
    used: Mask
    difference: Array
    difference_err: Array
    residual: Array


def fit_retarder(
    plate_angles_deg: ArrayLike,
    flux_o: ArrayLike,
    flux_o_err: ArrayLike,
    flux_e: ArrayLike,
    flux_e_err: ArrayLike,
    *,
    method: str = DEFAULT_METHOD,
    reject: bool = True,
    transparency: Transparency | None = None,
) -> RetarderFit:
    """Fit O = I/2 (1 + k)(1 + s) T and E = I/2 (1 - k)(1 - s) T with s = q cos 4t + u sin 4t.

    All arrays have shape (n,): angles as they are, fluxes in any unit per second, NaN where there is none. T, the
    transparency of an exposure, is common to both beams and cancels, except for one beam alone: for that
    `transparency` (of the same n exposures) is needed as behind a polarised filter.

    ratio: Zapatero Osorio et al. 2005, ApJ 621, 445, mean of the complete sets 0, 22.5, 45, 67.5.
    difference: linear fit of F = (O - E)/(O + E), which takes k = 0.
    difference with k: fit of F = (k + s)/(1 + k s).
    both beams: maximum likelihood for O and E with T free in each exposure.
    O only, E only: one beam, for a blended partner.

    The default was chosen by simulation (tests/science/retarder_methods.py; S/N 30 to 1000, p 0 to 0.3, 2400
    groups a row): rms error over the least possible, width of the pulls, coverage. The mean error of p is
    below 0.05 sigma except where coverage is wrong. At S/N 10 it is below 0.03 sigma for `difference with k`,
    0.09 for `both beams` and 0.10 for `ratio`.

    | angles, k, clouds rms | ratio            | difference         | difference with k | both beams       |
    | 4, 0, none            | 1.02, 1.02, 67 % | 1.02, 1.03,  68 %  | 1.02, 1.02, 67 %  | 1.02, 1.02, 67 % |
    | 4, 0.05, 30 %         | 1.08, 1.02, 67 % | 10.4, 0.55,  94 %  | 1.04, 1.03, 67 %  | 1.04, 1.03, 67 % |
    | 3 of 4, 0.05, none    | -                | 17.0, 0.77,  90 %  | 1.05, 1.01, 68 %  | 1.05, 1.01, 68 % |
    | 8, 0.05, 30 %         | 1.09, 1.00, 68 % | 11.2, 0.54,  94 %  | 1.03, 1.00, 69 %  | 1.03, 1.00, 69 % |
    | 16, 0.05, none        | 0.99, 0.99, 68 % | 1.04, 0.30,  98 %  | 0.99, 0.99, 68 %  | 0.99, 0.99, 68 % |
    | 16, 0.05, 30 %        | 1.08, 0.99, 69 % | 11.3, 0.51,  95 %  | 1.01, 1.00, 69 %  | 1.01, 1.00, 69 % |

    One beam: 1.41 at low signal and more where the transparency limits it (2.1 on average when known to 0.3 %).

    Errors are the photons', enlarged where the scatter is significantly larger (see `excess`); `reject` leaves
    out exposures that contradict the others (see `plate_outliers`). Wrong where O + E is measured to less than
    some 5 sigma in most exposures, and where k changes within the group.
    """
    if method not in METHODS:
        raise ValueError(f"no method {method!r}; there are {', '.join(METHODS)}")
    columns = (plate_angles_deg, flux_o, flux_o_err, flux_e, flux_e_err)
    angle, *fluxes = [np.asarray(column, float) for column in columns]
    if any(flux.shape != angle.shape for flux in fluxes):
        raise ValueError(f"angles {angle.shape} and fluxes {', '.join(str(f.shape) for f in fluxes)} disagree")
    if method in _ONE_BEAM_TURN_DEG:
        flux, error = fluxes[:2] if method == "O only" else fluxes[2:]
        return _one_beam(angle, flux, error, method, reject, transparency)
    if transparency is not None:
        raise ValueError(f"the method {method!r} needs no transparency: it cancels between the beams")
    return _two_beams(angle, Beams(fluxes[0], fluxes[1], fluxes[2], fluxes[3], modulation(angle)), method, reject)


def _two_beams(angle: Array, beams: Beams, method: str, reject: bool) -> RetarderFit:
    measured = _measured_in_both(angle, beams)
    _check_angles(angle[measured])
    with np.errstate(invalid="ignore", divide="ignore"):
        difference = np.where(measured, beams.difference, np.nan)
        difference_err = np.where(measured, beams.difference_err, np.nan)
    typical = float(np.median(difference[measured]))
    if abs(typical) > _BLOCKED_BEAM:
        raise ValueError(f"the {'extra' if typical > 0 else ''}ordinary beam has next to no flux")
    used = measured.copy()
    if reject:
        used[measured] = _kept(angle[measured], beams[measured])
    order = np.flatnonzero(used)
    if method == "ratio":
        order = np.array(complete_sets(angle, used & (np.abs(difference) < 1)), int).ravel()
        if order.size == 0:
            raise ValueError("the ratio method needs the plate angles 0, 22.5, 45 and 67.5 (modulo 90)")
        used = np.isin(np.arange(angle.size), order)
    solution = _SOLVERS[method](beams[order])
    expected, _ = expected_difference(np.array(solution.kqu), beams.modulation)
    stokes = _stokes(solution, beams[used], len(distinct_angles(angle[used], PLATE_PERIOD_DEG)), method)
    k, k_err = _imbalance(solution, stokes)
    return RetarderFit(
        **vars(stokes),
        k=k,
        k_err=k_err,
        used=used,
        difference=difference,
        difference_err=difference_err,
        residual=difference - expected,
    )


def _measured_in_both(angle: Array, beams: Beams) -> Mask:
    total, error = beams.flux_o + beams.flux_e, np.hypot(beams.flux_o_err, beams.flux_e_err)
    with np.errstate(invalid="ignore"):
        return np.asarray(
            np.isfinite(angle) & np.isfinite(total) & np.isfinite(error) & (total > _MIN_TOTAL_SNR * error)
        )


def _check_angles(angle: Array) -> None:
    found = distinct_angles(angle, PLATE_PERIOD_DEG)
    if len(found) < MIN_DISTINCT_ANGLES:
        listed = ", ".join(f"{value:g}" for value in found) or "none"
        raise ValueError(f"a fit needs three distinct plate angles modulo 90, measured are {len(found)}: {listed}")


def _kept(angle: Array, beams: Beams) -> Mask:
    def fit(keep: Mask) -> tuple[Array, Array]:
        parameters = solve_difference_with_k(beams[keep]).parameters
        expected, design = expected_difference(parameters, beams.modulation)
        return beams.difference - expected, design

    return without_outliers(fit, np.diag(beams.difference_err**2), angle)


def _stokes(solution: Solution, beams: Beams, n_angles: int, method: str) -> StokesFit:
    k, q, u = solution.kqu
    photon = solution.covariance
    chi2, dof = residual_chi2(solution.residual, solution.design, solution.solver, np.diag(solution.variance))
    inflation = error_inflation(chi2, dof)
    q_photon, u_photon = math.sqrt(photon[-2, -2]), math.sqrt(photon[-1, -1])
    # An imbalance leaves k s of the modulation in O + E.
    total = (beams.flux_o + beams.flux_e) / (1 + k * (beams.modulation @ [q, u]))
    total_variance = beams.flux_o_err**2 + beams.flux_e_err**2
    return StokesFit(
        q=q,
        u=u,
        q_err=q_photon * inflation,
        u_err=u_photon * inflation,
        qu_cov=float(photon[-2, -1]) * inflation**2,
        q_err_photon=q_photon,
        u_err_photon=u_photon,
        intensity=float(total.mean()),
        intensity_err=math.sqrt(float(total_variance.sum())) / total.size * inflation,
        chi2_red=None if chi2 is None else chi2 / dof,
        dof=dof,
        n_angles=n_angles,
        method=f"half-wave plate, {method}",
    )


def _imbalance(solution: Solution, stokes: StokesFit) -> tuple[float | None, float | None]:
    if solution.parameters.size == 2:
        return None, None
    inflation = stokes.q_err / stokes.q_err_photon if stokes.q_err_photon > 0 else 1.0
    return solution.kqu[0], math.sqrt(solution.covariance[0, 0]) * inflation


def _one_beam(
    angle: Array, flux: Array, flux_err: Array, method: str, reject: bool, transparency: Transparency | None
) -> RetarderFit:
    """A half-wave plate at t is a polarised filter at 2 t."""
    measured = np.isfinite(angle) & np.isfinite(flux) & np.isfinite(flux_err)
    _check_angles(angle[measured])
    covariance = np.diag(flux_err**2)
    if transparency is not None:
        flux, covariance = correct(flux, flux_err, transparency)
    turn = _ONE_BEAM_TURN_DEG[method]
    columns = modulation(angle + turn)
    used = measured.copy()
    if reject:
        used[measured] = _kept_of_one_beam(
            angle[measured], flux[measured], covariance[np.ix_(measured, measured)], columns[measured]
        )
    fit = fit_polarised_filter(2 * (angle + turn)[used], flux[used], covariance[np.ix_(used, used)])
    sign = 1 if method == "O only" else -1
    with np.errstate(invalid="ignore"):
        difference = sign * np.where(measured, 2 * flux / fit.intensity - 1, np.nan)
        difference_err = np.where(measured, 2 * np.sqrt(np.diag(covariance)) / fit.intensity, np.nan)
    return RetarderFit(
        **vars(replace(fit, method=f"half-wave plate, {method}")),
        k=None,
        k_err=None,
        used=used,
        difference=difference,
        difference_err=difference_err,
        residual=difference - sign * (columns @ [fit.q, fit.u]),
    )


def _kept_of_one_beam(angle: Array, flux: Array, covariance: Array, columns: Array) -> Mask:
    design = np.column_stack([np.ones_like(flux), columns])

    def fit(keep: Mask) -> tuple[Array, Array]:
        return flux - design @ np.linalg.lstsq(design[keep], flux[keep], rcond=None)[0], design

    return without_outliers(fit, covariance, angle)
