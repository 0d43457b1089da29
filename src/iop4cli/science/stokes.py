"""Stokes parameters from the fluxes behind a polarised filter, in the instrument and on the sky."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from iop4cli.science.debias import angle_deg, errors_along_and_across, measured_angle_error_deg
from iop4cli.science.excess import error_inflation, residual_chi2

Array = NDArray[np.float64]

_SAME_ANGLE_DEG = 0.5
# Weights change the fit in second order only; a fitted flux below the noise may not make a variance of nothing.
_WEIGHT_STEPS = 2
_LEAST_VARIANCE = 0.1


@dataclass(frozen=True)
class StokesFit:
    """Reduced Stokes parameters (fractions) in the instrument's frame, before any correction.

    `*_err` and `qu_cov` are to be quoted; `*_err_photon` come from the fluxes' covariance alone and differ
    only where the scatter about the fit exceeds it significantly. `intensity` is that of the model, in the
    unit of the fluxes.
    """

    q: float
    u: float
    q_err: float
    u_err: float
    qu_cov: float
    q_err_photon: float
    u_err_photon: float
    intensity: float
    intensity_err: float
    chi2_red: float | None
    dof: int
    n_angles: int
    method: str


@dataclass(frozen=True)
class Calibration:
    """Instrumental polarisation (fractions), zero of the angle (to be added), efficiency of the analyser.

    `cov`: covariance (4, 4) of q_inst, u_inst, zero_angle_deg, efficiency; None where only errors are known.
    """

    q_inst: float
    q_inst_err: float
    u_inst: float
    u_inst_err: float
    zero_angle_deg: float
    zero_angle_err_deg: float
    efficiency: float = 1.0
    efficiency_err: float = 0.0
    name: str = ""
    cov: tuple[tuple[float, ...], ...] | None = None

    @property
    def covariance(self) -> Array:
        """Shape (4, 4), in the order of the class's own numbers."""
        if self.cov is not None:
            return np.array(self.cov, float)
        errors = (self.q_inst_err, self.u_inst_err, self.zero_angle_err_deg, self.efficiency_err)
        return np.diag(np.square(errors))


@dataclass(frozen=True)
class SkyStokes:
    """Stokes parameters on the sky: fractions and degrees north through east, 0 <= chi < 180.

    `*_err` and `qu_cov` are statistical. `*_sys` and `qu_sys_cov` are the calibration's share, common to all
    results of one calibration and not contained in the others. `q_instr`, `u_instr` are the uncorrected
    values.
    """

    q: float
    u: float
    q_err: float
    u_err: float
    qu_cov: float
    q_sys: float
    u_sys: float
    qu_sys_cov: float
    p: float
    p_err: float
    p_sys: float
    chi_deg: float
    chi_err_deg: float
    chi_sys_deg: float
    q_instr: float
    u_instr: float


