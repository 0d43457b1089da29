"""Measurements of standards that the others contradict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from iop4cli.science.excess import chi2_survival
from iop4cli.science.standards_model import Model, Solved, dof_between, star_prediction
from iop4cli.science.standards_scatter import Observed, StarGroups, added_scatter

Array = NDArray[np.float64]

# So many degrees of freedom must remain to those who judge: of two, one in eight agrees by luck though the scatter is
# six times the errors, and would condemn the rest; of six, one in 500.
_MIN_DOF = 6
# With fewer measurements of a star the other stars must tell which of them is wrong.
_OWN_JUDGES = 3


def without_outliers(
    rows: Sequence[Observed], model: Model, outlier_probability: float
) -> tuple[list[Observed], dict[str, str]]:
    """The rows that agree, and why each other was left out; the worst goes first, one (or one star) at a time."""
    kept = list(rows)
    left_out: dict[str, str] = {}
    while True:
        judged = [(chance, suspects, why) for suspects, chance, why in _judged(kept, model)]
        chance, suspects, why = min(judged, key=lambda one: one[0], default=(1.0, [], ""))
        if chance >= outlier_probability:
            return kept, left_out
        names = {row.name for row in suspects}
        left_out |= dict.fromkeys(names, f"{why} (chance {chance:.1g})")
        kept = [row for row in kept if row.name not in names]


def _judged(rows: Sequence[Observed], model: Model) -> Iterator[tuple[list[Observed], float, str]]:
    """Each measurement and each star with the chance of deviating as much from the others."""
    by_star: dict[str, list[Observed]] = {}
    for row in rows:
        by_star.setdefault(row.star, []).append(row)
    for star, own in by_star.items():
        if len(own) >= _OWN_JUDGES:
            for row in own:
                chance = _beside_its_own(row, rows)
                if chance is not None:
                    yield [row], chance, f"it contradicts the others of {star}"
        others = [row for row in rows if row.star != star]
        if not others or not model.determined_by(others):
            continue
        solved = Solved.of(others, model)
        if dof_between(solved.groups, model) < _MIN_DOF:
            continue
        why = "it contradicts the other standards" if len(own) == 1 else f"{star} contradicts the other standards"
        yield own, _beside_others(own, solved), why
        if 1 < len(own) < _OWN_JUDGES:
            for row in own:
                yield [row], _beside_others([row], solved), "it contradicts the other standards"


def _beside_its_own(row: Observed, rows: Sequence[Observed]) -> float | None:
    """Chance of a measurement beside the others of its star."""
    groups = StarGroups.of([other for other in rows if other.name != row.name])
    if groups.dof_within < _MIN_DOF:
        return None
    scatter = added_scatter(groups.chi2_within, groups.dof_within)
    means, spreads = groups.means(scatter)
    number = groups.names.index(row.star)
    spread = row.cov + scatter**2 * np.eye(2) + spreads[number]
    return _chance(row.stokes - means[number], spread, groups.dof_within if scatter else None)


def _beside_others(own: Sequence[Observed], solved: Solved) -> float:
    """Chance of a star's mean beside what all other stars make expect."""
    means, spreads = StarGroups.of(own).means(solved.scatter)
    expected, spread = star_prediction(own[0].star, solved)
    estimated = dof_between(solved.groups, solved.model) if solved.star_scatter else None
    if estimated is None and solved.scatter:
        estimated = solved.groups.dof_within
    return _chance(means[0] - expected, spreads[0] + spread, estimated)


def _chance(off: Array, cov: Array, estimated_dof: int | None) -> float:
    """Chance of a larger deviation (2,); by Fisher's distribution if the scatter itself was estimated."""
    from scipy.stats import f

    chi2 = float(off @ np.linalg.solve(cov, off))
    return chi2_survival(chi2, 2) if estimated_dof is None else float(f.sf(chi2 / 2, 2, estimated_dof))
