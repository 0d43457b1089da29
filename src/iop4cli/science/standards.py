"""Instrumental polarisation, zero of the angle and efficiency from measurements of standard stars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from iop4cli.science.standards_model import (
    NO_ANGLE,
    NOTHING_KNOWN,
    PARAMETERS,
    Known,
    Model,
    Solved,
    Standard,
    chi2_between,
    dof_between,
    predicted,
)
from iop4cli.science.standards_outliers import without_outliers
from iop4cli.science.standards_scatter import Observed, StarGroups, added_scatter, student_factor

__all__ = ["PARAMETERS", "CalibrationFit", "Known", "Residual", "Standard", "StandardMeasurement", "fit_standards"]

Array = NDArray[np.float64]

# The scatter of raw values is that of the sky's transparency, which fewer than this cannot tell.
MIN_RAW = 3


@dataclass(frozen=True)
class StandardMeasurement:
    """One measurement of a standard in the instrument's frame, before any correction (fractions).

    q, u: absolute values, i.e. with the instrument's own polarisation in them; errors are statistical.
    `relative` is (q, u) without it where field stars gave the transparency (see `fit_standards`); the errors
    are then those of the relative values, and `field_scatter` is the part of them that the field stars' own
    polarisation makes, the same in all measurements of one field.
    """

    name: str
    star: str
    q: float
    u: float
    q_err: float
    u_err: float
    qu_cov: float = 0.0
    relative: tuple[float, float] | None = None
    field_scatter: float = 0.0


@dataclass(frozen=True)
class Residual:
    """What is left of one measurement: measured minus fitted (fractions) with its error, scatter included.

    `used` is False for one that was left out, with the reason.
    """

    name: str
    star: str
    q: float
    u: float
    q_err: float
    u_err: float
    used: bool = True
    reason: str = ""


@dataclass(frozen=True)
class CalibrationFit:
    """The four PARAMETERS with covariance (4, 4), scatter included; chi2 is that without any scatter.

    `held`: those taken as known before. `scatter` is that of single measurements beyond their errors,
    `star_scatter` that of stars about their literature (fractions per component, 0 unless significant);
    `raw_scatter` that of raw values by the transparency (None where none were used).
    """

    values: Array
    cov: Array
    held: tuple[str, ...]
    chi2: float
    dof: int
    scatter: float
    star_scatter: float
    raw_scatter: float | None
    residuals: tuple[Residual, ...]

    @property
    def n_used(self) -> int:
        return sum(residual.used for residual in self.residuals)


def fit_standards(
    measurements: Sequence[StandardMeasurement],
    standards: Sequence[Standard],
    known: Known | None = None,
    hold: Sequence[str] = (),
    outlier_probability: float = 1e-4,
) -> CalibrationFit:
    """Calibration from standards: q' = q_inst + efficiency * R(-2Z) q_sky, by weighted least squares.

    All four PARAMETERS are fitted together, with the errors of the measurements and those of the
    literature, which all measurements of one star share. What the stars cannot tell is taken from `known`
    with its error, and so is what `hold` names: without a polarised star zero angle and efficiency; without
    an unpolarised one, and with the polarised ones alike, q_inst and u_inst. ValueError says what is missing.

    Scatter: if chi2 is larger than honest errors give in one case of a hundred, a scatter is added in
    quadrature (Paule & Mandel 1982, J. Res. NBS 87, 377), within the measurements of the stars, then between
    the stars; errors then grow by the factor that makes one sigma of Student's distribution hold 68 %. A
    measurement, or all of a star's, whose chance is below `outlier_probability` by the fit to all others is
    left out, the worst first, as long as the others determine the same parameters.

    One beam (`relative` given): changes of transparency between the exposures look like polarisation, and
    dividing by field stars takes these away together with the instrument's polarisation, for the stars carry
    it too: what is then left tells nothing of q_inst and u_inst but what was assumed of them (a fit of it
    would return the assumption). So zero angle and efficiency come from the relative values, and q_inst,
    u_inst from raw minus relative, in which the star's own light cancels and the transparency does not: a
    change of 5 % rms scatters one group of four by 3.5 %, so that thirty groups give 0.6 %. That scatter is
    always estimated, and fewer than MIN_RAW leave `known`. Its error matters only for groups without field
    stars.

    Wrong where the instrument changed within the measurements (slow changes are not independent scatter),
    where the field stars share an interstellar polarisation (one beam: zero angle and efficiency), and where
    a scatter hides among few measurements: equal to the errors, in six of three stars, it leaves errors that
    hold 60 % instead of 68 % (by simulation; the same scatter in fifteen of five stars: 62 %).
    """
    stars = {standard.name: standard for standard in standards}
    unknown = sorted({one.star for one in measurements} - set(stars))
    if unknown:
        raise ValueError(f"no standard is called {', '.join(unknown)}")
    if not measurements:
        raise ValueError("there is no measurement of a standard")
    if any(one.relative is not None for one in measurements):
        return _fit_one_beam(measurements, stars, known, hold, outlier_probability)
    rows = [Observed(one.name, one.star, np.array([one.q, one.u]), _cov(one)) for one in measurements]
    return _fit(rows, stars, known, hold, outlier_probability)


def _cov(one: StandardMeasurement) -> Array:
    return np.array([[one.q_err**2, one.qu_cov], [one.qu_cov, one.u_err**2]])


def _fit_one_beam(
    measurements: Sequence[StandardMeasurement],
    stars: Mapping[str, Standard],
    known: Known | None,
    hold: Sequence[str],
    outlier_probability: float,
) -> CalibrationFit:
    """Zero angle and efficiency from relative values; the instrument's polarisation from the raw ones."""
    given = [one for one in measurements if one.relative is not None]
    if known is None and not any(stars[one.star].polarised for one in given):
        raise ValueError(NO_ANGLE)
    before = known or NOTHING_KNOWN
    without_own = Known((0.0, 0.0, *before.values[2:]), (0.0, 0.0, *before.errors[2:]))
    relative = [Observed(one.name, one.star, np.array(one.relative), _cov(one)) for one in given]
    in_fields = {name: _in_its_field(star, given) for name, star in stars.items()}
    sky = _fit(relative, in_fields, without_own, (*PARAMETERS[:2], *hold), outlier_probability)
    raw = [Observed(one.name, "", _raw_of_instrument(one, stars, sky.values), _cov(one)) for one in measurements]
    nothing = {"": Standard.zero("", 0.0)}
    raw, _ = without_outliers(raw, Model.of(raw, nothing, NOTHING_KNOWN, ()), outlier_probability)
    held = [name for name in sky.held if name not in PARAMETERS[:2]]
    scatter = None
    if set(PARAMETERS[:2]) & set(hold) or len(raw) < MIN_RAW:
        if known is None:
            raise ValueError(f"q_inst and u_inst need {MIN_RAW} measurements of standards, there are {len(raw)}")
        offset, offset_cov = np.array(before.values[:2]), np.diag(np.square(before.errors[:2]))
        held = [*PARAMETERS[:2], *held]
    else:
        groups = StarGroups.of(raw)
        scatter = added_scatter(groups.chi2_within, groups.dof_within, always=True)
        means, spreads = groups.means(scatter)
        offset, offset_cov = means[0], spreads[0] * student_factor(groups.dof_within) ** 2
    values, cov = np.concatenate([offset, sky.values[2:]]), np.zeros((4, 4))
    cov[:2, :2], cov[2:, 2:] = offset_cov, sky.cov[2:, 2:]
    return replace(sky, values=values, cov=cov, held=tuple(held), raw_scatter=scatter)


