"""Is a scatter larger than the errors allow, and by how much must the errors grow then?"""

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# A scatter that honest errors give less often than this is real and enlarges them. With 1 degree of freedom
# the false alarms narrow the pulls to 0.995; always enlarging would narrow them to 0.92, and rescaling both
# ways covers 58 % instead of 68 %.
EXCESS_PROBABILITY = 0.01


def residual_chi2(measured: Array, design: Array, solver: Array, covariance: Array) -> tuple[float | None, int]:
    """Chi2 of the residuals of a linear fit under the full covariance (None without noise), and its dof."""
    dof = measured.size - design.shape[1]
    if dof == 0:
        return None, 0
    # The last columns span what no model can reach: contrasts of the fluxes that would vanish without noise.
    contrasts = np.linalg.qr(design, mode="complete")[0][:, design.shape[1] :]
    left = contrasts.T @ measured
    spread = contrasts.T @ covariance @ contrasts
    # A factor common to all fluxes leaves no more than rounding in the contrasts.
    if np.trace(spread) <= 1e-12 * np.trace(covariance):
        return None, dof
    return float(left @ np.linalg.pinv(spread, hermitian=True) @ left), dof


def error_inflation(chi2: float | None, dof: int) -> float:
    """Factor on photon errors: sqrt(chi2_red) if an excess that large is significant, else 1."""
    if chi2 is None or dof < 1 or chi2 <= dof or chi2_survival(chi2, dof) > EXCESS_PROBABILITY:
        return 1.0
    return math.sqrt(chi2 / dof)


def chi2_survival(chi2: float, dof: int) -> float:
    """Probability of a larger chi2 by chance, by the closed sums for whole degrees of freedom."""
    half = chi2 / 2
    if dof % 2 == 0:
        return sum(_poisson(half, k) for k in range(dof // 2))
    return math.erfc(math.sqrt(half)) + sum(_poisson(half, k + 0.5) for k in range(dof // 2))


def _poisson(mean: float, count: float) -> float:
    if mean == 0:
        return 1.0 if count == 0 else 0.0
    return math.exp(count * math.log(mean) - mean - math.lgamma(count + 1))
