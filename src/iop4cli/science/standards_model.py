"""What an instrument makes of the light of standard stars, and the least squares that invert it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iop4cli.science.standards_scatter import Observed, StarGroups, added_scatter

Array = NDArray[np.float64]

# The order of the four numbers of a calibration wherever they stand in a row or a matrix.
PARAMETERS = ("q_inst", "u_inst", "zero_angle_deg", "efficiency")
# Polarised stars must differ by this in (q, u) to tell the instrument's own polarisation by themselves.
_DISTINCT_POLARISATION = 0.02
_ITERATIONS = 30
_DEG = math.pi / 180


@dataclass(frozen=True)
class Standard:
    """A star of known polarisation on the sky: q, u (fractions) and their covariance (2, 2)."""

    name: str
    q: float
    u: float
    cov: tuple[tuple[float, float], tuple[float, float]]
    polarised: bool

    @classmethod
    def of(
        cls, name: str, p: float, p_err: float, chi_deg: float, chi_err_deg: float, *, polarised: bool = True
    ) -> Standard:
        """A star of the literature: fractions, and degrees north through east."""
        cos, sin = math.cos(2 * chi_deg * _DEG), math.sin(2 * chi_deg * _DEG)
        along, across = p_err**2, (2 * p * chi_err_deg * _DEG) ** 2
        off = cos * sin * (along - across)
        cov = ((cos**2 * along + sin**2 * across, off), (off, sin**2 * along + cos**2 * across))
        return cls(name, p * cos, p * sin, cov, polarised)

    @classmethod
    def zero(cls, name: str, scatter: float) -> Standard:
        """An unpolarised star without figures: q = u = 0 to within `scatter` (a fraction) each."""
        return cls(name, 0.0, 0.0, ((scatter**2, 0.0), (0.0, scatter**2)), False)


@dataclass(frozen=True)
class Known:
    """The four numbers of PARAMETERS as known before, with errors; for those that the standards leave open."""

    values: tuple[float, float, float, float]
    errors: tuple[float, float, float, float]


NO_ANGLE = "no polarised standard was measured, and no earlier calibration tells the zero angle and the efficiency"
NO_OFFSET = "no unpolarised standard was measured, and no earlier calibration tells the instrument's polarisation"
NOTHING_KNOWN = Known((0.0, 0.0, 0.0, 1.0), (math.inf, math.inf, math.inf, math.inf))


def predicted(values: Array, q: float, u: float) -> Array:
    """(q, u) in the instrument of light (q, u) on the sky: the inverse of `stokes.to_sky`."""
    q_inst, u_inst, zero_deg, efficiency = values
    cos, sin = math.cos(2 * zero_deg * _DEG), math.sin(2 * zero_deg * _DEG)
    return np.array([q_inst + efficiency * (q * cos + u * sin), u_inst + efficiency * (u * cos - q * sin)])


def parameters_told(measured: Sequence[Standard], hold: Sequence[str]) -> frozenset[str]:
    """Which parameters these stars determine, but for those that are held."""
    polarised = [star for star in measured if star.polarised]
    apart = max((math.hypot(one.q - other.q, one.u - other.u) for one in polarised for other in polarised), default=0.0)
    rotation_held = {"zero_angle_deg", "efficiency"} <= set(hold)
    found = set()
    if len(polarised) < len(measured) or apart > _DISTINCT_POLARISATION or (polarised and rotation_held):
        found |= {"q_inst", "u_inst"}
    if polarised:
        found |= {"zero_angle_deg", "efficiency"}
    return frozenset(found - set(hold))


@dataclass(frozen=True)
class Model:
    """The stars, which parameters are open, and what is known of the others (errors of 0: exactly)."""

    stars: Mapping[str, Standard]
    open: frozenset[str]
    hold: tuple[str, ...]
    values: Array
    errors: Array

    @classmethod
    def of(
        cls, rows: Sequence[Observed], stars: Mapping[str, Standard], known: Known | None, hold: Sequence[str]
    ) -> Model:
        """For these measurements; a ValueError says what neither they nor anything earlier tells."""
        found = parameters_told(_stars_of(rows, stars), hold)
        if known is None and not {"zero_angle_deg", "efficiency"} <= found:
            raise ValueError(NO_ANGLE)
        if known is None and "q_inst" not in found:
            raise ValueError(NO_OFFSET)
        known = known or NOTHING_KNOWN
        return cls(stars, found, tuple(hold), np.array(known.values, float), np.array(known.errors, float))

    def determined_by(self, rows: Sequence[Observed]) -> bool:
        """Whether these measurements determine the same parameters."""
        return parameters_told(_stars_of(rows, self.stars), self.hold) == self.open

    @property
    def free(self) -> list[int]:
        """The parameters that the fit may move: open ones, and those known with an error."""
        return [i for i, name in enumerate(PARAMETERS) if name in self.open or 0 < self.errors[i] < math.inf]

    @property
    def priors(self) -> list[int]:
        return [i for i in self.free if PARAMETERS[i] not in self.open]


def _stars_of(rows: Sequence[Observed], stars: Mapping[str, Standard]) -> list[Standard]:
    return [stars[name] for name in dict.fromkeys(row.star for row in rows)]


@dataclass(frozen=True)
class Solved:
    """A fit to given rows: the star means carry all that single measurements tell of the parameters.

    values (4,) and cov (4, 4) in the order of PARAMETERS; scatters as in `standards.CalibrationFit`.
    """

    groups: StarGroups
    model: Model
    scatter: float
    star_scatter: float
    values: Array
    cov: Array

    @classmethod
    def of(cls, rows: Sequence[Observed], model: Model) -> Solved:
        groups = StarGroups.of(rows)
        scatter = added_scatter(groups.chi2_within, groups.dof_within)
        star_scatter = added_scatter(
            lambda trial: chi2_between(groups, model, scatter, trial), dof_between(groups, model)
        )
        return cls(groups, model, scatter, star_scatter, *solve(groups, model, scatter, star_scatter))


def dof_between(groups: StarGroups, model: Model) -> int:
    """Degrees of freedom of the star means about the fit."""
    return 2 * len(groups.names) + len(model.priors) - len(model.free)


def chi2_between(groups: StarGroups, model: Model, scatter: float, star_scatter: float) -> float:
    """Chi2 of the star means, and of what is known, about their fit with these scatters."""
    values, _ = solve(groups, model, scatter, star_scatter)
    off, weights, _ = _star_terms(groups, model, values, scatter, star_scatter)
    known = sum(float((values[i] - model.values[i]) / model.errors[i]) ** 2 for i in model.priors)
    return float(np.einsum("ki,kij,kj->", off, weights, off)) + known


def solve(groups: StarGroups, model: Model, scatter: float, star_scatter: float) -> tuple[Array, Array]:
    """The four values and their covariance (4, 4), by Gauss-Newton steps from the linear solution."""
    free, values = model.free, _start(groups, model, scatter)
    prior = np.array([1 / model.errors[i] ** 2 if i in model.priors else 0.0 for i in free])
    normal = np.eye(len(free))
    for _ in range(_ITERATIONS):
        off, weights, jacobian = _star_terms(groups, model, values, scatter, star_scatter)
        design = jacobian[:, :, free]
        normal = np.einsum("kia,kij,kjb->ab", design, weights, design) + np.diag(prior)
        pull = np.einsum("kia,kij,kj->a", design, weights, off) + prior * (model.values - values)[free]
        step = np.linalg.solve(normal, pull)
        values[free] += step
        if np.all(np.abs(step) < 1e-11):
            break
    cov = np.zeros((4, 4))
    cov[np.ix_(free, free)] = np.linalg.inv(normal)
    return values, cov


def star_prediction(name: str, solved: Solved) -> tuple[Array, Array]:
    """(q, u) in the instrument that a fit expects of a star, shape (2,), and its covariance (2, 2)."""
    expected, carried, jacobian = _seen(solved.model, [name], solved.values)
    spread = carried[0] + solved.star_scatter**2 * np.eye(2) + jacobian[0] @ solved.cov @ jacobian[0].T
    return expected[0], spread


def _star_terms(
    groups: StarGroups, model: Model, values: Array, scatter: float, star_scatter: float
) -> tuple[Array, Array, Array]:
    """Of each star: residual of its mean (k, 2), weight (k, 2, 2), derivative by the parameters (k, 2, 4)."""
    means, spreads = groups.means(scatter)
    expected, carried, jacobian = _seen(model, groups.names, values)
    weights: Array = np.linalg.inv(spreads + carried + star_scatter**2 * np.eye(2)).astype(float)
    return means - expected, weights, jacobian


def _seen(model: Model, names: Sequence[str], values: Array) -> tuple[Array, Array, Array]:
    """What the instrument shows of stars (k, 2), the literature's covariance in it, and its derivative (k, 2, 4)."""
    cos, sin = math.cos(2 * values[2] * _DEG), math.sin(2 * values[2] * _DEG)
    turn = np.array([[cos, sin], [-sin, cos]])
    stars = [model.stars[name] for name in names]
    light = np.array([[star.q, star.u] for star in stars]) @ turn.T
    carried = values[3] ** 2 * turn @ np.array([star.cov for star in stars]) @ turn.T
    jacobian = np.zeros((len(stars), 2, 4))
    jacobian[:, 0, 0] = jacobian[:, 1, 1] = 1.0
    jacobian[:, :, 2] = 2 * _DEG * values[3] * np.stack([light[:, 1], -light[:, 0]], axis=1)
    jacobian[:, :, 3] = light
    return values[:2] + values[3] * light, carried, jacobian


def _start(groups: StarGroups, model: Model, scatter: float) -> Array:
    """The linear fit of q_inst, u_inst and of efficiency times cos 2Z, sin 2Z; known values where not open."""
    values = model.values.copy()
    if not {"zero_angle_deg", "efficiency"} & model.open:
        return values
    rows, right = [], []
    offset_open = "q_inst" in model.open
    for name, mean in zip(groups.names, groups.means(scatter)[0], strict=True):
        star = model.stars[name]
        rows += [[float(offset_open), 0.0, star.q, star.u], [0.0, float(offset_open), star.u, -star.q]]
        right += list(mean if offset_open else mean - values[:2])
    q_inst, u_inst, a, b = np.linalg.lstsq(np.array(rows), np.array(right), rcond=None)[0]
    if offset_open:
        values[:2] = q_inst, u_inst
    if "zero_angle_deg" in model.open:
        values[2] = math.degrees(math.atan2(b, a)) / 2
    if "efficiency" in model.open:
        values[3] = max(math.hypot(a, b), 0.1)
    return values
