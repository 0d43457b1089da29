"""What two beams behind a turning half-wave plate measure, and the least-squares solutions for it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_MAX_ITERATIONS = 100
_CONVERGED = 1e-13
_NEAR_ENOUGH = 1e-7
_SET_STEP_DEG = 22.5
_SET_TOLERANCE_DEG = 1.0


@dataclass(frozen=True)
class Beams:
    """Fluxes of both beams and their errors, shape (n,), any unit, and the modulation (n, 2): cos 4t, sin 4t."""

    flux_o: Array
    flux_o_err: Array
    flux_e: Array
    flux_e_err: Array
    modulation: Array

    def __getitem__(self, chosen: NDArray[Any]) -> "Beams":
        """The exposures chosen by a mask or by their indices."""
        return Beams(
            self.flux_o[chosen],
            self.flux_o_err[chosen],
            self.flux_e[chosen],
            self.flux_e_err[chosen],
            self.modulation[chosen],
        )

    @property
    def difference(self) -> Array:
        """F = (O - E) / (O + E), which no transparency changes."""
        return (self.flux_o - self.flux_e) / (self.flux_o + self.flux_e)

    @property
    def difference_err(self) -> Array:
        """Photon error of F."""
        return (
            2
            * np.hypot(self.flux_e * self.flux_o_err, self.flux_o * self.flux_e_err)
            / np.square(self.flux_o + self.flux_e)
        )

    def variance_for(self, difference: Array) -> Array:
        """Variance of F if the fluxes divided as `difference` says instead of as they happened to.

        How much a beam's variance grows with its flux (by one in electrons, whatever the sky adds to both) is read
        off the two beams of all exposures.
        """
        o_var, e_var = np.square(self.flux_o_err), np.square(self.flux_e_err)
        total, apart = self.flux_o + self.flux_e, self.flux_o - self.flux_e
        square = float(np.sum(apart**2))
        per_flux = float(np.sum((o_var - e_var) * apart)) / square if square > 0 else 0.0
        per_flux = min(max(per_flux, 0.0), float(np.min((o_var + e_var) / np.abs(total))))
        half, moved = (o_var + e_var) / 2, per_flux * total * difference / 2
        share_o, share_e = (1 + difference) / 2, (1 - difference) / 2
        return np.asarray(4 * (share_e**2 * (half + moved) + share_o**2 * (half - moved)) / total**2)


@dataclass(frozen=True)
class Solution:
    """Parameters (k, q, u), or (q, u) where k is taken for 0, of a fit linearised at its solution.

    residual (m,) and its variance (m,) are of the equations solved, design (m, p) their derivatives, and
    d(parameters) = solver (p, m) @ d(equations).
    """

    parameters: Array
    residual: Array
    variance: Array
    design: Array
    solver: Array

    @property
    def covariance(self) -> Array:
        """Photon covariance of the parameters."""
        return np.asarray((self.solver * self.variance) @ self.solver.T)

    @property
    def kqu(self) -> tuple[float, float, float]:
        """Gain imbalance (0 if it is no parameter), q and u."""
        k, q, u = (0.0, *self.parameters) if self.parameters.size == 2 else self.parameters
        return float(k), float(q), float(u)


def modulation(plate_angles_deg: ArrayLike) -> Array:
    """Columns cos 4t and sin 4t."""
    angle = 4 * np.radians(np.asarray(plate_angles_deg, float))
    return np.column_stack([np.cos(angle), np.sin(angle)])


def beams_of_magnitude_differences(
    difference_mag: ArrayLike, difference_err_mag: ArrayLike
) -> tuple[Array, Array, Array, Array]:
    """(O, its error, E, its error), with O + E = 2, of what is published as a difference of magnitudes alone.

    The difference is that of E minus O, 2.5 log10(O / E), shape (n,): so F = (10^(0.4 d) - 1) / (10^(0.4 d) + 1).
    Tables headed "O-E" can mean the same, or have the beams' names the other way round, which turns the angle
    by 90 degrees (those of DIPOL-2's reduction mean the same).
    """
    per_mag = 0.2 * math.log(10)
    difference = np.tanh(per_mag * np.asarray(difference_mag, float))
    error = (1 - difference**2) * per_mag * np.asarray(difference_err_mag, float)
    beam_err = error * math.sqrt(2) / np.sqrt(1 + difference**2)
    return 1 + difference, beam_err, 1 - difference, beam_err


def expected_difference(parameters: Array, modulation: Array) -> tuple[Array, Array]:
    """F = (k + s) / (1 + k s) with s = q cos 4t + u sin 4t, and its derivatives to (k, q, u)."""
    k = parameters[0]
    s = modulation @ parameters[1:]
    per_s = (1 - k**2) / (1 + k * s) ** 2
    return (k + s) / (1 + k * s), np.column_stack([(1 - s**2) / (1 + k * s) ** 2, per_s[:, None] * modulation])


def solve_difference(beams: Beams) -> Solution:
    """Weighted linear fit of F = q cos 4t + u sin 4t: both beams are taken for equally bright."""
    variance = beams.difference_err**2
    weight = _weights(variance)
    design = beams.modulation
    solver = _least_squares(design, weight)
    parameters = solver @ beams.difference
    return Solution(parameters, beams.difference - design @ parameters, variance, design, solver)


def solve_difference_with_k(beams: Beams) -> Solution:
    """Weighted fit of F = (k + s) / (1 + k s), with the weights that the fitted F has.

    Weights of the measured F would follow its noise: at S/N 10 and 16 angles p = 0.3 came out 0.1 sigma too small
    over a bright sky and 0.1 sigma too large over none.
    """

    def linearise(parameters: Array) -> tuple[Array, Array]:
        expected, design = expected_difference(parameters, beams.modulation)
        return beams.difference - expected, design

    variance = beams.difference_err**2
    parameters = _iterate(_start(beams), linearise, _weights(variance))
    if np.all(variance > 0):
        expected, _ = expected_difference(parameters, beams.modulation)
        variance = beams.variance_for(expected)
        parameters = _iterate(parameters, linearise, _weights(variance))
    residual, design = linearise(parameters)
    return Solution(parameters, residual, variance, design, _least_squares(design, _weights(variance)))


def solve_both_beams(beams: Beams) -> Solution:
    """Maximum likelihood for O = h (1 + k)(1 + s) and E = h (1 - k)(1 - s) with h free in each exposure.

    The best h of each exposure leaves chi2 = sum N^2 / D^2 with N = a O - b E, a = (1 - k)(1 - s), b = (1 + k)(1
    + s) and D^2 = (a sigma_O)^2 + (b sigma_E)^2: no quotient of fluxes.
    """
    known = bool(np.all((beams.flux_o_err > 0) & (beams.flux_e_err > 0)))
    level = np.full_like(beams.flux_o, float(np.mean(beams.flux_o + beams.flux_e)))
    o_err, e_err = (beams.flux_o_err, beams.flux_e_err) if known else (level, level)

    def equations(parameters: Array) -> tuple[Array, Array, Array, Array]:
        """a and b, and their derivatives to the parameters."""
        k = parameters[0]
        s = beams.modulation @ parameters[1:]
        a, b = (1 - k) * (1 - s), (1 + k) * (1 + s)
        per_a = np.column_stack([-(1 - s), -(1 - k) * beams.modulation])
        return a, b, per_a, np.column_stack([1 + s, (1 + k) * beams.modulation])

    def linearise(parameters: Array) -> tuple[Array, Array]:
        a, b, per_a, per_b = equations(parameters)
        scale = np.hypot(a * o_err, b * e_err)
        left = (a * beams.flux_o - b * beams.flux_e) / scale
        per_left = beams.flux_o[:, None] * per_a - beams.flux_e[:, None] * per_b
        per_scale = ((a * o_err**2)[:, None] * per_a + (b * e_err**2)[:, None] * per_b) / scale[:, None]
        return left, -(per_left - left[:, None] * per_scale) / scale[:, None]

    parameters = _iterate(_start(beams), linearise, np.ones_like(level))
    a, b, per_a, per_b = equations(parameters)
    design = -(beams.flux_o[:, None] * per_a - beams.flux_e[:, None] * per_b)
    variance = np.square(a * beams.flux_o_err) + np.square(b * beams.flux_e_err)
    weight = 1 / (np.square(a * o_err) + np.square(b * e_err))
    solver = _least_squares(design, weight / weight.mean())
    return Solution(parameters, a * beams.flux_o - b * beams.flux_e, variance, design, solver)


def complete_sets(plate_angles_deg: Array, usable: Mask) -> list[list[int]]:
    """Indices of sets at 0, 22.5, 45 and 67.5 degrees (modulo 90, within 1), the n-th of each making the n-th set."""
    step = np.round(plate_angles_deg / _SET_STEP_DEG)
    off = np.abs(plate_angles_deg - step * _SET_STEP_DEG) > _SET_TOLERANCE_DEG
    usable = usable & ~off
    by_angle = [np.flatnonzero(usable & (step % 4 == number)) for number in range(4)]
    return [[int(index) for index in members] for members in zip(*by_angle, strict=False)]


def solve_ratio(beams: Beams) -> Solution:
    """Mean of the ratio method's results for sets of four: exposures 4 n ... 4 n + 3 are the n-th set."""
    y = np.arctanh(beams.difference)
    variance = np.square(beams.difference_err / (1 - beams.difference**2))
    n_sets = y.size // 4
    qu, solver = np.zeros(2), np.zeros((3, y.size))
    for first in range(0, y.size, 4):
        members = slice(first, first + 4)
        of_set, solver_of_set = _solve_set(y[members], beams.modulation[members])
        qu += of_set / n_sets
        solver[1:, members] = solver_of_set / n_sets
    s = beams.modulation @ qu
    k = float(np.tanh(np.mean(y - np.arctanh(s))))
    per_s = beams.modulation / (1 - s**2)[:, None]
    solver[0] = (1 - k**2) * (1 / y.size - per_s.mean(axis=0) @ solver[1:])
    design = np.column_stack([np.full_like(s, 1 / (1 - k**2)), per_s])
    return Solution(np.array([k, *qu]), y - np.arctanh(s) - math.atanh(k), variance, design, solver)


def _solve_set(y: Array, modulation: Array) -> tuple[Array, Array]:
    """(q, u) from y = ln(O / E) / 2 = atanh k + atanh s at 0, 22.5, 45, 67.5, and its derivatives (2, 4).

    The differences y_0 - y_45 and y_22.5 - y_67.5 are free of k, and q = tanh of half the first (R_Q^2 is its
    exponential) for exact angles; angles as they are need both to be solved together.
    """
    pairs = np.array([[1.0, 0.0, -1.0, 0.0], [0.0, 1.0, 0.0, -1.0]])

    def linearise(qu: Array) -> tuple[Array, Array]:
        s = modulation @ qu
        return pairs @ (y - np.arctanh(s)), pairs @ (modulation / (1 - s**2)[:, None])

    qu = _iterate(np.tanh(pairs @ y / 2), linearise, np.ones(2))
    return qu, np.linalg.solve(linearise(qu)[1], pairs)


def _start(beams: Beams) -> Array:
    design = np.column_stack([np.ones(beams.flux_o.size), beams.modulation])
    start = np.linalg.lstsq(design, beams.difference, rcond=None)[0]
    # |k| and p below 1 however wild the data.
    return np.asarray(start * min(1.0, 0.9 / max(abs(start[0]), math.hypot(start[1], start[2]), 1e-9)))


def _weights(variance: Array) -> Array:
    weight = 1 / variance if np.all(variance > 0) else np.ones_like(variance)
    return np.asarray(weight / weight.mean())


def _least_squares(design: Array, weight: Array) -> Array:
    return np.asarray(np.linalg.solve(design.T @ (weight[:, None] * design), design.T * weight))


def _iterate(start: Array, linearise: Callable[[Array], tuple[Array, Array]], weight: Array) -> Array:
    parameters = start
    for _ in range(_MAX_ITERATIONS):
        residual, design = linearise(parameters)
        step = _least_squares(design, weight) @ residual
        parameters = parameters + step
        if not np.all(np.abs(parameters) < 1):
            break
        if np.max(np.abs(step)) < _CONVERGED:
            return parameters
    if np.all(np.abs(parameters) < 1) and np.max(np.abs(step)) < _NEAR_ENOUGH:
        return parameters
    raise ValueError("no gain imbalance and polarisation below 100 % explain the two beams")