def fit_polarised_filter(
    angles_deg: ArrayLike, flux: ArrayLike, flux_cov: ArrayLike, *, shot_noise: ArrayLike = 0.0
) -> StokesFit:
    """Fit f(t) = I/2 (1 + q cos 2t + u sin 2t) to fluxes at three or more distinct angles modulo 180 degrees.

    angles_deg, flux: shape (n,), any flux unit; flux_cov: shape (n, n), the full covariance in that unit
    squared. Least squares weighted with the diagonal of flux_cov, so that a singular or zero covariance is
    allowed; the errors are propagated from the whole of it and enlarged by sqrt(chi2_red) where the scatter
    about the fit is significant (see `excess`). Wrong where the total flux itself is measured to less than
    some 5 sigma (q and u are ratios).

    shot_noise: the variance that a unit of flux adds (one number or (n,)), where the variances were estimated
    from the measured fluxes: 1 / (T times the exposure time) for electrons a second over a transparency T. The
    weights are then those of the fitted fluxes. Without it an exposure that is too faint by chance counts more
    than it should: q and u hardly suffer, but the intensity is too small by (n - 3) / n electrons in each
    exposure, which for 16 exposures of S/N 10 is 0.06 of its error over a bright sky and 0.3 over none.
    """
    angle, measured, covariance = _checked(angles_deg, flux, flux_cov)
    design = np.column_stack([np.ones_like(angle), np.cos(2 * np.radians(angle)), np.sin(2 * np.radians(angle))])
    solver = _least_squares(design, np.diag(covariance))
    per_flux = np.asarray(shot_noise, float)
    if np.any(per_flux > 0):
        for _ in range(_WEIGHT_STEPS):
            expected = np.diag(covariance) + per_flux * (design @ solver @ measured - measured)
            solver = _least_squares(design, np.maximum(expected, _LEAST_VARIANCE * np.diag(covariance)))
    half_intensity, a, b = (float(value) for value in solver @ measured)
    if half_intensity <= 0:
        raise ValueError(f"the mean flux of the {angle.size} exposures is not positive ({half_intensity:g})")
    q, u = a / half_intensity, b / half_intensity
    jacobian = np.array([[2, 0, 0], [-q, 1, 0], [-u, 0, 1]]) / np.array([[1], [half_intensity], [half_intensity]])
    photon = jacobian @ solver @ covariance @ solver.T @ jacobian.T
    chi2, dof = residual_chi2(measured, design, solver, covariance)
    # Rounding can leave a variance of nothing a hair below zero.
    i_photon, q_photon, u_photon = (math.sqrt(max(float(value), 0.0)) for value in np.diag(photon))
    inflation = error_inflation(chi2, dof)
    return StokesFit(
        q=q,
        u=u,
        q_err=q_photon * inflation,
        u_err=u_photon * inflation,
        qu_cov=float(photon[1, 2]) * inflation**2,
        q_err_photon=q_photon,
        u_err_photon=u_photon,
        intensity=2 * half_intensity,
        intensity_err=i_photon * inflation,
        chi2_red=None if chi2 is None else chi2 / dof,
        dof=dof,
        n_angles=len(distinct_angles(angle)),
        method="polarised filter, least squares",
    )


def _least_squares(design: Array, variance: Array) -> Array:
    """Matrix (p, n) that gives the parameters from the measured; all count alike if any is without an error."""
    weight = 1 / variance if np.all(variance > 0) else np.ones_like(variance)
    weight = weight / weight.mean()
    return np.asarray(np.linalg.solve(design.T @ (weight[:, None] * design), design.T * weight))


def _checked(angles_deg: ArrayLike, flux: ArrayLike, flux_cov: ArrayLike) -> tuple[Array, Array, Array]:
    angle = np.asarray(angles_deg, float)
    measured = np.asarray(flux, float)
    covariance = np.asarray(flux_cov, float)
    if measured.shape != angle.shape or covariance.shape != (angle.size, angle.size):
        raise ValueError(f"angles {angle.shape}, fluxes {measured.shape} and covariance {covariance.shape} disagree")
    unusable = ~(np.isfinite(angle) & np.isfinite(measured) & np.isfinite(covariance).all(axis=1))
    if unusable.any():
        raise ValueError(f"no flux or no error at the angle(s) {_listed(angle[unusable])}")
    found = distinct_angles(angle)
    if len(found) < 3:
        raise ValueError(f"a fit needs three distinct angles, there are {len(found)}: {_listed(found)}")
    return angle, measured, covariance


def _listed(angles_deg: Sequence[float] | Array) -> str:
    return ", ".join(f"{angle:g}" for angle in angles_deg)


def distinct_angles(angles_deg: ArrayLike, period_deg: float = 180.0) -> list[float]:
    """The angles that differ modulo the period by more than half a degree, in [0, period)."""
    found: list[float] = []
    for angle in np.sort(np.mod(np.asarray(angles_deg, float), period_deg)):
        offsets = (abs(angle - other) for other in found)
        if all(min(offset, period_deg - offset) > _SAME_ANGLE_DEG for offset in offsets):
            found.append(float(angle))
    return found


