"""Magnitudes from one photometric system to another: Pan-STARRS, SDSS, Johnson-Cousins; errors and where they hold.

Sets of relations (see each): `tonry2012` PS1 -> BVRI, `tonry2012_sdss` PS1 -> SDSS, and SDSS -> BVRI `lupton2005`,
`jester2005`, `jordi2006`. PS1 magnitudes are not SDSS magnitudes: through SDSS they take two sets, one after the other
(`ps1_through_sdss`). All are for stars; none is for the power law of a blazar, nor for galaxies.

Every coefficient was found alike in two independent transcriptions at least: Tonry's of the paper, the others of the
SDSS pages that quote Jester, Jordi and Lupton. Residuals likewise, but for those of `tonry2012_sdss`, found in one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

# A colour at the end of a range is in it, whatever rounding does.
_SAME_MAG = 1e-9


@dataclass(frozen=True)
class Term:
    """`coefficient` (with its published error) times the colour first - second to a power."""

    coefficient: float
    first: str
    second: str
    power: int = 1
    error: float = 0.0


@dataclass(frozen=True)
class Relation:
    """One magnitude as `base` + constant + terms.

    `scatter` is the rms residual of the published fit; `valid` says for colours (first, second) from where to
    where it holds.
    """

    band: str
    base: str
    constant: float
    terms: tuple[Term, ...]
    scatter: float
    valid: tuple[tuple[str, str, float, float], ...]
    constant_error: float = 0.0

    @property
    def inputs(self) -> frozenset[str]:
        """Bands that it needs, for its value or to know whether it holds."""
        named = {band for term in self.terms for band in (term.first, term.second)}
        return frozenset({self.base} | named | {band for limit in self.valid for band in limit[:2]})


@dataclass(frozen=True)
class Transformed:
    """Magnitudes (n, m) of n stars in m bands, NaN where there is a reason (n, m; empty where there is none).

    `cov` (n, m, m) in mag^2 holds the errors of the inputs and of the coefficients, and the scatter of the relations
    on its diagonal. Bands of one star are correlated, for they share inputs.
    """

    bands: tuple[str, ...]
    mag: Array
    cov: Array
    reason: NDArray[np.object_]

    @property
    def mag_err(self) -> Array:
        """Errors (n, m), NaN where there is no magnitude."""
        return np.sqrt(np.diagonal(self.cov, axis1=1, axis2=2))

    def of(self, band: str) -> tuple[Array, Array]:
        """Magnitudes and errors (n,) in one band."""
        index = self.bands.index(band)
        return self.mag[:, index], self.mag_err[:, index]


def transform(
    relations: Sequence[Relation], mags: Mapping[str, ArrayLike], errs: Mapping[str, ArrayLike]
) -> Transformed:
    """Magnitudes by a set of relations, from magnitudes and errors (n,) of independent bands.

    First-order propagation: exact for the linear sets; for the quadratic ones the part left out is coefficient times
    the colour's variance, below 0.001 mag for errors below 0.1 mag. A band that is not there, or is NaN, or has no
    error, gives a reason only where it is needed.
    """
    bands = tuple(mags)
    values = np.column_stack([np.atleast_1d(np.asarray(mags[band], float)) for band in bands])
    errors = np.column_stack([np.broadcast_to(np.asarray(errs[band], float), len(values)) for band in bands])
    return _apply(relations, bands, values, errors[:, :, None] ** 2 * np.eye(len(bands)))


def ps1_through_sdss(
    relations: Sequence[Relation], mags: Mapping[str, ArrayLike], errs: Mapping[str, ArrayLike]
) -> Transformed:
    """Johnson-Cousins from PS1 magnitudes by way of SDSS: tonry2012_sdss, then `relations` of SDSS magnitudes."""
    between = transform([r for r in TONRY_2012_SDSS if r.inputs <= set(mags)], mags, errs)
    return _apply(relations, between.bands, between.mag, between.cov, between.reason)


def _apply(
    relations: Sequence[Relation],
    bands: tuple[str, ...],
    values: Array,
    cov: Array,
    reasons: NDArray[np.object_] | None = None,
) -> Transformed:
    n, n_out = len(values), len(relations)
    missing = ~np.isfinite(values) | ~np.isfinite(np.diagonal(cov, axis1=1, axis2=2))
    clean = np.where(missing, 0.0, values)
    # A band that is not known must not spoil those that do not need it.
    clean_cov = np.where(missing[:, :, None] | missing[:, None, :], 0.0, cov)
    mag, gradient, own = np.empty((n, n_out)), np.zeros((n, n_out, len(bands))), np.zeros((n, n_out))
    reason = np.full((n, n_out), "", dtype=object)
    for column, relation in enumerate(relations):
        reason[:, column] = _why_not(relation, bands, clean, missing, reasons)
        if relation.inputs <= set(bands):
            mag[:, column], gradient[:, column], own[:, column] = _value(relation, bands, clean)
    out = gradient @ clean_cov @ np.swapaxes(gradient, 1, 2) + own[:, :, None] * np.eye(n_out)
    wrong = reason != ""
    mag[wrong] = np.nan
    out[wrong[:, :, None] | wrong[:, None, :]] = np.nan
    return Transformed(tuple(relation.band for relation in relations), mag, out, reason)


def _value(relation: Relation, bands: tuple[str, ...], values: Array) -> tuple[Array, Array, Array]:
    """(magnitudes, derivatives by the inputs, variance that is the relation's own)."""
    column = {band: index for index, band in enumerate(bands)}
    mag = values[:, column[relation.base]] + relation.constant
    gradient = np.zeros(values.shape)
    gradient[:, column[relation.base]] = 1.0
    variance = np.full(len(values), relation.scatter**2 + relation.constant_error**2)
    for term in relation.terms:
        first, second = column[term.first], column[term.second]
        colour = values[:, first] - values[:, second]
        mag = mag + term.coefficient * colour**term.power
        slope = term.coefficient * term.power * colour ** (term.power - 1)
        gradient[:, first] += slope
        gradient[:, second] -= slope
        variance = variance + (term.error * colour**term.power) ** 2
    return mag, gradient, variance


def _why_not(
    relation: Relation,
    bands: tuple[str, ...],
    values: Array,
    missing: NDArray[np.bool_],
    reasons: NDArray[np.object_] | None,
) -> NDArray[np.object_]:
    """Why stars (n,) have no magnitude by the relation; empty for those that have."""
    column = {band: index for index, band in enumerate(bands)}
    found = np.full(len(values), "", dtype=object)
    absent = sorted(relation.inputs - set(bands))
    if absent:
        found[:] = f"no magnitude in {', '.join(absent)}"
        return found
    for first, second, low, high in relation.valid:
        colour = values[:, column[first]] - values[:, column[second]]
        for star in np.flatnonzero((colour < low - _SAME_MAG) | (colour > high + _SAME_MAG)):
            said = f"{first}-{second} {colour[star]:.2f} is outside {low:g} to {high:g}"
            found[star] = "; ".join(filter(None, (found[star], said)))
    needed = sorted(relation.inputs)
    for star in np.flatnonzero(missing[:, [column[band] for band in needed]].any(axis=1)):
        lacking = [band for band in needed if missing[star, column[band]]]
        earlier = [] if reasons is None else [reasons[star, column[band]] for band in lacking]
        found[star] = next(filter(None, earlier), f"no magnitude with an error in {', '.join(lacking)}")
    return found


def _quadratic(band: str, base: str, constant: float, linear: float, square: float, scatter: float) -> Relation:
    terms = (Term(linear, "g", "r"), Term(square, "g", "r", 2))
    return Relation(band, base, constant, terms, scatter, _TONRY_RANGE)


# Tonry et al. (2012, ApJ 750, 99, table 6), quadratic in g - r of PS1. The paper gives no range; this is where its
# quadratic and its linear fits agree to their scatter in every band. Redward lie M dwarfs, whose g - r says little.
_TONRY_RANGE = (("g", "r", -0.4, 1.2),)
TONRY_2012 = (
    _quadratic("B", "g", 0.212, 0.556, 0.034, 0.032),
    _quadratic("V", "r", 0.005, 0.462, 0.013, 0.012),
    _quadratic("R", "r", -0.137, -0.108, -0.029, 0.015),
    _quadratic("I", "i", -0.366, -0.136, -0.018, 0.017),
)
TONRY_2012_SDSS = (
    _quadratic("g", "g", 0.013, 0.145, 0.019, 0.008),
    _quadratic("r", "r", -0.001, 0.004, 0.007, 0.004),
    _quadratic("i", "i", -0.005, 0.011, 0.010, 0.004),
    _quadratic("z", "z", 0.013, -0.039, -0.012, 0.010),
)

# Lupton (2005), on the SDSS pages on transformations: stars of Stetson's standard fields in DR4. No range is
# published; ours is where it, Jester's, Jordi's and Tonry's agree (see the tests): redward, among M dwarfs, they
# part by 0.1 mag and more, and at r - i = -0.2 Lupton's R is 0.03 mag fainter than the others.
_LUPTON_GR, _LUPTON_RI = ("g", "r", -0.1, 1.35), ("r", "i", -0.1, 0.6)
LUPTON_2005 = (
    Relation("B", "g", 0.2271, (Term(0.3130, "g", "r"),), 0.0107, (_LUPTON_GR,)),
    Relation("V", "g", -0.0038, (Term(-0.5784, "g", "r"),), 0.0054, (_LUPTON_GR,)),
    Relation("R", "r", -0.1439, (Term(-0.2936, "r", "i"),), 0.0072, (_LUPTON_RI,)),
    Relation("I", "r", -0.3820, (Term(-1.2444, "r", "i"),), 0.0078, (_LUPTON_RI,)),
)

# Jester et al. (2005, AJ 130, 873, table 1), all stars with Rc - Ic < 1.15, which is r - i < 0.94 by their own
# Rc - Ic = 1.00 (r - i) + 0.21 (0.01). R is V less V - R = 1.09 (r - i) + 0.22 (0.03), I is R less Rc - Ic; their
# residuals are added in quadrature. R is 0.05 mag brighter than by the other sets at r - i = 0; R and I,
# though within the published range, are 0.1 to 0.2 mag brighter redward of 0.7. The blue end is ours.
_JESTER_RANGE = (("g", "r", -0.3, 1.6), ("r", "i", -0.25, 0.94))
LIMIT_RC_IC = 1.15
JESTER_2005 = (
    Relation("B", "g", 0.21, (Term(0.39, "g", "r"),), 0.03, _JESTER_RANGE),
    Relation("V", "g", -0.01, (Term(-0.59, "g", "r"),), 0.01, _JESTER_RANGE),
    Relation("R", "g", -0.23, (Term(-0.59, "g", "r"), Term(-1.09, "r", "i")), 0.0316, _JESTER_RANGE),
    Relation("I", "g", -0.44, (Term(-0.59, "g", "r"), Term(-2.09, "r", "i")), 0.0332, _JESTER_RANGE),
)

# Jordi, Grebel & Ammon (2006, A&A 460, 339): B - g = 0.313 (g - r) + 0.219, V - g = -0.565 (g - r) - 0.016,
# V - I = 0.675 (g - i) + 0.364 for g - i <= 2.1, R - I = 0.930 (r - i) + 0.259, with errors of the coefficients. I is V
# less V - I, R is I plus R - I. Their R - r = -0.153 (r - i) - 0.117 is not used: it contradicts their own relations
# and all other sets (0.03 mag at r - i = 0, 0.06 at 0.2, 0.1 at 0.5). Residuals of the fits are not known to us; in
# their place stands Lupton's, or the largest departure from his relations (of stars of the same fields) in the range,
# which is ours, if that is larger.
_JORDI_GR, _JORDI_RI = ("g", "r", -0.1, 1.35), ("r", "i", -0.1, 0.55)
_JORDI_V = Term(-0.565, "g", "r", error=0.001)
_JORDI_VI = Term(-0.675, "g", "i", error=0.002)
JORDI_2006 = (
    Relation("B", "g", 0.219, (Term(0.313, "g", "r", error=0.003),), 0.0107, (_JORDI_GR,), 0.002),
    Relation("V", "g", -0.016, (_JORDI_V,), 0.014, (_JORDI_GR,), 0.001),
    Relation(
        "R", "g", -0.016 - 0.364 + 0.259, (_JORDI_V, _JORDI_VI, Term(0.930, "r", "i", error=0.005)), 0.020,
        (_JORDI_GR, _JORDI_RI, ("g", "i", -0.2, 2.1)), 0.003,
    ),
    Relation(
        "I", "g", -0.016 - 0.364, (_JORDI_V, _JORDI_VI), 0.031, (_JORDI_GR, _JORDI_RI, ("g", "i", -0.2, 2.1)), 0.0022
    ),
)  # fmt: skip

FROM_PS1 = {"tonry2012": TONRY_2012, "tonry2012_sdss": TONRY_2012_SDSS}
FROM_SDSS = {"lupton2005": LUPTON_2005, "jester2005": JESTER_2005, "jordi2006": JORDI_2006}