def _raw_of_instrument(one: StandardMeasurement, stars: Mapping[str, Standard], values: Array) -> Array:
    """The raw (q, u) without the star's own light: the instrument's, and what the transparency did."""
    if one.relative is not None:
        return np.array([one.q - one.relative[0], one.u - one.relative[1]])
    star = stars[one.star]
    return np.array([one.q, one.u]) - predicted(np.array([0.0, 0.0, *values[2:]]), star.q, star.u)


def _in_its_field(star: Standard, measurements: Sequence[StandardMeasurement]) -> Standard:
    """The star with the error that its field stars give to all of its relative values alike."""
    variances = [one.field_scatter**2 for one in measurements if one.star == star.name]
    if not variances:
        return star
    (q_var, qu_cov), (_, u_var) = star.cov
    field = sum(variances) / len(variances)
    return replace(star, cov=((q_var + field, qu_cov), (qu_cov, u_var + field)))


def _fit(
    rows: Sequence[Observed],
    stars: Mapping[str, Standard],
    known: Known | None,
    hold: Sequence[str],
    outlier_probability: float,
) -> CalibrationFit:
    model = Model.of(rows, stars, known, hold)
    kept, left_out = without_outliers(rows, model, outlier_probability)
    solved = Solved.of(kept, model)
    groups, n_between = solved.groups, dof_between(solved.groups, model)
    cov = solved.cov
    if solved.scatter or solved.star_scatter:
        cov = cov * student_factor(n_between if solved.star_scatter else groups.dof_within) ** 2
    values = solved.values.copy()
    # The angle is known modulo 180 degrees: the one nearest to what was known before.
    values[2] -= 180.0 * round((values[2] - model.values[2]) / 180.0)
    return CalibrationFit(
        values=values,
        cov=cov,
        held=tuple(name for name in PARAMETERS if name not in model.open),
        chi2=groups.chi2_within(0.0) + chi2_between(groups, model, 0.0, 0.0),
        dof=groups.dof_within + n_between,
        scatter=solved.scatter,
        star_scatter=solved.star_scatter,
        raw_scatter=None,
        residuals=tuple(_residual(row, solved, left_out.get(row.name, "")) for row in rows),
    )


def _residual(row: Observed, solved: Solved, reason: str) -> Residual:
    star = solved.model.stars[row.star]
    off = row.stokes - predicted(solved.values, star.q, star.u)
    q_err, u_err = np.sqrt(np.diag(row.cov) + solved.scatter**2)
    return Residual(row.name, row.star, float(off[0]), float(off[1]), float(q_err), float(u_err), not reason, reason)