def to_sky(fit: StokesFit, calibration: Calibration, *, ensemble_corrected: bool = False) -> SkyStokes:
    """Subtract the instrument's polarisation, divide by the efficiency and rotate to the sky.

    (q_c, u_c) = (q - q_inst, u - u_inst) / efficiency; q_sky = q_c cos 2Z - u_c sin 2Z, u_sky = u_c cos 2Z +
    q_c sin 2Z. Fluxes divided by an ensemble of field stars that was itself freed of (q_inst, u_inst) no
    longer depend on these: an error of q_inst enters the transparency with the opposite sign. Say
    `ensemble_corrected` and their errors are left out (what the stars' own polarisation may add is in the
    covariance of the transparency).

    The instrument is taken to add its polarisation to the light, as in published calibrations. A telescope that
    is a weak polariser also dims the light polarised across its axis: the result is then off by p p_inst (p +
    p_inst) / (1 - p p_inst) at most. For instruments of 4.6 and 8.2 % that is 0.0007 and 0.0015 at p = 0.1,
    0.0023 and 0.0047 at p = 0.2.
    """
    turn = math.radians(2 * calibration.zero_angle_deg)
    rotation = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    matrix = rotation / calibration.efficiency
    q, u = (float(v) for v in matrix @ [fit.q - calibration.q_inst, fit.u - calibration.u_inst])
    statistical = matrix @ [[fit.q_err**2, fit.qu_cov], [fit.qu_cov, fit.u_err**2]] @ matrix.T
    covariance = calibration.covariance
    if ensemble_corrected:
        covariance[:2, :] = covariance[:, :2] = 0.0
    by_angle = 2 * math.radians(1) * np.array([-u, q])
    jacobian = np.column_stack([-matrix, by_angle, -np.array([q, u]) / calibration.efficiency])
    systematic = jacobian @ covariance @ jacobian.T
    p = math.hypot(q, u)
    p_err, across = errors_along_and_across(q, u, *_upper_triangle(statistical))
    p_sys, _ = errors_along_and_across(q, u, *_upper_triangle(systematic))
    return SkyStokes(
        q=q,
        u=u,
        q_err=math.sqrt(statistical[0, 0]),
        u_err=math.sqrt(statistical[1, 1]),
        qu_cov=float(statistical[0, 1]),
        q_sys=math.sqrt(systematic[0, 0]),
        u_sys=math.sqrt(systematic[1, 1]),
        qu_sys_cov=float(systematic[0, 1]),
        p=p,
        p_err=p_err,
        p_sys=p_sys,
        chi_deg=angle_deg(q, u),
        chi_err_deg=measured_angle_error_deg(p, across),
        chi_sys_deg=_angle_systematic_deg(q, u, matrix, covariance),
        q_instr=fit.q,
        u_instr=fit.u,
    )


def _angle_systematic_deg(q: float, u: float, matrix: Array, covariance: Array) -> float:
    """The calibration's share of the angle's error: what it adds to (q, u) across, and the zero angle itself."""
    offset = matrix @ covariance[:2, :2] @ matrix.T
    _, across = errors_along_and_across(q, u, *_upper_triangle(offset))
    p, of_zero_deg = math.hypot(q, u), float(covariance[2, 2] ** 0.5)
    of_offset_deg = measured_angle_error_deg(p, across)
    if not (p and across and of_zero_deg):
        return math.hypot(of_offset_deg, of_zero_deg)
    # The offset is subtracted, the zero angle added; both turn the angle.
    together = float(-np.array([-u, q]) / p @ matrix @ covariance[:2, 2]) / (across * of_zero_deg)
    return math.sqrt(max(of_offset_deg**2 + of_zero_deg**2 + 2 * together * of_offset_deg * of_zero_deg, 0.0))


def _upper_triangle(covariance: Array) -> tuple[float, float, float]:
    return float(covariance[0, 0]), float(covariance[1, 1]), float(covariance[0, 1])
