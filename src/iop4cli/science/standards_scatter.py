"""Measurements of standards star by star: their means, and what scatters beyond the errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iop4cli.science.debias import ONE_SIGMA
from iop4cli.science.excess import error_inflation

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Observed:
    """(q, u) of one measurement of a star, shape (2,), with its covariance, shape (2, 2); fractions."""

    name: str
    star: str
    stokes: Array
    cov: Array


@dataclass(frozen=True)
class StarGroups:
    """n measurements of k stars: stokes (n, 2), cov (n, 2, 2), the star's number of each (n,)."""

    names: tuple[str, ...]
    stokes: Array
    cov: Array
    star: NDArray[np.int64]

    @classmethod
    def of(cls, rows: Sequence[Observed]) -> StarGroups:
        names = tuple(dict.fromkeys(row.star for row in rows))
        numbers = np.array([names.index(row.star) for row in rows])
        return cls(names, np.array([row.stokes for row in rows]), np.array([row.cov for row in rows]), numbers)

    def means(self, scatter: float) -> tuple[Array, Array]:
        """Weighted mean of each star (k, 2) and its covariance (k, 2, 2), with this scatter of each measurement."""
        weights = np.linalg.inv(self.cov + scatter**2 * np.eye(2))
        total, pull = np.zeros((len(self.names), 2, 2)), np.zeros((len(self.names), 2))
        np.add.at(total, self.star, weights)
        np.add.at(pull, self.star, np.einsum("nij,nj->ni", weights, self.stokes))
        spread: Array = np.linalg.inv(total).astype(float)
        return np.einsum("kij,kj->ki", spread, pull), spread

    def chi2_within(self, scatter: float) -> float:
        """Chi2 of the measurements about the mean of their star."""
        off = self.stokes - self.means(scatter)[0][self.star]
        weights = np.linalg.inv(self.cov + scatter**2 * np.eye(2))
        return float(np.einsum("ni,nij,nj->", off, weights, off))

    @property
    def dof_within(self) -> int:
        return 2 * (len(self.stokes) - len(self.names))


def added_scatter(chi2_of: Callable[[float], float], dof: int, *, always: bool = False) -> float:
    """The scatter that makes chi2 equal to its degrees of freedom; 0 if chi2 is not significantly larger.

    `always`: not only where the excess is significant.
    """
    from scipy.optimize import brentq

    bare = chi2_of(0.0)
    excess = bare > dof if always else error_inflation(bare, dof) > 1.0
    if dof < 1 or not excess:
        return 0.0
    high = 1e-6
    while chi2_of(high) > dof:
        high *= 4.0
    return float(brentq(lambda scatter: chi2_of(scatter) - dof, 0.0, high, xtol=1e-9, rtol=1e-6))


def student_factor(dof: int) -> float:
    """By how much one sigma must grow to hold 68.27 % if it was estimated with so few degrees of freedom."""
    from scipy.stats import t

    return float(t.ppf(0.5 + ONE_SIGMA / 2, max(dof, 1)))
