"""From the fluxes of a group to magnitude, q, u, p and chi, by the code that the step pol runs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from iop4cli.science.debias import polarisation
from iop4cli.science.ensemble import Transparency, correct, transparency
from iop4cli.science.magnitudes import FieldSource, calibrate
from iop4cli.science.retarder import fit_retarder
from iop4cli.science.stokes import Calibration, StokesFit, fit_polarised_filter, to_sky

from .cells import FILTER, Setting
from .draw import KNOWN, STAR_SCATTER, Group, Star

CHI_SNR = 3.0
# `along` is the error of (q, u) along its true direction, which a wrong p would shift.
COLUMNS = ("mag", "q", "u", "along", "chi", "p_inside", "p_excluded", "limited")


@dataclass(frozen=True)
class Chain:
    """One group through the chain."""

    group: Group
    is_filter: bool

    @property
    def calibration(self) -> Calibration:
        known = KNOWN[self.is_filter]
        return Calibration(
            known.q_inst, known.q_inst_err, known.u_inst, known.u_inst_err, known.zero_angle_deg, 0.0, known.efficiency
        )

    def outcomes(self) -> list[list[float]]:
        """A row of `COLUMNS` for each target: pulls; 1 or 0; NaN where there is none."""
        totals = [self._total(self.group.calibrators[i], i) for i in range(len(self.group.calibrators))]
        ensemble = self._ensemble(None)
        return [self._outcome(i, ensemble, totals) for i in range(len(self.group.targets))]

    def _outcome(self, number: int, ensemble: Transparency | None, totals: list[tuple[float, float]]) -> list[float]:
        group, target = self.group, self.group.targets[number]
        row = dict.fromkeys(COLUMNS, math.nan)
        try:
            fit = self._fit(target, ensemble)
        except ValueError:
            return list(row.values())
        sky = to_sky(fit, self.calibration, ensemble_corrected=ensemble is not None)
        degree = polarisation(sky.q, sky.u, sky.q_err, sky.u_err, sky.qu_cov)
        true_q, true_u = float(group.q[number]), float(group.u[number])
        true_p, true_chi_deg = math.hypot(true_q, true_u), math.degrees(math.atan2(true_u, true_q)) / 2
        row["q"], row["u"] = (sky.q - true_q) / sky.q_err, (sky.u - true_u) / sky.u_err
        direction = np.array([true_q, true_u]) / true_p if true_p else np.array([1.0, 0.0])
        covariance = np.array([[sky.q_err**2, sky.qu_cov], [sky.qu_cov, sky.u_err**2]])
        row["along"] = float(direction @ [sky.q - true_q, sky.u - true_u] / np.sqrt(direction @ covariance @ direction))
        if true_p > CHI_SNR * degree.p_err:
            row["chi"] = math.remainder(degree.chi_deg - true_chi_deg, 180.0) / degree.chi_err_deg
        row["p_inside"] = float(degree.p_lo68 <= true_p <= degree.p_hi68)
        row["limited"] = float(degree.p_upper95 is not None)
        row["p_excluded"] = float(degree.p_upper95 is not None and true_p > degree.p_upper95)
        mag, mag_err = self._magnitude(number, self._total_of(target, ensemble), totals)
        row["mag"] = (mag - group.mags[number]) / mag_err
        return list(row.values())

    def _ensemble(self, without: int | None) -> Transparency | None:
        """From the field stars and the calibrators, but for the one measured; a plate needs none."""
        if not self.is_filter:
            return None
        stars = [*self.group.field, *(star for i, star in enumerate(self.group.calibrators) if i != without)]
        known = KNOWN[True]
        return transparency(
            np.array([star.flux[0] for star in stars]), np.array([star.error[0] for star in stars]),
            self.group.angles_deg, q_inst=known.q_inst, u_inst=known.u_inst, star_p_scatter=STAR_SCATTER,
        )  # fmt: skip

    def _fit(self, star: Star, ensemble: Transparency | None) -> StokesFit:
        if not self.is_filter:
            return fit_retarder(self.group.angles_deg, star.flux[0], star.error[0], star.flux[1], star.error[1])
        if ensemble is None:
            raise ValueError("no transparency")
        return fit_polarised_filter(
            self.group.angles_deg, *correct(star.flux[0], star.error[0], ensemble), shot_noise=1 / ensemble.relative
        )

    def _total(self, star: Star, number: int) -> tuple[float, float]:
        return self._total_of(star, self._ensemble(number))

    def _total_of(self, star: Star, ensemble: Transparency | None) -> tuple[float, float]:
        """Total flux and its photon error."""
        if not self.is_filter:
            total, variance = star.flux.sum(axis=0), np.square(star.error).sum(axis=0)
            return float(total.mean()), float(np.sqrt(variance.sum())) / total.size
        assert ensemble is not None
        relative = ensemble.relative
        fit = fit_polarised_filter(
            self.group.angles_deg, star.flux[0] / relative, np.diag(np.square(star.error[0] / relative)),
            shot_noise=1 / relative,
        )  # fmt: skip
        return fit.intensity, fit.intensity_err

    def _magnitude(
        self, number: int, total: tuple[float, float], totals: list[tuple[float, float]]
    ) -> tuple[float, float]:
        group = self.group
        sources = [FieldSource("target", *total, usable=True)]
        for i, calibrator in enumerate(totals):
            known = float(group.catalog_mags[number, i]), float(group.catalog_mag_errs[number, i])
            sources.append(FieldSource(f"calibrator {i}", *calibrator, True, *known, ("target",)))
        magnitude = calibrate(sources, "target", "R")["target"]
        if magnitude.mag is None or magnitude.mag_err is None:
            return math.nan, math.nan
        return magnitude.mag, magnitude.mag_err


def outcomes(setting: Setting, groups: list[Group]) -> np.ndarray:
    """Shape (n_groups, n_targets, n_columns)."""
    return np.array([Chain(group, setting.analyser == FILTER).outcomes() for group in groups])
