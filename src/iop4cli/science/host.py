"""The host galaxy's light in an aperture, and brightness and polarisation without it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from iop4cli.science.debias import errors_along_and_across, mas_estimate

BAND = "R"
R_ZERO_MJY = 3.080e6
# What is left after the subtraction must stand this many errors above zero, see `without_host`.
LEAST_SNR_LEFT = 5.0
_A = 0.4 * math.log(10.0)
# Nodes of a table are given to two figures behind the point or so: nearer than this is on the node.
_SAME_ARCSEC = 1e-6

Node = tuple[float, float, float, float]


class NoHost(ValueError):
    """Why there is no host correction, in words."""


@dataclass(frozen=True)
class HostFlux:
    """Light of the host galaxy (and of companions in its table) within an aperture, mJy."""

    flux_mjy: float
    flux_err_mjy: float


@dataclass(frozen=True)
class HostTable:
    """Host flux of one source in one band by aperture radius and seeing (FWHM), both in arcsec."""

    nodes: dict[tuple[float, float], HostFlux]
    radii_arcsec: tuple[float, ...]
    fwhms_arcsec: tuple[float, ...]

    @classmethod
    def of(cls, nodes: Iterable[Node | Sequence[float]]) -> HostTable:
        """From (radius, FWHM, flux, error) of each node, in any order; the grid may have holes."""
        found = {(float(r), float(w)): HostFlux(float(flux), float(err)) for r, w, flux, err in nodes}
        return cls(found, tuple(sorted({r for r, _ in found})), tuple(sorted({w for _, w in found})))

    def at(self, radius_arcsec: float, fwhm_arcsec: float) -> HostFlux:
        """Flux in an aperture of this radius at this seeing: the table's own at a node, bilinear between nodes.

        Never extrapolated: outside the grid, or beside a hole of it, NoHost says what is missing. The errors of
        neighbouring nodes are of one model of the galaxy, so they are interpolated like the flux (fully
        correlated), not reduced. In the tables of Nilsson et al. (2007, A&A 475, 199) the line between two radii
        departs from the curve by 0.04 % in the median and 1.8 % at most, nowhere by more than a quarter of their
        error (from second differences). Errors of the radius and of the FWHM are not propagated: 0.1" of radius
        is 0.7 % of the flux in the median (2 % or more in the steepest tenth), 1" of FWHM 1.6 %.
        """
        column = _between(self.radii_arcsec, radius_arcsec, "aperture radius")
        row = _between(self.fwhms_arcsec, fwhm_arcsec, "FWHM")
        flux = error = 0.0
        for r, weight_r in column:
            for w, weight_w in row:
                node = self.nodes.get((r, w))
                if node is None:
                    raise NoHost(f'the table has no node at radius {r:g}" and FWHM {w:g}"')
                flux += weight_r * weight_w * node.flux_mjy
                error += weight_r * weight_w * node.flux_err_mjy
        return HostFlux(flux, error)


def _between(nodes: tuple[float, ...], value: float, what: str) -> list[tuple[float, float]]:
    """(node, weight) of the one or two nodes that a value lies on or between."""
    for node in nodes:
        if abs(node - value) <= _SAME_ARCSEC:
            return [(node, 1.0)]
    for low, high in pairwise(nodes):
        if low < value < high:
            part = (value - low) / (high - low)
            return [(low, 1.0 - part), (high, part)]
    raise NoHost(f'{what} {value:.2f}" is outside the table, which has {nodes[0]:g}" to {nodes[-1]:g}"')


@dataclass(frozen=True)
class Stokes:
    """Linear polarisation as measured: fractions, and the covariance of q and u."""

    q: float
    u: float
    q_err: float
    u_err: float
    qu_cov: float


@dataclass(frozen=True)
class WithoutHost:
    """What is left of a source without its host; polarisation as fractions, None if there was none to correct.

    `*_err` and `*_cov` hold the errors of magnitude, polarisation and host together. All results of a source share
    the host's error and most of the magnitude's: they shift a light curve as a whole, they do not scatter it.
    `mag_q_cov`, `mag_u_cov`, `mag_p_cov` (mag): all of them were corrected by one flux.
    """

    mag: float
    mag_err: float
    q: float | None = None
    q_err: float | None = None
    u: float | None = None
    u_err: float | None = None
    qu_cov: float | None = None
    mag_q_cov: float | None = None
    mag_u_cov: float | None = None
    p: float | None = None
    p_err: float | None = None
    p_debiased: float | None = None
    mag_p_cov: float | None = None


def flux_mjy(mag: float) -> float:
    """Flux of a magnitude in Cousins R, mJy: 3.080e6 * 10^(-0.4 R), the zero of Nilsson et al. (2007)."""
    return float(R_ZERO_MJY * 10.0 ** (-0.4 * mag))


def without_host(mag: float, mag_err: float, host: HostFlux, stokes: Stokes | None = None) -> WithoutHost:
    """Magnitude and polarisation of a source in R when the host's flux H is taken from its flux F.

    mag - 2.5 log10(1 - H/F); q, u and p times k = F/(F - H). The angle does not change. F (through mag), q, u and H
    are taken as independent but for the covariance of q and u: photon noise leaves the sum and the ratio of
    fluxes uncorrelated. With a = 0.4 ln 10 the linear propagation is

        d mag' = k d mag + d H / (a (F - H)),    d k = a k (k - 1) d mag + k^2 / F d H,
        d q' = k d q + q d k,                    d u' = k d u + u d k.

    p_debiased is the MAS estimate (see debias.mas_estimate) of p' with the error of (q', u') across its
    direction. Errors of k move (q, u) along its own direction, make no bias and have no part in it: it is
    k times the debiased p of the whole.

    Assumes that the host is unpolarised, and linear errors: F - H below 5 of its own errors is NoHost. At 5 the
    corrected p is on average 4 % (0.2 of its error) too high, and the magnitude 0.02 (0.1 error) too faint; both
    fall with the square.
    """
    flux = flux_mjy(mag)
    left = flux - host.flux_mjy
    left_err = math.hypot(_A * flux * mag_err, host.flux_err_mjy)
    if left <= LEAST_SNR_LEFT * left_err:
        raise NoHost(
            f"the host's {host.flux_mjy:.2f} mJy leave {left:.2f} +- {left_err:.2f} mJy of {flux:.2f}: "
            f"less than {LEAST_SNR_LEFT:g} errors above zero"
        )
    k = flux / left
    mag_left = mag + 2.5 * math.log10(k)
    # Derivatives by the magnitude and by the host's flux.
    mag_by = (k, 1.0 / (_A * left))
    k_by = (_A * k * (k - 1.0), k**2 / flux)
    var = (mag_err**2, host.flux_err_mjy**2)
    mag_var = _together(mag_by, mag_by, var)
    if stokes is None:
        return WithoutHost(mag_left, math.sqrt(mag_var))
    k_var, mag_k_cov = _together(k_by, k_by, var), _together(mag_by, k_by, var)
    q, u = k * stokes.q, k * stokes.u
    q_var = k**2 * stokes.q_err**2 + stokes.q**2 * k_var
    u_var = k**2 * stokes.u_err**2 + stokes.u**2 * k_var
    qu_cov = k**2 * stokes.qu_cov + stokes.q * stokes.u * k_var
    p = math.hypot(q, u)
    along, across = errors_along_and_across(q, u, q_var, u_var, qu_cov)
    return WithoutHost(
        mag=mag_left,
        mag_err=math.sqrt(mag_var),
        q=q,
        q_err=math.sqrt(q_var),
        u=u,
        u_err=math.sqrt(u_var),
        qu_cov=qu_cov,
        mag_q_cov=stokes.q * mag_k_cov,
        mag_u_cov=stokes.u * mag_k_cov,
        p=p,
        p_err=along,
        p_debiased=mas_estimate(p, across),
        mag_p_cov=math.hypot(stokes.q, stokes.u) * mag_k_cov,
    )


def _together(one: tuple[float, float], other: tuple[float, float], var: tuple[float, float]) -> float:
    return sum(a * b * v for a, b, v in zip(one, other, var, strict=True))
